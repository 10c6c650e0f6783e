// Package claims holds the one noun that flows through azattest: a set of
// typed, multi-valued claims, in the order in which they were stated.
//
// Evidence becomes a [Set], the policy reads one and adds to it, and the token
// is the JSON of one. Which function do I want?
//
//   - to state a claim: [Set.Add] with [String], [Integer], [Boolean], [JSON]
//     or [Object];
//   - to replace what is there: [Set.Put];
//   - to read: [Set.Values], [Set.First], [Set.All];
//   - to write the token's body: [Set.AppendJSON] or json.Marshal, both of
//     which give compact JSON with sorted keys and exact integers;
//   - to read such a body back: json.Unmarshal.
//
// A set is not safe for concurrent use while somebody changes it; any number
// of readers may share one that is no longer changed.
package claims

import (
	"iter"
	"slices"
)

// Set is an ordered, multi-valued claim set: a name may carry several values,
// and neither names nor values lose the order in which they were added. The
// zero Set is empty and ready to use.
type Set struct {
	names  []string
	values map[string][]Value
}

// Add states one more value for name.
func (s *Set) Add(name string, v Value) {
	if s.values == nil {
		s.values = make(map[string][]Value)
	}
	old, known := s.values[name]
	if !known {
		s.names = append(s.names, name)
	}
	s.values[name] = append(old, v)
}

// Put replaces every value of name by vs. Without vs the name is removed.
func (s *Set) Put(name string, vs ...Value) {
	if len(vs) == 0 {
		s.remove(name)
		return
	}
	if s.values == nil {
		s.values = make(map[string][]Value)
	}
	if _, known := s.values[name]; !known {
		s.names = append(s.names, name)
	}
	s.values[name] = slices.Clone(vs)
}

func (s *Set) remove(name string) {
	if _, known := s.values[name]; !known {
		return
	}
	delete(s.values, name)
	s.names = slices.DeleteFunc(s.names, func(n string) bool { return n == name })
}

// Has reports whether name carries a value.
func (s *Set) Has(name string) bool {
	_, ok := s.values[name]
	return ok
}

// Values returns the values of name in the order they were added, nil if there
// are none. The slice belongs to the set: read it, do not change it.
func (s *Set) Values(name string) []Value { return s.values[name] }

// First returns the first value of name.
func (s *Set) First(name string) (Value, bool) {
	vs := s.values[name]
	if len(vs) == 0 {
		return Value{}, false
	}
	return vs[0], true
}

// Len returns the number of distinct names.
func (s *Set) Len() int { return len(s.names) }

// Names returns the names in the order in which they first appeared.
func (s *Set) Names() []string { return slices.Clone(s.names) }

// All ranges over every claim: names in order of appearance, each with its
// values in order.
func (s *Set) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for _, name := range s.names {
			for _, v := range s.values[name] {
				if !yield(name, v) {
					return
				}
			}
		}
	}
}

// AddAll adds every claim of other.
func (s *Set) AddAll(other *Set) {
	for name, v := range other.All() {
		s.Add(name, v)
	}
}

// Clone returns an independent copy.
func (s *Set) Clone() *Set {
	c := new(Set)
	c.AddAll(s)
	return c
}

// Equal reports whether both sets hold the same names with the same values in
// the same order per name. The order of the names themselves does not matter.
func (s *Set) Equal(other *Set) bool {
	if len(s.names) != len(other.names) {
		return false
	}
	for name, vs := range s.values {
		if !slices.Equal(vs, other.values[name]) {
			return false
		}
	}
	return true
}
