package policy

import (
	"fmt"
	"strings"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// SyntaxError says why a text is no policy.
type SyntaxError struct {
	// Diagnostics are all faults found, at least one and at most 20. The first
	// is the one to mend first.
	Diagnostics []syntax.Diagnostic
}

func (e *SyntaxError) Error() string {
	first := e.Diagnostics[0].String()
	switch more := len(e.Diagnostics) - 1; more {
	case 0:
		return "policy text at " + first
	case 1:
		return "policy text at " + first + ", and 1 more fault"
	default:
		return fmt.Sprintf("policy text at %s, and %d more faults", first, more)
	}
}

// Rule names a rule of a policy.
type Rule struct {
	Section syntax.SectionKind
	// Number counts the section's rules from 1.
	Number int
	Range  syntax.Range
	// Text is the rule as the policy has it.
	Text string
}

// String returns where the rule stands and what it says, on one line.
func (r *Rule) String() string {
	const most = 120
	text := strings.Join(strings.Fields(r.Text), " ")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return fmt.Sprintf("rule %d of %s at %s, %s", r.Number, r.Section, r.Range, text)
}

// Reason says why a policy does not permit.
type Reason uint8

// The reasons.
const (
	// NoPermit means that no rule permitted.
	NoPermit Reason = iota + 1
	// Denied means that a rule denied.
	Denied
)

// String returns the reason as a word: "no-permit", "denied".
func (r Reason) String() string {
	switch r {
	case NoPermit:
		return "no-permit"
	case Denied:
		return "denied"
	}
	return fmt.Sprintf("Reason(%d)", uint8(r))
}

// DeniedError says that a policy does not accept the claims.
type DeniedError struct {
	Reason Reason
	// Rule is the first rule that denied, nil if none did.
	Rule *Rule

	// What was decided over, for whoever asks why.
	program          *Program
	incoming, custom *claims.Set
}

func (e *DeniedError) Error() string {
	if e.Rule == nil {
		return "policy: no rule of authorizationrules permits these claims"
	}
	return fmt.Sprintf("policy: denied by %s", e.Rule)
}

// EvaluationError says that a rule cannot be carried out with the claims given.
type EvaluationError struct {
	// Rule is the one that failed, nil if it was none.
	Rule *Rule
	// Problem says what is wrong.
	Problem string
	// IsBound is set if the rules would have taken too much work or memory.
	IsBound bool
	// Err is the cause, if another package found it.
	Err error
}

// Unwrap returns the cause.
func (e *EvaluationError) Unwrap() error { return e.Err }

func (e *EvaluationError) Error() string {
	if e.Rule == nil {
		return "policy: " + e.Problem
	}
	return fmt.Sprintf("policy: %s: %s", e.Rule, e.Problem)
}
