package policy

import (
	"github.com/azattest/azattest/claims"
)

// Explanation says what a policy makes of claims, and why, rule by rule. The
// names of its members in JSON are stable. It shows 4096 claims and values at
// most, and 1 MiB of their text; what comes later is only counted.
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
	// EffectsOmitted is how many more it did.
	EffectsOmitted int `json:"effectsOmitted,omitempty"`
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

// ExplainWith explains what [Program.DecideWith] does. The verdict is that of
// DecideWith: the run that is watched only says how it came about.
func (p *Program) ExplainWith(incoming, custom *claims.Set) *Explanation {
	decision, err := p.DecideWith(incoming, custom)
	t := newTracer(nil)
	p.trace(t, incoming, custom)
	t.finish(p, decision, err)
	return t.explanation
}
