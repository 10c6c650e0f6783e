package jmespath

import (
	"math"
	"slices"
)

// Kind is the type of a JSON value, with integers apart from other numbers.
type Kind uint8

// The kinds.
const (
	KindNull Kind = iota
	KindBoolean
	// KindInteger is a number written without fraction and exponent, whatever
	// its size.
	KindInteger
	KindFloat
	KindString
	KindArray
	KindObject
)

// String returns the kind's name: "integer", "float", and else as the function
// type has it.
func (k Kind) String() string {
	switch k {
	case KindNull:
		return "null"
	case KindBoolean:
		return "boolean"
	case KindInteger:
		return "integer"
	case KindFloat:
		return "float"
	case KindString:
		return "string"
	case KindArray:
		return "array"
	case KindObject:
		return "object"
	}
	return "unknown"
}

// Value is a JSON value. It cannot be changed, so it may be shared. The zero
// Value is null.
type Value struct {
	kind Kind
	// bits is a boolean as 0 or 1, an integer of 64 bits, the bits of a float,
	// or of a string the length that it has as JSON.
	bits int64
	// text is a string, or the digits of an integer beyond 64 bits.
	text string
	// node is what an array or an object holds.
	node *node
}

// node is what an array or an object holds. It never changes.
type node struct {
	// names are the names of an object's members, sorted bytewise, each once.
	names []string
	// items are the elements, or the members' values in the order of names.
	items []Value
	// size is at least the length as JSON: what is shared counts as often as
	// it would be written.
	size int
	// depth is how deep it nests: 1 if it holds no array and no object.
	depth int
}

func booleanValue(b bool) Value {
	if b {
		return Value{kind: KindBoolean, bits: 1}
	}
	return Value{kind: KindBoolean}
}

func integerValue(i int64) Value { return Value{kind: KindInteger, bits: i} }

func floatValue(f float64) Value {
	return Value{kind: KindFloat, bits: int64(math.Float64bits(f))} //nolint:gosec // G115: the bits are kept, not a number
}

func stringValue(s string) Value {
	return Value{kind: KindString, bits: int64(stringSize(s)), text: s}
}

// newNode returns a node with its measures taken. An object's names must be
// sorted.
func newNode(names []string, items []Value) *node {
	n := &node{names: names, items: items}
	n.measure(namesSize(names))
	return n
}

// measure sets a node's measures, of which names is what its names take.
func (n *node) measure(names int) {
	n.size, n.depth = len("{}")+names, 1
	for i := range n.items {
		n.size += 1 + n.items[i].size()
		if below := n.items[i].node; below != nil {
			n.depth = max(n.depth, 1+below.depth)
		}
	}
}

// namesSize returns how long an object's names are as JSON.
func namesSize(names []string) int {
	size := 0
	for _, name := range names {
		size += 1 + stringSize(name)
	}
	return size
}

func arrayValue(n *node) Value  { return Value{kind: KindArray, node: n} }
func objectValue(n *node) Value { return Value{kind: KindObject, node: n} }

// Kind returns what v is.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether v is null.
func (v Value) IsNull() bool { return v.kind == KindNull }

// Bool returns a boolean, and whether v is one.
func (v Value) Bool() (bool, bool) {
	return v.kind == KindBoolean && v.bits != 0, v.kind == KindBoolean
}

// Int returns an integer, and whether v is one and has 64 bits or less.
func (v Value) Int() (int64, bool) {
	if v.kind != KindInteger || v.text != "" {
		return 0, false
	}
	return v.bits, true
}

// Float returns a number, integer or not, as the float64 nearest to it, and
// whether v is a number. An integer beyond float64 is infinite.
func (v Value) Float() (float64, bool) {
	if !v.isNumber() {
		return 0, false
	}
	return v.asFloat(), true
}

// Str returns a string, and whether v is one.
func (v Value) Str() (string, bool) {
	if v.kind != KindString {
		return "", false
	}
	return v.text, true
}

// Len returns how many elements or members v has: 0 if it is neither an array
// nor an object.
func (v Value) Len() int {
	if v.node == nil {
		return 0
	}
	return len(v.node.items)
}

// Elem returns an array's element, or the value of an object's member in the
// order of names. It panics unless 0 <= i < [Value.Len].
func (v Value) Elem(i int) Value { return v.node.items[i] }

// Name returns the name of an object's member in the order of names. It panics
// unless v is an object and 0 <= i < [Value.Len].
func (v Value) Name(i int) string { return v.node.names[i] }

// Get returns the value of an object's member, and whether v is an object that
// has it.
func (v Value) Get(name string) (Value, bool) {
	if i := v.find(name); i >= 0 {
		return v.node.items[i], true
	}
	return Value{}, false
}

// find returns the place of an object's member, -1 if v is none or has none.
func (v *Value) find(name string) int {
	if v.kind != KindObject {
		return -1
	}
	names := v.node.names
	if len(names) > 8 {
		if i, found := slices.BinarySearch(names, name); found {
			return i
		}
		return -1
	}
	for i := range names {
		if names[i] == name {
			return i
		}
	}
	return -1
}

// Equal reports whether two values are the same JSON: numbers by what they are
// worth, so that 1 equals 1.0, and objects whatever their order.
func (v Value) Equal(w Value) bool {
	switch {
	case v.isNumber() && w.isNumber():
		return compareNumbers(v, w) == 0
	case v.kind != w.kind:
		return false
	case v.node == w.node && v.node != nil:
		return true
	case v.node != nil:
		return slices.Equal(v.node.names, w.node.names) && slices.EqualFunc(v.node.items, w.node.items, Value.Equal)
	case v.kind == KindString:
		return v.text == w.text
	}
	return v.bits == w.bits
}

// isTrue reports whether v counts as true: everything does but null, false, and
// what is empty. The number 0 counts as true.
func (v *Value) isTrue() bool {
	switch v.kind {
	case KindNull:
		return false
	case KindBoolean:
		return v.bits != 0
	case KindString:
		return v.text != ""
	case KindArray, KindObject:
		return len(v.node.items) > 0
	default:
		return true
	}
}

func (v *Value) isNumber() bool { return v.kind == KindInteger || v.kind == KindFloat }

// typeName returns the type as JMESPath names it.
func (v Value) typeName() string {
	if v.isNumber() {
		return "number"
	}
	return v.kind.String()
}
