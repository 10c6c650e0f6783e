package policy

import (
	"github.com/azattest/azattest/claims"
)

// bind looks at the rule's conditions and collects the claims that are needed of
// them, save those of joined conditions. It reports whether the conditions may
// hold: what joined ones say shows when the rule is solved.
func (m *machine) bind() (bool, error) {
	for _, place := range m.rule.order {
		c := &m.rule.conditions[place]
		for i := range c.tests {
			o := &c.tests[i].operand
			if o.set == nil {
				continue
			}
			if ok, err := m.joins(place); !ok || err != nil {
				return false, err
			}
			if err := m.workOut(o.set, place); err != nil {
				return false, err
			}
		}
		var ok bool
		var err error
		switch c.role {
		case guard:
			ok, err = m.holds(c)
		case binder:
			ok, err = m.collect(c)
		case joined:
			ok = true
		}
		if !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// holds reports whether a condition that refers to no single claims holds.
func (m *machine) holds(c *condition) (bool, error) {
	for i := m.first(c.slot); i != 0 && i < m.visible; i = m.after(c.slot, i) {
		if ok, err := m.passes(c, i); ok || err != nil {
			return !c.negated, err
		}
	}
	return c.negated, nil
}

// collect binds a condition to all claims that pass, and reports whether there is
// one.
func (m *machine) collect(c *condition) (bool, error) {
	from := len(m.found)
	for i := m.first(c.slot); i != 0 && i < m.visible; i = m.after(c.slot, i) {
		ok, err := m.passes(c, i)
		if err != nil {
			return false, err
		}
		if ok {
			m.found = append(m.found, i)
		}
	}
	m.members[c.place] = span{from, len(m.found)}
	return len(m.found) > from, nil
}

// joins reports whether the joined conditions before a place hold together.
func (m *machine) joins(before int) (bool, error) {
	return m.combine(0, before, nil)
}

// combine tries all combinations of claims for the joined conditions from the
// given one on and before a place. It calls visit on each, or is content with the
// first if there is none to call.
func (m *machine) combine(next, before int, visit func() error) (bool, error) {
	for next < before && m.rule.conditions[next].role != joined {
		next++
	}
	if next == before {
		if visit != nil {
			return true, visit()
		}
		return true, nil
	}
	c := &m.rule.conditions[next]
	solved := false
	for i := m.first(c.slot); i != 0 && i < m.visible; i = m.after(c.slot, i) {
		ok, err := m.passes(c, i)
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		m.bound[c.place] = i
		ok, err = m.combine(next+1, before, visit)
		if err != nil {
			return false, err
		}
		if ok && visit == nil || c.existential {
			return ok, nil
		}
		solved = solved || ok
	}
	return solved, nil
}

// gather binds a joined condition to the claims that belong to a combination of
// the joined conditions before a place.
func (m *machine) gather(c *condition, before int) error {
	from := len(m.found)
	m.isMember = append(m.isMember[:0], make([]bool, m.visible)...)
	if err := m.spend(m.visible / factsPerStep); err != nil {
		return err
	}
	_, err := m.combine(0, before, func() error {
		if i := m.bound[c.place]; !m.isMember[i] {
			m.isMember[i] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range m.isMember {
		if m.isMember[i] {
			m.found = append(m.found, i)
		}
	}
	m.members[c.place] = span{from, len(m.found)}
	return nil
}

// workOut computes a set operand, for which the joined conditions before a place
// count.
func (m *machine) workOut(s *setOperand, before int) error {
	if err := m.gatherFor(&s.expression, before); err != nil {
		return err
	}
	v, err := m.evaluate(&s.expression)
	m.sets[s.slot] = v
	return err
}

// gatherFor binds the joined conditions that an expression refers to.
func (m *machine) gatherFor(e *expression, before int) error {
	if e.call != nil {
		for i := range e.call.arguments {
			if err := m.gatherFor(&e.call.arguments[i], before); err != nil {
				return err
			}
		}
		return nil
	}
	if e.place < 0 || m.rule.conditions[e.place].role != joined {
		return nil
	}
	return m.gather(&m.rule.conditions[e.place], before)
}

// first and after walk through the facts of a slot, and end with 0. If it is -1
// they walk through all facts, and on to one that is not there yet.
func (m *machine) first(slot int) int {
	if slot >= 0 {
		return m.chains[slot].first
	}
	return 1
}

func (m *machine) after(slot, i int) int {
	if slot >= 0 {
		return m.facts[i].next
	}
	return i + 1
}

// passes reports whether a claim passes the tests of a condition.
func (m *machine) passes(c *condition, i int) (bool, error) {
	if err := m.spend(1); err != nil {
		return false, err
	}
	for j := range c.tests {
		if ok, err := m.satisfies(&c.tests[j], i); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (m *machine) satisfies(t *test, i int) (bool, error) {
	left := m.facts[i].project(t.property)
	if t.operand.set == nil {
		right := m.value(&t.operand)
		if err := m.spend(cost(left, right)); err != nil {
			return false, err
		}
		return compare(left, t.operator, right), nil
	}
	// A set: the comparison holds if it holds for one of its values, so that ==
	// asks whether the claim's is among them.
	for _, right := range m.sets[t.operand.set.slot].list {
		if err := m.spend(1 + cost(left, right)); err != nil {
			return false, err
		}
		if compare(left, t.operator, right) {
			return true, nil
		}
	}
	return false, nil
}

// value returns what a literal or a reference is under the current binding.
func (m *machine) value(o *operand) claims.Value {
	if o.place < 0 {
		return o.literal
	}
	return m.facts[m.bound[o.place]].project(o.property)
}
