package policy

import (
	"errors"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/jmespath"
	"github.com/azattest/azattest/policy/syntax"
)

// tracer watches a run.
type tracer struct {
	explanation *Explanation
	// wants says which rules to explain; nil means all.
	wants func(r *rule) bool
	// isWanted is what it said of the rule that is running.
	isWanted bool
	// room is what there still is for claims and values.
	room room
	// What explaining takes, which the policy does not pay for. Nor does it find
	// what explaining has read: else a watched run could do what others cannot.
	steps, madeSize int
	queryBudget     jmespath.Budget
	documents       documents
	// firstPermit is the first rule that permitted.
	firstPermit *RuleName
}

func newTracer(wants func(r *rule) bool) *tracer {
	return &tracer{
		explanation: new(Explanation), wants: wants,
		room:        room{mentions: maxExplainedMentions, bytes: maxExplainedText, cut: make(map[int]claims.Value)},
		queryBudget: jmespath.Budget{Steps: maxQuerySteps},
	}
}

// trace runs the program under the eyes of a tracer.
func (p *Program) trace(t *tracer, incoming, custom *claims.Set) {
	m, err := p.start(incoming, custom)
	defer m.stop()
	if err != nil {
		return
	}
	m.tracer = t
	// The tracer has seen why, if it fails.
	_, _ = m.decide()
}

func nameOf(p *Program, r *rule) RuleName {
	start := r.source.Range.Start
	return RuleName{
		Section: r.section.String(), Number: r.source.Number,
		Line: start.Line, Column: start.Column, Text: r.source.Range.Of(p.text),
	}
}

// begin looks at the conditions of the rule that is about to run.
func (t *tracer) begin(m *machine) {
	x := ExplainedRule{RuleName: nameOf(m.program, m.rule), State: RuleSkipped, Conditions: []ExplainedCondition{}, Effects: []Effect{}}
	if t.isWanted = t.wants == nil || t.wants(m.rule); t.isWanted {
		t.aside(m, func() { x.Conditions = m.explainConditions() })
	}
	t.explanation.Rules = append(t.explanation.Rules, x)
}

// aside does something with the machine that does not count as the policy's work.
func (t *tracer) aside(m *machine, do func()) {
	t.swap(m)
	do()
	t.swap(m)
	m.found, m.pad = m.found[:0], m.pad[:0]
}

// swap exchanges what the policy has taken for what explaining has.
func (t *tracer) swap(m *machine) {
	m.steps, t.steps = t.steps, m.steps
	m.madeSize, t.madeSize = t.madeSize, m.madeSize
	m.queryBudget, t.queryBudget = t.queryBudget, m.queryBudget
	m.documents, t.documents = t.documents, m.documents
}

// last is the rule that is running.
func (t *tracer) last() *ExplainedRule { return &t.explanation.Rules[len(t.explanation.Rules)-1] }

// made notes a claim that the rule makes.
func (t *tracer) made(verb syntax.Verb, c *claimMade) {
	x := t.last()
	if !t.isWanted || len(x.Effects) >= maxExplainedEffects {
		x.EffectsOmitted++
		return
	}
	name, _ := c.kind.Str()
	made := t.room.claim(Claim{Type: name, Value: c.value, Issuer: issuerPolicy.String(), ReadOnly: c.readOnly}, 0)
	if made == nil {
		x.EffectsOmitted++
		return
	}
	x.Effects = append(x.Effects, Effect{Action: verb.String(), Claim: made})
}

// end notes what became of the rule.
func (t *tracer) end(m *machine, fired bool, err error) {
	x := t.last()
	switch verb := m.rule.action.verb; {
	case err != nil:
		x.State, x.Problem = RuleFailed, problemOf(err)
	case fired:
		x.State = RuleFired
		if verb == syntax.Permit || verb == syntax.Deny {
			x.Effects = append(x.Effects, Effect{Action: verb.String()})
		}
		if verb == syntax.Permit && t.firstPermit == nil {
			t.firstPermit = new(x.RuleName)
		}
		if t.isWanted {
			t.aside(m, func() { m.explainJoined(x.Conditions) })
		}
	}
}

func problemOf(err error) string {
	if failed, ok := errors.AsType[*EvaluationError](err); ok {
		return failed.Problem
	}
	return err.Error()
}

// finish says how it ended, and which rules did not run.
func (t *tracer) finish(p *Program, decision *Decision, err error) {
	x := t.explanation
	var all []*rule
	for _, section := range [][]rule{p.configuration, p.authorization, p.issuance} {
		for i := range section {
			all = append(all, &section[i])
		}
	}
	for _, r := range all[len(x.Rules):] {
		left := ExplainedRule{RuleName: nameOf(p, r), State: RuleNotRun, Conditions: []ExplainedCondition{}, Effects: []Effect{}}
		x.Rules = append(x.Rules, left)
	}
	if denied, ok := errors.AsType[*DeniedError](err); ok {
		x.Verdict = denied.Reason.String()
		x.Deciding = nameOfError(denied.Rule)
		return
	}
	if failed, ok := errors.AsType[*EvaluationError](err); ok {
		x.Verdict, x.Problem = "error", failed.Problem
		x.Deciding = nameOfError(failed.Rule)
		return
	}
	x.Verdict, x.Permitted, x.Deciding = "permit", true, t.firstPermit
	x.Issued, x.Properties = decision.Issued, decision.Properties
}

func nameOfError(r *Rule) *RuleName {
	if r == nil {
		return nil
	}
	return &RuleName{Section: r.Section.String(), Number: r.Number, Line: r.Range.Start.Line, Column: r.Range.Start.Column, Text: r.Text}
}
