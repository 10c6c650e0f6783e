package policy

import (
	"fmt"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/jmespath"
)

// machine is one run of a program.
//
// A condition binds its identifier to all claims that pass it; of conditions that
// compare with one another, to those that belong to a combination in which all
// of them pass. A rule then acts once for every combination of the claims that
// its action refers to; a function works on all of them at once. Claims that a
// rule makes are seen by later rules only. What is made twice counts once.
type machine struct {
	program *Program
	result  *result

	facts  []fact         // facts[0] is a sentinel
	chains []chain        // by slot
	others map[string]int // slots beyond the program's own

	permitted  bool
	denied     *rule // the first that denied
	issuedSize int   // bytes
	// isInToken has the issued values of a type, indexed, that has many.
	isInToken map[claims.Value]bool
	indexed   string
	madeSize  int // bytes
	steps     int
	// queryBudget is what is left of the steps that queries may take.
	queryBudget jmespath.Budget

	rule    *rule
	visible int // facts from here on are not seen by the rule
	// bound is, by place, the fact that is being tried.
	bound []int
	// found are facts that pass conditions, and members is, by place, which of
	// them are those of that condition.
	found   []int
	members []span
	// isMember marks facts that are in found already, while a condition's are
	// being collected.
	isMember []bool
	// sets is, by slot, what the rule's set operands are.
	sets      []values
	pad       []claims.Value
	documents documents

	tracer *tracer // nil unless somebody wants to know why
}

// result is what a run leaves behind. It is made in one piece.
type result struct {
	decision   Decision
	issued     claims.Set
	properties claims.Set
}

// span is a part of a list.
type span struct{ from, to int }

// start sets up a run over claims that come from evidence, and claims that the
// client stated about itself.
func (p *Program) start(incoming, custom *claims.Set) (*machine, error) {
	m, ok := p.machines.Get().(*machine)
	if !ok {
		m = &machine{
			program: p,
			facts:   make([]fact, 1, typicalFacts+p.made),
			chains:  make([]chain, len(p.slots)),
			bound:   make([]int, p.places),
			members: make([]span, p.places),
			sets:    make([]values, p.sets),
		}
	}
	m.queryBudget.Steps = maxQuerySteps
	m.result = new(result)
	m.result.decision = Decision{Issued: &m.result.issued, Properties: &m.result.properties}
	err := m.load(incoming, issuerService)
	if err == nil {
		err = m.load(custom, issuerCustom)
	}
	return m, err
}

// stop lets the next run have the machine's memory. It holds nothing of this run
// any longer.
func (m *machine) stop() {
	if max(cap(m.facts), cap(m.found), cap(m.isMember), cap(m.pad)) > keptFacts {
		return
	}
	clear(m.facts)
	clear(m.chains[:len(m.program.slots)])
	clear(m.sets)
	clear(m.pad[:cap(m.pad)])
	*m = machine{
		program: m.program, facts: m.facts[:1], chains: m.chains[:len(m.program.slots)], bound: m.bound,
		found: m.found[:0], members: m.members, isMember: m.isMember[:0], sets: m.sets, pad: m.pad[:0],
	}
	m.program.machines.Put(m)
}

func (m *machine) load(incoming *claims.Set, by issuer) error {
	if incoming == nil {
		return nil
	}
	for name, v := range incoming.All() {
		if err := m.state(fact{name: name, value: v, issuer: by, readOnly: by == issuerService && isReadOnly(name)}); err != nil {
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
	return &m.result.decision, nil
}

func (m *machine) run(rules []rule) error {
	for i := range rules {
		m.rule = &rules[i]
		m.visible = len(m.facts)
		m.found, m.pad = m.found[:0], m.pad[:0]
		if m.tracer != nil {
			m.tracer.begin(m)
		}
		fired, err := m.apply()
		if m.tracer != nil {
			m.tracer.end(m, fired, err)
		}
		if err != nil {
			return err
		}
	}
	m.rule = nil
	return nil
}

// apply runs the rule. It reports whether the rule's conditions hold.
func (m *machine) apply() (bool, error) {
	ok, err := m.bind()
	if !ok || err != nil {
		return false, err
	}
	a := &m.rule.action
	for _, o := range [...]*operand{&a.kind, &a.value, a.valueType} {
		if o == nil || o.set == nil {
			continue
		}
		// A function that fails must not do so for a rule that does not fire.
		if ok, err := m.joins(len(m.rule.conditions)); !ok || err != nil {
			return false, err
		}
		if err := m.workOut(o.set, len(m.rule.conditions)); err != nil {
			return false, err
		}
	}
	return m.solve(0)
}

// solve tries all claims for the rule's loops from the given one on, those
// before it being bound, and acts on every solution. It reports whether there
// was one.
func (m *machine) solve(next int) (bool, error) {
	if next == len(m.rule.loops) {
		return true, m.act()
	}
	c := &m.rule.conditions[m.rule.loops[next]]
	if c.role != joined {
		s := m.members[c.place]
		for i := s.from; i < s.to; i++ {
			m.bound[c.place] = m.found[i]
			if ok, err := m.solve(next + 1); !ok || err != nil || !m.rule.action.refers {
				return ok, err
			}
		}
		return true, nil
	}
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
		ok, err = m.solve(next + 1)
		if err != nil {
			return false, err
		}
		if c.existential || ok && !m.rule.action.refers {
			return ok, nil
		}
		solved = solved || ok
	}
	return solved, nil
}

// spend accounts for work.
func (m *machine) spend(steps int) error {
	m.steps += steps
	if m.steps > maxSteps {
		return m.exceeded("the rules need more than %d steps for these claims", maxSteps)
	}
	return nil
}

// cost is what comparing a and b takes beyond a step: long texts take longer,
// unless their lengths tell them apart.
func cost(a, b claims.Value) int {
	if n := size(a); n >= bytesPerStep && n == size(b) {
		return n / bytesPerStep
	}
	return 0
}

func (m *machine) fail(format string, args ...any) *EvaluationError {
	err := &EvaluationError{Problem: fmt.Sprintf(format, args...)}
	if m.rule != nil {
		err.Rule = m.program.ruleOf(m.rule)
	}
	return err
}

// exceeded is the failure of a run that reached a bound.
func (m *machine) exceeded(format string, args ...any) *EvaluationError {
	err := m.fail(format, args...)
	err.IsBound = true
	return err
}
