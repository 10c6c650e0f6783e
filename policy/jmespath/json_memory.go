package jmespath

import (
	"slices"
	"sort"
)

const (
	// maxChunk is how many values are allocated at once.
	maxChunk = 512
	// bytesPerValue is how much text there is to a value, about: short
	// documents need no whole chunk.
	bytesPerValue = 16
	// maxShapes is how many sets of names are remembered.
	maxShapes = 16
)

// memory is where the values of a document are kept: few allocations for many
// small arrays and objects, and the names once for all objects that have the
// same, as the events of a log have.
type memory struct {
	chunk  int
	spare  []Value
	nodes  []node
	shapes []shape
	oldest int
}

// shape is the names of an object, sorted, and how long they are as JSON.
type shape struct {
	names []string
	size  int
}

// shape returns the shape with these names.
func (m *memory) shape(names []string) shape {
	for i := range m.shapes {
		if slices.Equal(m.shapes[i].names, names) {
			return m.shapes[i]
		}
	}
	s := shape{slices.Clone(names), namesSize(names)}
	if len(m.shapes) < maxShapes {
		m.shapes = append(m.shapes, s)
		return s
	}
	m.shapes[m.oldest] = s
	m.oldest = (m.oldest + 1) % maxShapes
	return s
}

// hold returns a node with copies of items.
func (m *memory) hold(s shape, items []Value) *node {
	if len(m.nodes) == cap(m.nodes) {
		m.nodes = make([]node, 0, 1+m.chunk/4)
	}
	m.nodes = append(m.nodes, node{names: s.names, items: m.copied(items)})
	n := &m.nodes[len(m.nodes)-1]
	n.measure(s.size)
	return n
}

func (m *memory) copied(items []Value) []Value {
	if len(items) > m.chunk/4 {
		return slices.Clone(items)
	}
	if len(items) > cap(m.spare)-len(m.spare) {
		m.spare = make([]Value, 0, m.chunk)
	}
	start := len(m.spare)
	m.spare = append(m.spare, items...)
	return m.spare[start:len(m.spare):len(m.spare)]
}

// members sorts an object's members by name.
type members struct {
	names []string
	items []Value
}

func (m members) Len() int           { return len(m.names) }
func (m members) Less(i, j int) bool { return m.names[i] < m.names[j] }
func (m members) Swap(i, j int) {
	m.names[i], m.names[j] = m.names[j], m.names[i]
	m.items[i], m.items[j] = m.items[j], m.items[i]
}

func (m members) sort() {
	if len(m.names) > 12 {
		sort.Sort(m)
		return
	}
	for i := 1; i < len(m.names); i++ {
		for j := i; j > 0 && m.Less(j, j-1); j-- {
			m.Swap(j, j-1)
		}
	}
}
