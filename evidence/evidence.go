// Package evidence says what a verifier of evidence is: what goes in, what
// comes out, and how a refusal looks. It verifies nothing itself; each kind of
// evidence has a room of its own (evidence/sgx, evidence/openenclave, …).
//
// Two things are kept apart here that are easily mixed up. A verifier says what
// is true: the evidence is genuine, these are its measurements, this is the TCB
// status of its platform. Whether that is good enough is for the policy and the
// operator to say. So a platform that is out of date gives a [Result] that says
// so, while a signature that does not hold gives an [Error].
package evidence

import (
	"context"
	"time"

	"github.com/azattest/azattest/claims"
)

// Verifier checks one kind of evidence. Implementations are safe for
// concurrent use.
type Verifier interface {
	// Parse reads evidence without trusting it. Malformed input gives an
	// *[Error] of stage [StageParse].
	Parse(raw []byte) (Evidence, error)

	// Verify checks evidence that this verifier's Parse returned, down to the
	// root of the hardware's vendor. It returns an *[Error] if the evidence is
	// not genuine, and any other error if the question could not be decided
	// (collateral out of reach, context ended).
	Verify(ctx context.Context, e Evidence, want Requirements) (*Result, error)
}

// Evidence is what Parse made of the bytes: claims that nobody has verified.
type Evidence interface {
	// Claims returns the claims that a policy's configuration rules may read
	// before the evidence is verified.
	Claims() *claims.Set
}

// Requirements is what the caller demands of a verification.
type Requirements struct {
	// At is the time for which certificates and collateral must be valid. A
	// verifier never reads the clock.
	At time.Time
	// TCBEvaluationDataNumber is the lowest evaluation data number of the
	// collateral to judge by, 0 for whatever is current.
	TCBEvaluationDataNumber int
	// PCRs has bit i set if a TPM must quote PCR i.
	PCRs uint32
	// ValidAIK demands a certificate, by an authority that is trusted, for the key
	// with which a TPM quotes.
	ValidAIK bool
	// Documents asks for claims that are long JSON texts, such as the events of a
	// TPM's boot. They take about as long to write as the evidence to verify, and
	// only policies of version 1.2 and later can read them.
	Documents bool
}

// Result is what is true of evidence that is genuine.
type Result struct {
	// Type is the value of x-ms-attestation-type, such as "sgx".
	Type string
	// Claims are for the policy to read and for the token to show.
	Claims *claims.Set
	// PolicyOnly are claims that a policy may read but that no token shows:
	// deprecated names of claims that stand in Claims.
	PolicyOnly *claims.Set
	// TokenOnly are claims that the token shows but no policy reads, such as
	// the hashes of the collateral.
	TokenOnly *claims.Set
	// Custom are claims that the client states about itself, which nothing proves.
	// A policy reads them as such, and no token shows them unless it says so.
	Custom *claims.Set
	// RuntimeBinding is the field of the evidence to which runtime data is
	// bound: its first 32 bytes are the SHA-256 of the data. For SGX it is the
	// 64-byte report data. It is nil for evidence that binds a key by itself.
	RuntimeBinding []byte
	// InitTimeBinding is the field to which init-time data is bound in the same
	// way, nil if this platform has none. For SGX it is the 64-byte CONFIGID.
	InitTimeBinding []byte
	// TCB is the state of the platform's trusted computing base, nil for
	// evidence that knows no such thing.
	TCB *TCB
	// Simulated is true if the evidence chains to a simulator's root and proves
	// nothing about hardware.
	Simulated bool
}
