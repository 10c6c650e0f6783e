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
	start := in.watch.begin()
	parsed, err := in.verifier.Parse(r.Evidence)
	in.watch.end(ctx, PhaseParse, start)
	if err != nil {
		return nil, err
	}
	if parsed == nil {
		return nil, incomplete(r.Type, "no evidence")
	}
	if err := s.checkChallenge(r.Type, parsed); err != nil {
		return nil, err
	}
	// After the evidence has been parsed, which is cheap: whoever has none does
	// not get a policy compiled.
	start = in.watch.begin()
	number, err := s.prepare(r, in, parsed)
	in.watch.pause(start)
	if err != nil {
		return nil, err
	}
	want := evidence.Requirements{
		At: s.verifyAt, TCBEvaluationDataNumber: number, PCRs: in.demands.pcrs, ValidAIK: in.demands.validAIK,
		Documents: in.policy.ReadsDocuments(),
	}
	if want.At.IsZero() {
		want.At = in.now
	}
	start = in.watch.begin()
	result, err := in.verifier.Verify(ctx, parsed, want)
	in.watch.end(ctx, PhaseVerify, start)
	if err != nil {
		return nil, err
	}
	if err := checkResult(r.Type, result, want); err != nil {
		return nil, err
	}
	return result, nil
}

// prepare compiles the draft, if there is one, and runs the configuration rules.
// It returns the TCB evaluation data number that they demand.
func (s *Service) prepare(r *Request, in *admitted, parsed evidence.Evidence) (int, error) {
	if err := in.compileDraft(r); err != nil {
		return 0, err
	}
	unverified := parsed.Claims()
	if unverified == nil {
		return 0, incomplete(r.Type, "evidence without claims")
	}
	if err := s.configure(in, r.Type, unverified); err != nil {
		return 0, err
	}
	return s.tcbNumber(in.demands)
}

// checkResult refuses results that leave a question open. Verifiers are our own
// code; a mistake in one must not become a token.
func checkResult(t Type, r *evidence.Result, want evidence.Requirements) error {
	switch {
	case r == nil:
		return incomplete(t, "no result")
	case r.Type == "":
		return incomplete(t, "no attestation type")
	case t == TPM:
		return checkReport(t, r)
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

// checkReport is checkResult for evidence that knows no TCB and binds no data.
func checkReport(t Type, r *evidence.Result) error {
	switch {
	case r.PolicyOnly == nil || r.PolicyOnly.Len() == 0 || r.TokenOnly == nil:
		return incomplete(t, "no claims")
	case r.Claims != nil && r.Claims.Len() > 0:
		return incomplete(t, "claims that its report has no place for")
	case r.RuntimeBinding != nil || r.InitTimeBinding != nil || r.TCB != nil:
		return incomplete(t, "a TCB, or bytes to which data is bound")
	}
	return nil
}

func incomplete(t Type, what string) error {
	return fmt.Errorf("attest: the verifier for %s returned %s", t, what)
}
