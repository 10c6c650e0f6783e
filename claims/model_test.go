package claims

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// model is a set in its plainest form.
type model struct {
	names  []string
	values map[string][]Value
}

func (m *model) add(name string, v Value) {
	if !slices.Contains(m.names, name) {
		m.names = append(m.names, name)
	}
	m.values[name] = append(m.values[name], v)
}

func (m *model) put(name string, vs ...Value) {
	if len(vs) > 0 && !slices.Contains(m.names, name) {
		m.names = append(m.names, name)
	}
	m.values[name] = slices.Clone(vs)
	if len(vs) == 0 {
		delete(m.values, name)
		m.names = slices.DeleteFunc(m.names, func(n string) bool { return n == name })
	}
}

func (m *model) listed() []string {
	var all []string
	for _, name := range m.names {
		for _, v := range m.values[name] {
			all = append(all, name+"="+v.String())
		}
	}
	return all
}

// TestSetAgainstModel compares long random histories with the model: sets small
// enough to scan and large enough for an index, growing and shrinking across
// the border between the two.
func TestSetAgainstModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // repeatable, not secret
		names := 5 + int(seed)
		s, m := new(Set), &model{values: make(map[string][]Value)}
		for step := range 200 {
			name := fmt.Sprintf("n%d", random.IntN(names))
			v := Integer(int64(step))
			switch n := random.IntN(10); {
			case n < 5:
				s.Add(name, v)
				m.add(name, v)
			case n < 7:
				s.Put(name, v, Boolean(true))
				m.put(name, v, Boolean(true))
			default:
				s.Put(name)
				m.put(name)
			}
			if got, want := listed(s), m.listed(); !slices.Equal(got, want) {
				t.Fatalf("seed %d, step %d: claims %v, want %v", seed, step, got, want)
			}
			first, ok := s.First(name)
			if s.Len() != len(m.names) || s.Has(name) != (len(m.values[name]) > 0) || ok != s.Has(name) || ok && first != m.values[name][0] {
				t.Fatalf("seed %d, step %d: %d names, want %d; first %s is %s, %t", seed, step, s.Len(), len(m.names), name, first, ok)
			}
		}
		if c := s.Clone(); !c.Equal(s) || !slices.Equal(listed(c), m.listed()) {
			t.Errorf("seed %d: the clone differs", seed)
		}
	}
}

// TestValuesDoNotOverlap checks that a name's later values never land on those
// of its neighbor.
func TestValuesDoNotOverlap(t *testing.T) {
	t.Parallel()
	const n = 40
	s := new(Set)
	for round := range 3 {
		for i := range n {
			s.Add(fmt.Sprint(i), Integer(int64(100*i+round)))
		}
	}
	for i := range n {
		want := []Value{Integer(int64(100 * i)), Integer(int64(100*i + 1)), Integer(int64(100*i + 2))}
		if got := s.Values(fmt.Sprint(i)); !slices.Equal(got, want) {
			t.Errorf("values of %d are %v", i, got)
		}
	}
}
