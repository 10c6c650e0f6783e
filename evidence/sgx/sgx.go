// Package sgx verifies Intel SGX quotes and turns them into claims.
//
// Which function do I want?
//
//   - [Parse] takes a quote apart without trusting it: to show it, or to learn
//     from [Quote.Platform] which collateral it needs.
//   - [Verifier.Verify] checks it against that collateral at a given time, and
//     returns claims named as Azure Attestation names them.
//   - [Verifier.VerifySignatures] checks what a quote proves without collateral,
//     which is less: neither TCB nor revocation.
//
// What the enclave is, is in the claims; whether that is acceptable is for a
// policy to say. A debug enclave is genuine and says so.
//
// Sources: Intel, "SGX ECDSA Quote Library Reference DCAP API", appendix A.4;
// Microsoft, "Claim sets" of Azure Attestation.
package sgx

import (
	"github.com/azattest/azattest/evidence/dcap"
)

// AttestationType is the value of x-ms-attestation-type for SGX evidence,
// OpenEnclave reports included.
const AttestationType = "sgx"

// Config is what a [Verifier] trusts.
type Config struct {
	// Roots are the trust anchors; nil means Intel's production root alone.
	Roots []dcap.Root
}

// Verifier verifies SGX quotes. It is immutable to its users and safe for
// concurrent use; see [dcap.Verifier] for what it remembers.
type Verifier struct {
	quotes *dcap.Verifier
}

// NewVerifier returns a verifier. It returns an error if a root is empty.
func NewVerifier(c Config) (*Verifier, error) {
	quotes, err := dcap.NewVerifier(dcap.Config{Roots: c.Roots})
	if err != nil {
		return nil, err
	}
	return &Verifier{quotes: quotes}, nil
}
