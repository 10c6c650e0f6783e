package simulator

import (
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
)

// defect is how a fault is made: hooks into the making of quotes and collateral,
// nil where the fault does nothing.
type defect struct {
	fault       Fault
	description string
	stage       evidence.Stage
	code        evidence.Code

	// chain changes the certificates that quotes carry, before they are issued.
	chain func(*hierarchyDraft)
	// quote changes the draft before the quoting enclave vouches for the
	// attestation key, boundQuote before the signatures, signedQuote after them.
	quote, boundQuote, signedQuote func(*quoteDraft)
	// quoteBytes changes the finished quote.
	quoteBytes func([]byte) []byte

	// signers changes the certificates that collateral carries, before they are
	// issued.
	signers func(*hierarchyDraft)
	// collateral changes the draft before it is signed, signedCollateral after.
	collateral       func(*collateralDraft) error
	signedCollateral func(*dcap.CollateralParts)
}

func (d *defect) artifact() Artifact {
	switch {
	case d.chain != nil, d.quote != nil, d.boundQuote != nil, d.signedQuote != nil, d.quoteBytes != nil:
		return ArtifactQuote
	case d.signers != nil, d.collateral != nil, d.signedCollateral != nil:
		return ArtifactCollateral
	}
	return ""
}
