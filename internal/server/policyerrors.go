package server

import (
	"errors"
	"fmt"
	"strings"

	"github.com/azattest/azattest/internal/wire"
	"github.com/azattest/azattest/policy"
)

// translatePolicy answers what the policy says no to. Where a rule is to blame,
// clients learn which, but never read it: who sent a draft has its text, and the
// policy in force is the operator's.
func translatePolicy(err error, isDraft bool) (verdict, bool) {
	if e, ok := errors.AsType[*policy.DeniedError](err); ok {
		return deniedVerdict(e), true
	}
	if e, ok := errors.AsType[*policy.EvaluationError](err); ok {
		return unevaluatedVerdict(e, isDraft), true
	}
	if e, ok := errors.AsType[*policy.SyntaxError](err); ok {
		return parserVerdict(e, isDraft), true
	}
	return verdict{}, false
}

// unevaluatedVerdict says which rule failed. What the problem was may quote the
// rule: the log has it, clients only if the policy is their own.
func unevaluatedVerdict(e *policy.EvaluationError, isDraft bool) verdict {
	where := "the policy"
	if e.Rule != nil {
		where = place(e.Rule)
	}
	public := where + " cannot be carried out with these claims"
	if isDraft {
		public = clipReason(where + ": " + e.Problem)
	}
	v := bad(wire.CodePolicyEvaluationError, wire.PolicyEngine("A rule cannot be carried out with these claims."))
	v.reason, v.cause = public, clipReason(where+": "+e.Problem)
	v.body.Reason = "not-evaluated"
	v.body.Details = []wire.Detail{{Code: v.body.Reason, Message: public}}
	return v
}

// deniedVerdict has no reason: these two messages were recorded, and are kept to
// the byte. Which rule denied stands in the details.
func deniedVerdict(e *policy.DeniedError) verdict {
	message := wire.NoPermit()
	if e.Reason == policy.Denied {
		message = wire.Denied()
	}
	v := bad(wire.CodePolicyEvaluationError, message)
	v.body.Reason, v.cause = e.Reason.String(), e.Reason.String()
	if e.Rule != nil {
		v.cause += " by " + place(e.Rule)
		v.body.Details = []wire.Detail{{Code: v.body.Reason, Message: "denied by " + place(e.Rule)}}
	}
	return v
}

// explainDenial adds to the answer which claims the policy turned down, in the form
// that is reported of the real service. What the rule wanted instead is for those
// to read who have the policy.
func explainDenial(v *verdict, err error, isDraft bool) {
	denied, ok := errors.AsType[*policy.DeniedError](err)
	if !ok {
		return
	}
	v.body.Reason, v.body.AlwaysDetailed = wire.CodePolicyValidationFailure, true
	blamed := denied.Claims()
	for _, c := range blamed[:min(len(blamed), maxDetails)] {
		d := wire.Detail{
			Code:    wire.CodePolicyFailureClaim,
			Message: fmt.Sprintf("rule %d of %s at %d:%d", c.Rule.Number, c.Rule.Section, c.Rule.Line, c.Rule.Column),
			Target:  wire.Clip(c.Type),
		}
		if c.Value.Kind() != 0 && !c.ReadOnly {
			d.Value = wire.Clip(c.Value.String())
		}
		if isDraft && !c.ReadOnly {
			d.Message = clipReason(d.Message + ": " + c.Reason)
		}
		v.body.Details = append(v.body.Details, d)
	}
}

// place names a rule without its text.
func place(r *policy.Rule) string {
	return fmt.Sprintf("rule %d of %s at %s", r.Number, r.Section, r.Range)
}

// parserVerdict puts the first fault of a policy into the real service's form,
// and all faults in our words behind it. It is a draft, or was to be set.
func parserVerdict(e *policy.SyntaxError, isDraft bool) verdict {
	first := e.Diagnostics[0]
	failure := first.Message
	if len(first.Expected) > 0 {
		failure = wire.Mismatch(wire.Clip(first.Found), first.Expected)
	}
	v := bad(wire.CodePolicyParsingError, wire.PolicyParser(wire.PolicyFault{
		Symbol: wire.Clip(first.Found), Line: first.Range.Start.Line, Column: first.Range.Start.Column,
		Failure: failure, Rule: first.Production,
	}))
	v.body.Reason = string(first.Code)
	// The message quotes the policy; its author has it, the log needs none of it.
	v.cause = fmt.Sprintf("policy at %s: %s", first.Range, first.Code)
	if isDraft {
		v.body.Target, v.cause = "draftPolicyForAttestation", "draft "+v.cause
	}
	lines := make([]string, len(e.Diagnostics))
	for i, d := range e.Diagnostics {
		lines[i] = d.String()
		if i < maxDetails {
			v.body.Details = append(v.body.Details, wire.Detail{Code: string(d.Code), Message: clipReason(d.String())})
		}
	}
	v.reason = strings.Join(lines, "\r\n") + "\r\n"
	return v
}

// clipReason bounds a text that may quote what the client sent.
func clipReason(text string) string {
	if len(text) <= maxReason {
		return text
	}
	return strings.ToValidUTF8(text[:maxReason], "") + "…"
}
