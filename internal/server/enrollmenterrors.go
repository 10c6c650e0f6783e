package server

import (
	"errors"
	"fmt"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/enroll"
	"github.com/azattest/azattest/internal/wire"
)

// notEnrolled begins what is said of keys and certificates that do not allow it.
const notEnrolled = "The TPM cannot be enrolled"

// translateEnrollment answers why a key gets no certificate. What is wrong with an
// endorsement key is no fault of evidence, of which Microsoft's sentences speak.
func translateEnrollment(err error, op operation) (verdict, bool) {
	if errors.Is(err, errNoAuthority) {
		v := bad(wire.CodeInvalidOperation, "The operation is not possible: this service enrolls no TPMs.")
		v.reason = " Its configuration lacks tpm.ekRootFiles, with tpm.enrollment.certificateFile and tpm.enrollment.keyFile."
		v.cause = err.Error()
		return v, true
	}
	if e, ok := errors.AsType[*enroll.PeriodError](err); ok {
		v := bad(wire.CodeInvalidOperation, "The operation is not possible: the authority that enrolls TPMs is out of its time.")
		v.reason, v.cause = " The operator makes another one: "+e.Problem+".", e.Error()
		return v, true
	}
	if e, ok := errors.AsType[*enroll.Error](err); ok {
		v := bad(wire.CodeInvalidParameter, notEnrolled)
		if e.Reason == enroll.ReasonExpired || e.Reason == enroll.ReasonContext {
			v.body.Message += ", begin again"
		}
		v.reason, v.cause, v.body.Reason = ": "+e.Problem, e.Error(), string(e.Reason)
		v.body.Target = enrollmentTargets[e.Reason]
		return v, true
	}
	e, ok := errors.AsType[*evidence.Error](err)
	if !ok || !op.isEnrollment() {
		return verdict{}, false
	}
	v := bad(wire.CodeInvalidParameter, notEnrolled)
	v.reason = fmt.Sprintf(" (%s/%s): %s", e.Stage, e.Code, e.Detail())
	v.cause = fmt.Sprintf("%s: %s: %s", e.Stage, e.Part, e.Code)
	v.body.Reason = string(e.Code)
	v.body.Details = []wire.Detail{{Code: string(e.Code), Message: clipReason(e.Error()), Target: wire.Clip(e.Part)}}
	return v, true
}

// enrollmentTargets are the members that a refusal is about.
var enrollmentTargets = map[enroll.Reason]string{
	enroll.ReasonExpired: wire.ContextMember,
	enroll.ReasonContext: wire.ContextMember,
	enroll.ReasonKey:     wire.AIKPublicMember,
	enroll.ReasonSecret:  wire.SecretMember,
}
