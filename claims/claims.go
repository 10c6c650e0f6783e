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
	"strings"
)

// Set is an ordered, multi-valued claim set: a name may carry several values,
// and neither names nor values lose the order in which they were added. The
// zero Set is empty and ready to use; do not copy a Set, [Set.Clone] it.
type Set struct {
	entries []entry
	// index finds entries by name once there are too many to scan.
	index map[string]int
	// slab is where the first value of each entry lives, so that a set of a
	// dozen claims costs a few allocations instead of a few dozen.
	slab []Value
}

type entry struct {
	name   string
	values []Value
}

const (
	// scanLimit is the number of entries up to which a scan beats a map. The
	// claims of one enclave stay below it.
	scanLimit = 24
	slabSize  = 16
)

// find returns the position of name among the entries, -1 if it has no value.
func (s *Set) find(name string) int {
	if s.index != nil {
		if i, ok := s.index[name]; ok {
			return i
		}
		return -1
	}
	for i := range s.entries {
		if s.entries[i].name == name {
			return i
		}
	}
	return -1
}

// Add states one more value for name.
func (s *Set) Add(name string, v Value) {
	if i := s.find(name); i >= 0 {
		s.entries[i].values = append(s.entries[i].values, v)
		return
	}
	if len(s.slab) == cap(s.slab) {
		s.slab = make([]Value, 0, slabSize)
	}
	s.slab = append(s.slab, v)
	last := len(s.slab)
	s.insert(name, s.slab[last-1:last:last])
}

func (s *Set) insert(name string, values []Value) {
	if s.entries == nil {
		s.entries = make([]entry, 0, slabSize)
	}
	s.entries = append(s.entries, entry{name: name, values: values})
	switch {
	case s.index != nil:
		s.index[name] = len(s.entries) - 1
	case len(s.entries) > scanLimit:
		s.reindex()
	}
}

func (s *Set) reindex() {
	s.index = nil
	if len(s.entries) <= scanLimit {
		return
	}
	s.index = make(map[string]int, 2*len(s.entries))
	for i := range s.entries {
		s.index[s.entries[i].name] = i
	}
}

// Put replaces every value of name by vs. Without vs the name is removed.
func (s *Set) Put(name string, vs ...Value) {
	i := s.find(name)
	switch {
	case len(vs) > 0 && i >= 0:
		s.entries[i].values = slices.Clone(vs)
	case len(vs) > 0:
		s.insert(name, slices.Clone(vs))
	case i >= 0:
		s.entries = slices.Delete(s.entries, i, i+1)
		s.reindex()
	}
}

// Has reports whether name carries a value.
func (s *Set) Has(name string) bool { return s.find(name) >= 0 }

// Values returns the values of name in the order they were added, nil if there
// are none. The slice belongs to the set: read it, do not change it.
func (s *Set) Values(name string) []Value {
	if i := s.find(name); i >= 0 {
		return s.entries[i].values
	}
	return nil
}

// First returns the first value of name.
func (s *Set) First(name string) (Value, bool) {
	if vs := s.Values(name); len(vs) > 0 {
		return vs[0], true
	}
	return Value{}, false
}

// Len returns the number of distinct names.
func (s *Set) Len() int { return len(s.entries) }

// Names returns the names in the order in which they first appeared.
func (s *Set) Names() []string {
	names := make([]string, len(s.entries))
	for i := range s.entries {
		names[i] = s.entries[i].name
	}
	return names
}

// All ranges over every claim: names in order of appearance, each with its
// values in order.
func (s *Set) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for i := range s.entries {
			for _, v := range s.entries[i].values {
				if !yield(s.entries[i].name, v) {
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
	if len(s.entries) != len(other.entries) {
		return false
	}
	for i := range s.entries {
		if !slices.Equal(s.entries[i].values, other.Values(s.entries[i].name)) {
			return false
		}
	}
	return true
}

// sorted returns the entries by name, in buf if they fit.
func (s *Set) sorted(buf []entry) []entry {
	buf = append(buf, s.entries...)
	slices.SortFunc(buf, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return buf
}
