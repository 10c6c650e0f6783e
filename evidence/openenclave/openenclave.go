// Package openenclave verifies what enclaves of the Open Enclave SDK hand out:
// reports, evidence and attested certificates. Each carries an SGX quote, which
// evidence/sgx verifies; this package unwraps it and checks what the wrapping
// binds to it.
//
// Which function do I want?
//
//   - [Parse] for the bytes that oe_get_report or oe_get_evidence returned;
//   - [ParseEvidence] for evidence without its header, where the format is known
//     from elsewhere;
//   - [ParseCertificate] for a TLS certificate with a report inside;
//   - [ParseEndorsements] for the endorsements that oe_get_evidence returned
//     beside the evidence: collateral, ready for a verification;
//   - [IsAttested] to tell such a certificate from any other;
//   - [Verifier.Verify] to verify any of them;
//   - [Verifier.VerifySignatures] where there is no collateral, which proves less.
//
// Sources: Open Enclave SDK, bits/report.h (report header), bits/evidence.h
// (attestation header), attestation/sgx/evidence.h (format UUIDs), bits/
// attestation.h (endorsements), internal/cert.h and internal/evidence.h (object
// identifiers).
package openenclave

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/sgx"
)

// Verifier verifies Open Enclave reports. It is safe for concurrent use.
type Verifier struct {
	quotes *sgx.Verifier
}

// NewVerifier returns a verifier that trusts what c says.
func NewVerifier(c sgx.Config) (*Verifier, error) {
	quotes, err := sgx.NewVerifier(c)
	if err != nil {
		return nil, err
	}
	return &Verifier{quotes: quotes}, nil
}

// Verify checks the quote inside, and what the wrapping says is bound to it:
// custom claims, or the certificate's key. The claims are those of SGX; the
// digest that a token shows covers the report as a whole. It returns an
// *[evidence.Error] if anything does not hold.
func (v *Verifier) Verify(ctx context.Context, r *Report, o sgx.Options) (*evidence.Result, error) {
	if err := r.checkBinding(); err != nil {
		return nil, err
	}
	digest := sha256.Sum256(r.raw)
	o.EvidenceDigest = digest[:]
	return v.quotes.Verify(ctx, r.Quote, o)
}

// VerifySignatures checks what can be checked of a report without collateral:
// neither TCB nor revocation, but what the wrapping says is bound to the quote.
// Its result is no [evidence.Result]; see [dcap.Verifier.VerifySignatures].
func (v *Verifier) VerifySignatures(ctx context.Context, r *Report, at time.Time) (*dcap.Signatures, error) {
	if err := r.checkBinding(); err != nil {
		return nil, err
	}
	return v.quotes.VerifySignatures(ctx, r.Quote, at)
}

func (r *Report) checkBinding() error {
	if r.bound == nil {
		return nil
	}
	want := sha256.Sum256(r.bound)
	got := r.Quote.Report.ReportData[:sha256.Size]
	if subtle.ConstantTimeCompare(got, want[:]) != 1 {
		return &evidence.Error{
			Stage: evidence.StageSignature, Code: evidence.CodeMismatch, Part: "report data", Offset: -1,
			Found: fmt.Sprintf("%x", got), Expected: fmt.Sprintf("%x, the hash of the %s", want, r.boundName),
		}
	}
	return nil
}

// Platform says which collateral a report needs; see
// [dcap.Verifier.Platform].
func (v *Verifier) Platform(r *Report) (dcap.Platform, error) { return v.quotes.Platform(r.Quote) }
