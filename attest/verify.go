package attest

import (
	"context"
	"fmt"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
)

// verify lets the configuration rules say what is demanded, then has the
// evidence verified under it.
func (s *Service) verify(ctx context.Context, r *Request, in *admitted) (*evidence.Result, error) {
	parsed, err := in.verifier.Parse(r.Evidence)
	if err != nil {
		return nil, err
	}
	if parsed == nil {
		return nil, incomplete(r.Type, "no evidence")
	}
	// After the evidence has been parsed, which is cheap: whoever has none does
	// not get a policy compiled.
	if err := in.compileDraft(r); err != nil {
		return nil, err
	}
	unverified := parsed.Claims()
	if unverified == nil {
		return nil, incomplete(r.Type, "evidence without claims")
	}
	number, err := s.configure(in, r.Type, unverified)
	if err != nil {
		return nil, err
	}
	want := evidence.Requirements{At: s.verifyAt, TCBEvaluationDataNumber: number}
	if want.At.IsZero() {
		want.At = in.now
	}
	result, err := in.verifier.Verify(ctx, parsed, want)
	if err != nil {
		return nil, err
	}
	if err := checkResult(r.Type, result, want); err != nil {
		return nil, err
	}
	return result, nil
}

// checkResult refuses results that leave a question open. Verifiers are our own
// code; a mistake in one must not become a token.
func checkResult(t Type, r *evidence.Result, want evidence.Requirements) error {
	switch {
	case r == nil:
		return incomplete(t, "no result")
	case r.Type == "":
		return incomplete(t, "no attestation type")
	case r.Claims == nil || r.Claims.Len() == 0:
		return incomplete(t, "no claims")
	case len(r.RuntimeBinding) < bindingSize:
		return incomplete(t, fmt.Sprintf("%d bytes to which runtime data is bound", len(r.RuntimeBinding)))
	case r.InitTimeBinding != nil && len(r.InitTimeBinding) < bindingSize:
		return incomplete(t, fmt.Sprintf("%d bytes to which init-time data is bound", len(r.InitTimeBinding)))
	case r.TCB == nil:
		return incomplete(t, "no TCB")
	case !r.TCB.Status.Valid() || !r.TCB.Platform.Valid() || !r.TCB.QE.Valid():
		return incomplete(t, fmt.Sprintf("TCB statuses %q, %q and %q", r.TCB.Status, r.TCB.Platform, r.TCB.QE))
	case r.TCB.EvaluationDataNumber < want.TCBEvaluationDataNumber:
		return incomplete(t, fmt.Sprintf("a verdict by TCB evaluation data number %d where %d was demanded",
			r.TCB.EvaluationDataNumber, want.TCBEvaluationDataNumber))
	}
	if stated := r.Claims.Values(claimType); len(stated) > 1 || len(stated) == 1 && stated[0] != claims.String(r.Type) {
		return incomplete(t, fmt.Sprintf("attestation type %q and claims that say %v", r.Type, stated))
	}
	return nil
}

func incomplete(t Type, what string) error {
	return fmt.Errorf("attest: the verifier for %s returned %s", t, what)
}
