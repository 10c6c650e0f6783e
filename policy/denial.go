package policy

import (
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// DeniedClaim is a claim that a policy turned down.
type DeniedClaim struct {
	// Rule is the one that turned it down.
	Rule RuleName
	// Type is the claim's type, "" where the rule does not say which claim it is
	// about.
	Type string
	// Value is the zero Value if there is no such claim.
	Value claims.Value
	// ReadOnly is set if the claim may be read but not issued: nobody but the
	// policy is to see its value.
	ReadOnly bool
	// Reason says in words what is wrong with the claim.
	Reason string
}

// Claims returns the claims that are to blame: those with which the first rule
// that denied fired, or, if no rule permitted, for each rule that could have
// permitted the claim that came nearest to what it wants; 16 at most. It runs the
// policy once more, over the claims that were given to [Program.Decide].
func (e *DeniedError) Claims() []DeniedClaim {
	if e.program == nil {
		return nil
	}
	left := maxExplainedClaims
	t := newTracer(func(r *rule) bool {
		if r.section != syntax.Authorization {
			return false
		}
		if e.Reason == Denied {
			return r.source.Number == e.Rule.Number
		}
		if r.action.verb != syntax.Permit || left == 0 {
			return false
		}
		left--
		return true
	})
	e.program.trace(t, e.incoming, e.custom)
	var blamed []DeniedClaim
	for i := range t.explanation.Rules {
		r := &t.explanation.Rules[i]
		if e.Reason == Denied {
			blamed = append(blamed, r.grounds()...)
		} else {
			blamed = append(blamed, r.obstacle()...)
		}
	}
	return blamed[:min(len(blamed), maxExplainedClaims)]
}

// grounds are the claims with which a rule fired, and those that it missed.
func (r *ExplainedRule) grounds() []DeniedClaim {
	var blamed []DeniedClaim
	for _, c := range r.Conditions {
		for _, claim := range c.Claims {
			blamed = append(blamed, DeniedClaim{Rule: r.RuleName, Type: claim.Type, Value: claim.Value, ReadOnly: claim.ReadOnly, Reason: "a rule denies it"})
		}
		if len(c.Claims) == 0 && c.Omitted == 0 && c.Mismatch == nil {
			blamed = append(blamed, DeniedClaim{Rule: r.RuleName, Type: c.absent, Reason: "a rule denies its absence"})
		}
	}
	return blamed
}

// obstacle is the claim because of which a rule did not fire.
func (r *ExplainedRule) obstacle() []DeniedClaim {
	for _, c := range r.Conditions {
		if c.Holds {
			continue
		}
		blamed := DeniedClaim{Rule: r.RuleName, Type: c.Mismatch.Type, Reason: c.Mismatch.Reason}
		if c.Mismatch.Claim != nil {
			blamed.Type, blamed.Value, blamed.ReadOnly = c.Mismatch.Claim.Type, c.Mismatch.Claim.Value, c.Mismatch.Claim.ReadOnly
		}
		return []DeniedClaim{blamed}
	}
	return nil
}
