package policy

import (
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// act carries out the rule's action under the current binding.
func (m *machine) act() error {
	switch m.rule.action.verb {
	case syntax.Permit:
		m.permitted = true
		return nil
	case syntax.Deny:
		if m.denied == nil {
			m.denied = m.rule
		}
		return nil
	case syntax.Add, syntax.Issue, syntax.IssueProperty:
	}
	name, v, err := m.claim()
	if err != nil {
		return err
	}
	switch {
	case m.rule.action.verb == syntax.IssueProperty:
		err = m.set(name, v)
	case m.rule.action.verb == syntax.Issue && m.rule.section == syntax.Issuance:
		err = m.issue(name, v)
	}
	if err != nil {
		return err
	}
	return m.state(name, v, issuerPolicy)
}

// claim makes the claim that the action describes.
func (m *machine) claim() (string, claims.Value, error) {
	a := &m.rule.action
	kind, v := m.value(&a.kind), m.value(&a.value)
	name, ok := kind.Str()
	if !ok || name == "" {
		return "", v, m.fail("the type of a claim is set to %s, want a String that is not empty", shown(kind))
	}
	if v.Kind() == 0 {
		return "", v, m.fail("claim %s gets no value: a structured value has no valueType", shown(kind))
	}
	if a.valueType != nil {
		if want, _ := m.value(a.valueType).Str(); want != v.Kind().String() {
			return "", v, m.fail("the value of claim %s is %s (%s), but valueType says %s", shown(kind), shown(v), v.Kind(), shown(claims.String(want)))
		}
	}
	return name, v, nil
}

// set states a property. It has one value: rules that disagree about it cannot
// both be obeyed.
func (m *machine) set(name string, v claims.Value) error {
	p, known := propertyNamed(name)
	if !known {
		return m.fail("there is no property %s", shown(claims.String(name)))
	}
	if p.section != m.rule.section {
		return m.fail("property %s has no effect in %s, it belongs in %s", name, m.rule.section, p.section)
	}
	if fault := p.fault(v); fault != "" {
		return m.fail("%s", fault)
	}
	if before, twice := m.properties.First(name); twice && before != v {
		return m.fail("property %s is set to %s here and to %s before", name, shown(v), shown(before))
	}
	m.properties.Put(name, v)
	return nil
}

// issue puts a claim into the token.
func (m *machine) issue(name string, v claims.Value) error {
	for _, before := range m.issued.Values(name) {
		if err := m.spend(1 + cost(before, v)); err != nil {
			return err
		}
		if before == v {
			return nil
		}
	}
	m.issuedSize += len(name) + size(v)
	if m.issuedSize > maxIssued {
		return m.fail("the rules issue claims of more than %d bytes", maxIssued)
	}
	m.issued.Add(name, v)
	return nil
}

// state adds a claim to those that rules see, unless it is there already or no
// rule could see it.
func (m *machine) state(name string, v claims.Value, by issuer) error {
	slot, named := m.program.slots[name]
	if !named {
		if !m.program.scans {
			return nil
		}
		slot = m.otherSlot(name)
	}
	for i := m.first(slot); i != 0; i = m.after(slot, i) {
		f := &m.facts[i]
		if err := m.spend(1 + cost(f.value, v)); err != nil {
			return err
		}
		if f.value == v && f.issuer == by {
			return nil
		}
	}
	if len(m.facts) > maxFacts {
		return m.fail("there are more than %d claims", maxFacts)
	}
	m.facts = append(m.facts, fact{name: name, value: v, issuer: by})
	m.chains[slot].extend(m.facts)
	return nil
}

// otherSlot returns the slot of a type that no rule names. It is of use only to
// rules that take claims of any type.
func (m *machine) otherSlot(name string) int {
	slot, known := m.others[name]
	if !known {
		if m.others == nil {
			m.others = make(map[string]int)
		}
		slot = len(m.chains)
		m.others[name] = slot
		m.chains = append(m.chains, chain{})
	}
	return slot
}
