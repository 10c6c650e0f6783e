package policy

import (
	"errors"
	"strings"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/jmespath"
	"github.com/azattest/azattest/policy/syntax"
)

// Explanation says what a policy makes of claims, and why, rule by rule. The
// names of its members in JSON are stable.
type Explanation struct {
	// Verdict is "permit", "denied", "no-permit", or "error" if a rule cannot be
	// carried out.
	Verdict   string `json:"verdict"`
	Permitted bool   `json:"permitted"`
	// Problem says what is wrong if the verdict is "error".
	Problem string `json:"problem,omitempty"`
	// Deciding is the first rule that denied, else the first that permitted, or
	// the one that cannot be carried out; nil if none did.
	Deciding *RuleName `json:"deciding"`
	// Rules are all rules, in the order of the text.
	Rules []ExplainedRule `json:"rules"`
	// Issued and Properties are those of the decision; nil unless it permits.
	Issued     *claims.Set `json:"issued,omitempty"`
	Properties *claims.Set `json:"properties,omitempty"`
}

// RuleName says which rule is meant.
type RuleName struct {
	Section string `json:"section"`
	// Number counts the section's rules from 1.
	Number int `json:"number"`
	// Line counts from 1, Column from 0, as in diagnostics.
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Text   string `json:"text"`
}

// RuleState says what became of a rule.
type RuleState string

// The states.
const (
	// RuleFired is of a rule whose conditions hold.
	RuleFired RuleState = "fired"
	// RuleSkipped is of one whose conditions do not hold.
	RuleSkipped RuleState = "skipped"
	// RuleFailed is of one that cannot be carried out.
	RuleFailed RuleState = "failed"
	// RuleNotRun is of one that no longer mattered.
	RuleNotRun RuleState = "not-run"
)

// ExplainedRule is what became of a rule.
type ExplainedRule struct {
	RuleName

	State RuleState `json:"state"`
	// Problem says why a rule cannot be carried out.
	Problem    string               `json:"problem,omitempty"`
	Conditions []ExplainedCondition `json:"conditions"`
	// Effects are what the rule did, at most 64 things.
	Effects []Effect `json:"effects"`
}

// ExplainedCondition is what became of a condition.
type ExplainedCondition struct {
	Text  string `json:"text"`
	Holds bool   `json:"holds"`
	// Claims are those that pass, the first 16: of a rule that fired those that it
	// used. A condition with ! holds if there are none.
	Claims []Claim `json:"claims"`
	// Omitted is how many more pass.
	Omitted int `json:"omitted,omitempty"`
	// Mismatch says why the condition does not hold.
	Mismatch *Mismatch `json:"mismatch,omitempty"`

	// absent is the type that a condition with ! looks for.
	absent string
}

// Claim is a claim as rules see it.
type Claim struct {
	Type string `json:"type"`
	// Value is only the beginning of a long text, such as an event log, as a
	// String. Length is then how many bytes the whole has.
	Value    claims.Value `json:"value"`
	Length   int          `json:"length,omitempty"`
	Issuer   string       `json:"issuer"`
	ReadOnly bool         `json:"readOnly,omitempty"`
}

// explained is a claim as explanations show it.
func explained(name string, v claims.Value, by issuer, readOnly bool) *Claim {
	c := &Claim{Type: name, Value: v, Issuer: by.String(), ReadOnly: readOnly}
	if short := beginning(v); short != v {
		c.Value, c.Length = short, size(v)
	}
	return c
}

// beginning cuts off a long value.
func beginning(v claims.Value) claims.Value {
	if size(v) <= maxExplainedValue {
		return v
	}
	text, isString := v.Str()
	if !isString {
		text, _ = v.RawJSON()
	}
	return claims.String(strings.ToValidUTF8(text[:maxExplainedValue], "") + "…")
}

// Mismatch is the comparison that failed, for the claim that came nearest.
type Mismatch struct {
	// Reason says it in words.
	Reason string `json:"reason"`
	// Type is the type of claim that was looked for, "" for any.
	Type string `json:"type,omitempty"`
	// Claim is nil if no claim came near. What follows is then empty.
	Claim    *Claim       `json:"claim,omitempty"`
	Property string       `json:"property,omitempty"`
	Operator string       `json:"operator,omitempty"`
	Found    claims.Value `json:"found,omitzero"`
	// Want are the values of which none stands in that relation, at most 16. Long
	// ones are cut off as in Claim.
	Want []claims.Value `json:"want,omitempty"`
}

// Effect is a thing that a rule did.
type Effect struct {
	// Action is "permit", "deny", "add", "issue" or "issueproperty". What issue
	// does in authorizationrules is "add".
	Action string `json:"action"`
	// Claim is nil for permit and deny.
	Claim *Claim `json:"claim,omitempty"`
}

// Explain runs the policy as [Program.Decide] does and says why it ends as it
// does.
func (p *Program) Explain(incoming *claims.Set) *Explanation { return p.ExplainWith(incoming, nil) }

// ExplainWith explains what [Program.DecideWith] does.
func (p *Program) ExplainWith(incoming, custom *claims.Set) *Explanation {
	m, err := p.start(incoming, custom)
	defer m.stop()
	t := &tracer{explanation: new(Explanation), queryBudget: jmespath.Budget{Steps: maxQuerySteps}}
	var decision *Decision
	if err == nil {
		m.tracer = t
		decision, err = m.decide()
	}
	t.finish(p, decision, err)
	return t.explanation
}

// tracer watches a run.
type tracer struct {
	explanation *Explanation
	// steps are those that explaining takes, which the policy does not pay for.
	steps       int
	queryBudget jmespath.Budget
	// firstPermit is the first rule that permitted.
	firstPermit *RuleName
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
	x := ExplainedRule{RuleName: nameOf(m.program, m.rule), State: RuleSkipped, Effects: []Effect{}}
	t.aside(m, func() { x.Conditions = m.explainConditions() })
	t.explanation.Rules = append(t.explanation.Rules, x)
}

// aside does something with the machine that does not count as the policy's work.
func (t *tracer) aside(m *machine, do func()) {
	steps, made, budget := m.steps, m.madeSize, m.queryBudget
	m.steps, m.madeSize, m.queryBudget = t.steps, 0, t.queryBudget
	do()
	t.steps, t.queryBudget = m.steps, m.queryBudget
	m.steps, m.madeSize, m.queryBudget = steps, made, budget
	m.found, m.pad = m.found[:0], m.pad[:0]
}

// last is the rule that is running.
func (t *tracer) last() *ExplainedRule { return &t.explanation.Rules[len(t.explanation.Rules)-1] }

// made notes a claim that the rule makes.
func (t *tracer) made(verb syntax.Verb, c *claimMade) {
	name, _ := c.kind.Str()
	t.note(Effect{Action: verb.String(), Claim: explained(name, c.value, issuerPolicy, c.readOnly)})
}

func (t *tracer) note(e Effect) {
	if x := t.last(); len(x.Effects) < maxExplainedEffects {
		x.Effects = append(x.Effects, e)
	}
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
			t.note(Effect{Action: verb.String()})
		}
		if verb == syntax.Permit && t.firstPermit == nil {
			t.firstPermit = new(x.RuleName)
		}
		t.aside(m, func() { m.explainJoined(x.Conditions) })
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
