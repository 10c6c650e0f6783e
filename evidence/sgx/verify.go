package sgx

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
)

// Options is the input of one verification beside the quote.
type Options struct {
	// Collateral for the quote's platform. Required.
	Collateral *dcap.Collateral
	// At is the time for which everything must be valid. Required.
	At time.Time
	// TCBEvaluationDataNumber is the lowest number that TCB info and QE identity
	// may have, 0 for any.
	TCBEvaluationDataNumber int
	// AcceptStaleCollateral accepts collateral past its nextUpdate; see
	// [dcap.Options].
	AcceptStaleCollateral bool
	// EvidenceDigest is the SHA-256 that the token shows as quotehash, 32 bytes;
	// nil for that of the quote as it was parsed. Whoever unwraps a quote from
	// something else gives the digest of the whole.
	EvidenceDigest []byte
}

// Verify checks a quote and states its claims. It returns an *[evidence.Error]
// if the quote is not genuine; a bad TCB status is no error.
func (v *Verifier) Verify(ctx context.Context, q *Quote, o Options) (*evidence.Result, error) {
	verified, err := v.quotes.Verify(ctx, q.Quote, dcap.Options{
		Collateral:              o.Collateral,
		At:                      o.At,
		TCBEvaluationDataNumber: o.TCBEvaluationDataNumber,
		AcceptStaleCollateral:   o.AcceptStaleCollateral,
	})
	if err != nil {
		return nil, err
	}
	digest := o.EvidenceDigest
	if digest == nil {
		sum := sha256.Sum256(q.Raw())
		digest = sum[:]
	}
	collateral := collateralClaim(digest, &verified.Collateral)
	tokenOnly := new(claims.Set)
	tokenOnly.Add("x-ms-sgx-collateral", collateral)
	tokenOnly.Add("maa-attestationcollateral", collateral)
	result := &evidence.Result{
		Type:           AttestationType,
		Claims:         q.claims,
		PolicyOnly:     Aliases(q.claims),
		TokenOnly:      tokenOnly,
		RuntimeBinding: q.Report.ReportData[:],
		TCB:            verified.TCB,
		Simulated:      verified.Simulated,
	}
	if q.Report.HasKSS() {
		result.InitTimeBinding = q.Report.ConfigID[:]
	}
	return result, nil
}

// VerifySignatures checks what can be checked of a quote without collateral:
// neither TCB nor revocation. Its result is no [evidence.Result], and the claims
// of the quote stay unjudged; see [dcap.Verifier.VerifySignatures].
func (v *Verifier) VerifySignatures(ctx context.Context, q *Quote, at time.Time) (*dcap.Signatures, error) {
	return v.quotes.VerifySignatures(ctx, q.Quote, at)
}

// Platform says which collateral a quote needs; see
// [dcap.Verifier.Platform].
func (v *Verifier) Platform(q *Quote) (dcap.Platform, error) { return v.quotes.Platform(q.Quote) }
