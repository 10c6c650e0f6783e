package policy

import (
	"fmt"

	"github.com/azattest/azattest/claims"
)

// machine is one run of a program.
//
// A rule fires once for every combination of claims, one for each condition,
// that satisfies all conditions. Claims that it makes are seen by later rules
// only. What is made twice counts once.
type machine struct {
	program *Program

	facts  []fact         // facts[0] is a sentinel
	chains []chain        // by slot
	others map[string]int // slots beyond the program's own

	permitted  bool
	denied     *rule // the first that denied
	issued     *claims.Set
	properties *claims.Set
	issuedSize int
	steps      int

	rule    *rule
	visible int   // facts from here on are not seen by the rule
	bound   []int // by a condition's place, the fact that is being tried
}

// start sets up a run over claims that come from evidence.
func (p *Program) start(incoming *claims.Set) (*machine, error) {
	if incoming == nil {
		incoming = new(claims.Set)
	}
	m := &machine{
		program:    p,
		facts:      make([]fact, 1, 1+incoming.Len()+p.made),
		chains:     make([]chain, len(p.slots)),
		bound:      make([]int, p.places),
		issued:     new(claims.Set),
		properties: new(claims.Set),
	}
	return m, m.load(incoming, issuerService)
}

func (m *machine) load(incoming *claims.Set, by issuer) error {
	for name, v := range incoming.All() {
		if err := m.state(name, v, by); err != nil {
			return err
		}
	}
	return nil
}

// decide runs the whole program.
func (m *machine) decide() (*Decision, error) {
	if err := m.run(m.program.configuration); err != nil {
		return nil, err
	}
	if err := m.run(m.program.authorization); err != nil {
		return nil, err
	}
	if m.denied != nil {
		return nil, &DeniedError{Reason: Denied, Rule: m.program.ruleOf(m.denied)}
	}
	if !m.permitted {
		return nil, &DeniedError{Reason: NoPermit}
	}
	if err := m.run(m.program.issuance); err != nil {
		return nil, err
	}
	return &Decision{Issued: m.issued, Properties: m.properties}, nil
}

func (m *machine) run(rules []rule) error {
	for i := range rules {
		m.rule = &rules[i]
		m.visible = len(m.facts)
		if _, err := m.solve(0); err != nil {
			return err
		}
	}
	m.rule = nil
	return nil
}

// solve tries all claims for the rule's conditions from the given one on, those
// before it being bound, and acts on every solution. It reports whether there
// was one.
func (m *machine) solve(next int) (bool, error) {
	if next == len(m.rule.conditions) {
		return true, m.act()
	}
	c := &m.rule.conditions[next]
	solved := false
	for i := m.first(c.slot); i != 0 && i < m.visible; i = m.after(c.slot, i) {
		if err := m.spend(1); err != nil {
			return false, err
		}
		ok, err := m.satisfies(c, i)
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		m.bound[c.place] = i
		ok, err = m.solve(next + 1)
		if err != nil {
			return false, err
		}
		if c.existential || ok && m.rule.action.constant {
			return ok, nil
		}
		solved = solved || ok
	}
	return solved, nil
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

func (m *machine) satisfies(c *condition, i int) (bool, error) {
	for j := range c.tests {
		t := &c.tests[j]
		left, right := m.facts[i].project(t.property), m.value(&t.operand)
		if err := m.spend(cost(left, right)); err != nil {
			return false, err
		}
		if !compare(left, t.operator, right) {
			return false, nil
		}
	}
	return true, nil
}

// value returns what an operand is under the current binding.
func (m *machine) value(o *operand) claims.Value {
	if o.place < 0 {
		return o.literal
	}
	return m.facts[m.bound[o.place]].project(o.property)
}

// spend accounts for work.
func (m *machine) spend(steps int) error {
	m.steps += steps
	if m.steps > maxSteps {
		return m.fail("the rules need more than %d steps for these claims", maxSteps)
	}
	return nil
}

// cost is what comparing a and b takes beyond a step: long texts take longer,
// unless their lengths tell them apart.
func cost(a, b claims.Value) int {
	const bytesPerStep = 256
	if n := size(a); n >= bytesPerStep && n == size(b) {
		return n / bytesPerStep
	}
	return 0
}

func (m *machine) fail(format string, args ...any) error {
	err := &EvaluationError{Problem: fmt.Sprintf(format, args...)}
	if m.rule != nil {
		err.Rule = m.program.ruleOf(m.rule)
	}
	return err
}
