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
	a := &m.rule.action
	if a.kind.set == nil && a.value.set == nil && (a.valueType == nil || a.valueType.set == nil) {
		made := m.claim()
		if a.valueType != nil {
			return m.makeTyped(&made, m.value(a.valueType))
		}
		return m.makeClaim(&made)
	}
	return m.actOnSets()
}

// claimMade is a claim that an action describes.
type claimMade struct {
	kind, value            claims.Value
	readOnly, readOnlyType bool
}

// claim returns the claim that an action without functions describes.
func (m *machine) claim() claimMade {
	a := &m.rule.action
	ofType := m.taints(&a.kind)
	return claimMade{m.value(&a.kind), m.value(&a.value), ofType || m.taints(&a.value), ofType}
}

// taints reports whether what is made of an operand is read-only.
func (m *machine) taints(o *operand) bool {
	if o.set != nil {
		return m.sets[o.set.slot].readOnly
	}
	return o.place >= 0 && o.property != 0 && m.facts[m.bound[o.place]].taints(o.property)
}

// all returns the values of an operand.
func (m *machine) all(o *operand) []claims.Value {
	if o.set != nil {
		return m.sets[o.set.slot].list
	}
	return m.one(m.value(o)).list
}

// actOnSets makes a claim for every type and value that functions give. Without
// a value there is nothing to make; a claim without a type is a mistake.
func (m *machine) actOnSets() error {
	// What is put there for this combination is not needed for the next.
	used := len(m.pad)
	defer func() { m.pad = m.pad[:used] }()
	a := &m.rule.action
	kinds, vs := m.all(&a.kind), m.all(&a.value)
	if len(vs) == 0 {
		return nil
	}
	if len(kinds) == 0 {
		return m.fail("the type of a claim gets no value, want a String that is not empty")
	}
	ofType := m.taints(&a.kind)
	made := claimMade{readOnly: ofType || m.taints(&a.value), readOnlyType: ofType}
	for _, made.kind = range kinds {
		for _, made.value = range vs {
			if err := m.spend(1); err != nil {
				return err
			}
			if a.valueType == nil {
				if err := m.makeClaim(&made); err != nil {
					return err
				}
				continue
			}
			want := m.all(a.valueType)
			if len(want) != 1 {
				return m.fail("valueType gets %d values, want one", len(want))
			}
			if err := m.makeTyped(&made, want[0]); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeTyped makes a claim whose valueType the action says.
func (m *machine) makeTyped(made *claimMade, valueType claims.Value) error {
	if want, _ := valueType.Str(); made.value.Kind() != 0 && want != made.value.Kind().String() {
		return m.fail("the value of claim %s is %s (%s), but valueType says %s", shown(made.kind), shown(made.value), made.value.Kind(), shown(claims.String(want)))
	}
	return m.makeClaim(made)
}

// makeClaim states the claim, and issues it if the action says so.
func (m *machine) makeClaim(made *claimMade) error {
	name, ok := made.kind.Str()
	if !ok || name == "" {
		return m.fail("the type of a claim is set to %s, want a String that is not empty", shown(made.kind))
	}
	v := made.value
	if v.Kind() == 0 {
		return m.fail("claim %s gets no value: a structured value has no valueType", shown(made.kind))
	}
	verb := m.rule.action.verb
	if verb == syntax.Issue && m.rule.section != syntax.Issuance && issueAdds {
		verb = syntax.Add
	}
	if verb != syntax.Add && made.readOnly {
		return m.fail("claim %s comes of a read-only claim (%s) and cannot be issued: only what ContainsOnlyValue and IsSubsetOf say of it can", shown(made.kind), readOnlyTypes[0])
	}
	var err error
	switch verb {
	case syntax.IssueProperty:
		err = m.set(name, v)
	case syntax.Issue:
		err = m.issue(name, v)
	default:
	}
	if err != nil {
		return err
	}
	if m.tracer != nil {
		m.tracer.made(verb, made)
	}
	return m.state(fact{name: name, value: v, issuer: issuerPolicy, readOnly: made.readOnly, readOnlyType: made.readOnlyType})
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
	before, twice := m.result.properties.First(name)
	if twice && before != v {
		return m.fail("property %s is set to %s here and to %s before", name, shown(v), shown(before))
	}
	if !twice {
		m.result.properties.Put(name, v)
	}
	return nil
}

// issue puts a claim into the token.
func (m *machine) issue(name string, v claims.Value) error {
	twice, err := m.isIssued(name, v)
	if twice || err != nil {
		return err
	}
	m.issuedSize += len(name) + size(v)
	if m.issuedSize > maxIssued {
		return m.exceeded("the rules issue claims of more than %d bytes", maxIssued)
	}
	m.result.issued.Add(name, v)
	return nil
}

// isIssued reports whether a claim is in the token already.
func (m *machine) isIssued(name string, v claims.Value) (bool, error) {
	before := m.result.issued.Values(name)
	if len(before) <= shortChain {
		for _, other := range before {
			if err := m.spend(1 + cost(other, v)); err != nil {
				return false, err
			}
			if other == v {
				return true, nil
			}
		}
		return false, nil
	}
	if err := m.spend(stepsPerLookup + size(v)/bytesPerStep); err != nil {
		return false, err
	}
	if m.isInToken == nil {
		m.isInToken = make(map[claims.Value]bool)
	}
	if m.indexed != name {
		clear(m.isInToken)
		m.indexed = name
		if err := m.readAll(before); err != nil {
			return false, err
		}
		for _, other := range before {
			m.isInToken[other] = true
		}
	}
	twice := m.isInToken[v]
	m.isInToken[v] = true
	return twice, nil
}

// state adds a claim to those that rules see, unless it is there already or no
// rule could see it.
func (m *machine) state(f fact) error {
	slot, named := m.program.slots[f.name]
	if !named {
		if !m.program.scans {
			return nil
		}
		slot = m.otherSlot(f.name)
	}
	i, err := m.findFact(&m.chains[slot], f.statement())
	if err != nil {
		return err
	}
	if i != 0 {
		m.facts[i].readOnly = m.facts[i].readOnly || f.readOnly
		m.facts[i].readOnlyType = m.facts[i].readOnlyType || f.readOnlyType
		return nil
	}
	if len(m.facts) > maxFacts {
		return m.exceeded("there are more than %d claims", maxFacts)
	}
	m.facts = append(m.facts, f)
	m.chains[slot].extend(m.facts)
	return nil
}

// findFact returns the fact of a chain that says the same, 0 if there is none.
func (m *machine) findFact(c *chain, s statement) (int, error) {
	if c.index != nil {
		return c.index[s], m.spend(stepsPerLookup + size(s.value)/bytesPerStep)
	}
	for i := c.first; i != 0; i = m.facts[i].next {
		if err := m.spend(1 + cost(m.facts[i].value, s.value)); err != nil {
			return 0, err
		}
		if m.facts[i].value == s.value && m.facts[i].issuer == s.issuer {
			return i, nil
		}
	}
	return 0, nil
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
