package policy

import (
	"slices"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// values is what an expression stands for: a set, in order, nothing twice. It may
// be empty.
type values struct {
	list []claims.Value
	// readOnly is set if a value comes of a claim that may not be issued.
	readOnly bool
}

// evaluate works out an expression within a set operand. The claims that it
// refers to are bound.
func (m *machine) evaluate(e *expression) (values, error) {
	switch {
	case e.call != nil:
		return m.call(e.call)
	case e.place >= 0:
		return m.projection(e.place, e.property)
	}
	return m.one(e.literal), nil
}

// one is a set of one value.
func (m *machine) one(v claims.Value) values {
	m.pad = append(m.pad, v)
	last := len(m.pad)
	return values{list: m.pad[last-1 : last : last]}
}

// projection returns a property of all claims at a place. What has no such
// property gives nothing.
func (m *machine) projection(place int, p syntax.Property) (values, error) {
	s := m.members[place]
	var made values
	from := len(m.pad)
	for _, i := range m.found[s.from:s.to] {
		f := &m.facts[i]
		made.readOnly = made.readOnly || f.taints(p)
		if v := f.project(p); v.Kind() != 0 {
			m.pad = append(m.pad, v)
		}
	}
	all := m.pad[from:len(m.pad):len(m.pad)]
	list, err := m.distinct(all)
	made.list = list
	return made, err
}

// distinct removes from a list, in place, what stands in it before.
func (m *machine) distinct(list []claims.Value) ([]claims.Value, error) {
	const few = 16
	if len(list) < 2 {
		return list, nil
	}
	if err := m.readAll(list); err != nil {
		return nil, err
	}
	kept := list[:0]
	if len(list) <= few {
		for _, v := range list {
			if !slices.Contains(kept, v) {
				kept = append(kept, v)
			}
		}
		return kept, nil
	}
	seen := make(map[claims.Value]struct{}, len(list))
	for _, v := range list {
		if _, twice := seen[v]; !twice {
			seen[v] = struct{}{}
			kept = append(kept, v)
		}
	}
	return kept, nil
}

// readAll accounts for looking up each value of a list among others.
func (m *machine) readAll(list []claims.Value) error {
	steps := stepsPerLookup * len(list)
	for _, v := range list {
		steps += size(v) / bytesPerStep
	}
	return m.spend(steps)
}

// isSubset reports whether every value of a is one of b. The empty set is a
// subset of every set.
func (m *machine) isSubset(a, b []claims.Value) (bool, error) {
	const few = 16
	if err := m.readAll(a); err != nil {
		return false, err
	}
	if err := m.readAll(b); err != nil {
		return false, err
	}
	if len(a) <= few && len(b) <= few {
		for _, v := range a {
			if !slices.Contains(b, v) {
				return false, nil
			}
		}
		return true, nil
	}
	all := make(map[claims.Value]struct{}, len(b))
	for _, v := range b {
		all[v] = struct{}{}
	}
	for _, v := range a {
		if _, ok := all[v]; !ok {
			return false, nil
		}
	}
	return true, nil
}
