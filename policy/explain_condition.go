package policy

import (
	"fmt"
	"strings"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// explainConditions looks at all conditions of the rule, in the order of the text
// and also behind one that does not hold.
func (m *machine) explainConditions() []ExplainedCondition {
	explained := make([]ExplainedCondition, 0, len(m.rule.conditions))
	for place := range m.rule.conditions {
		c := &m.rule.conditions[place]
		x := ExplainedCondition{Text: c.source.Range.Of(m.program.text), Claims: []Claim{}}
		if c.negated {
			x.absent = m.program.typeOf(c)
		}
		if err := m.bindForExplanation(c); err != nil {
			m.members[place] = span{}
			x.Mismatch = &Mismatch{Reason: problemOf(err), Type: m.program.typeOf(c)}
			explained = append(explained, x)
			continue
		}
		passing := m.members[place]
		m.show(&x, passing)
		x.Holds = (passing.to == passing.from) == c.negated
		switch {
		case x.Holds:
		case c.negated:
			x.Mismatch = &Mismatch{Reason: "there is such a claim, want none", Type: m.program.typeOf(c), Claim: m.claimOf(m.found[passing.from])}
		default:
			x.Mismatch = m.mismatch(c)
		}
		explained = append(explained, x)
	}
	return explained
}

// bindForExplanation binds the condition to all claims that pass, whatever its
// role. Joined conditions behind it do not count.
func (m *machine) bindForExplanation(c *condition) error {
	m.members[c.place] = span{}
	for i := range c.tests {
		if o := &c.tests[i].operand; o.set != nil {
			if err := m.workOut(o.set, c.place); err != nil {
				return err
			}
		}
	}
	if c.role == joined {
		return m.gather(c, c.place+1)
	}
	_, err := m.collect(c)
	return err
}

// explainJoined shows, of a rule that fired, the claims of joined conditions that
// belong to a combination in which all pass.
func (m *machine) explainJoined(explained []ExplainedCondition) {
	for place := range m.rule.conditions {
		c := &m.rule.conditions[place]
		if c.role != joined {
			continue
		}
		// What its functions gave is still there.
		if err := m.gather(c, len(m.rule.conditions)); err == nil {
			m.show(&explained[place], m.members[place])
		}
	}
}

// show shows the first of the claims that a span has, as far as there is room.
func (m *machine) show(x *ExplainedCondition, s span) {
	all := m.found[s.from:s.to]
	x.Claims = make([]Claim, 0, min(len(all), maxExplainedClaims, m.tracer.room.mentions))
	for _, i := range all[:cap(x.Claims)] {
		c := m.claimOf(i)
		if c == nil {
			break
		}
		x.Claims = append(x.Claims, *c)
	}
	x.Omitted = len(all) - len(x.Claims)
}

// claimOf returns a fact as explanations show it, nil if there is no room.
func (m *machine) claimOf(i int) *Claim {
	f := &m.facts[i]
	return m.tracer.room.claim(Claim{Type: f.name, Value: f.value, Issuer: f.issuer.String(), ReadOnly: f.readOnly}, i)
}

// typeOf returns the type of claim that a condition looks for, "" if it is not
// fixed.
func (p *Program) typeOf(c *condition) string {
	for name, slot := range p.slots {
		if slot == c.slot {
			return name
		}
	}
	return ""
}

// mismatch finds the claim that came nearest to passing: of the right type, and
// with the most comparisons that hold.
func (m *machine) mismatch(c *condition) *Mismatch {
	x := &Mismatch{Type: m.program.typeOf(c)}
	nearest, failed, most := 0, -1, -1
	for i := m.first(c.slot); i != 0 && i < m.visible; i = m.after(c.slot, i) {
		score, first := 0, -1
		for j := range c.tests {
			if m.couldPass(&c.tests[j], i) {
				score += 2
			} else if first < 0 {
				first = j
				score += m.isComparable(&c.tests[j], i)
			}
		}
		if score > most {
			nearest, failed, most = i, first, score
		}
		if m.spend(1+len(c.tests)) != nil {
			break
		}
	}
	switch {
	case nearest == 0 && x.Type != "":
		x.Reason = fmt.Sprintf("no claim has the type %s", shown(claims.String(x.Type)))
		if near := m.nearType(x.Type); near != "" {
			x.Reason += fmt.Sprintf(", but one has %s", shown(claims.String(near)))
		}
	case nearest == 0:
		x.Reason = "there is no claim"
	case failed < 0:
		x.Claim = m.claimOf(nearest)
		x.Reason = "no claim passes together with those of the conditions before"
	default:
		m.describe(x, nearest, &c.tests[failed])
	}
	return x
}

// nearType returns a type that somebody may have meant.
func (m *machine) nearType(name string) string {
	var known []string
	for i := 1; i < min(m.visible, 1+maxExplainedEffects); i++ {
		known = append(known, m.facts[i].name)
	}
	return syntax.Nearest(name, known)
}

// couldPass reports whether a comparison holds for some claim bound before.
func (m *machine) couldPass(t *test, i int) bool {
	left := m.facts[i].project(t.property)
	for _, right := range m.wanted(t) {
		if compare(left, t.operator, right) {
			return true
		}
	}
	return false
}

// isComparable returns 1 if a claim has at least the right kind, else 0.
func (m *machine) isComparable(t *test, i int) int {
	for _, right := range m.wanted(t) {
		if right.Kind() == m.facts[i].project(t.property).Kind() {
			return 1
		}
	}
	return 0
}

// wanted returns what a comparison compares with.
func (m *machine) wanted(t *test) []claims.Value {
	switch {
	case t.operand.set != nil:
		return m.sets[t.operand.set.slot].list
	case t.operand.place < 0:
		return []claims.Value{t.operand.literal}
	}
	var all []claims.Value
	s := m.members[t.operand.place]
	for _, i := range m.found[s.from:min(s.to, s.from+maxExplainedClaims)] {
		all = append(all, m.facts[i].project(t.operand.property))
	}
	return all
}

// describe says which comparison failed, for the claim that came nearest.
func (m *machine) describe(x *Mismatch, nearest int, t *test) {
	f := &m.facts[nearest]
	x.Property, x.Operator = t.property.String(), t.operator.String()
	if x.Claim = m.claimOf(nearest); x.Claim == nil {
		x.Reason = fmt.Sprintf("no claim passes %s %s", t.property, t.operator)
		return
	}
	found := f.project(t.property)
	is := found.Kind()
	x.Found = x.Claim.Value
	if t.property != syntax.Value {
		x.Found = found
	}
	all := m.wanted(t)
	var want []string
	for _, v := range all[:min(len(all), maxExplainedClaims)] {
		if !m.tracer.room.take(min(size(v), maxExplainedValue)) {
			break
		}
		x.Want = append(x.Want, beginning(v))
		want = append(want, shown(v))
	}
	what := fmt.Sprintf("%s of %s is %s", t.property, shown(claims.String(f.name)), shown(x.Found))
	switch {
	case len(all) == 0:
		x.Reason = what + ", and there is nothing to compare it with"
	case len(want) == 0:
		x.Reason = what
	case is != all[0].Kind():
		x.Reason = fmt.Sprintf("%s (%s), want %s %s (%s)", what, is, t.operator, strings.Join(want, " or "), all[0].Kind())
	default:
		x.Reason = fmt.Sprintf("%s, want %s %s", what, t.operator, strings.Join(want, " or "))
	}
}
