// Package collateral says where Intel's endorsements come from. It is the only
// room that dials out. (The package comment is completed with the sources.)
package collateral

import (
	"context"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
)

// Query says which collateral is wanted.
type Query struct {
	// Platform is read from the quote that is to be verified.
	Platform dcap.Platform
	// At is the time at which the collateral must be valid. Archives choose by
	// it; live services only ever have the current collateral.
	At time.Time
	// TCBEvaluationDataNumber asks for collateral of at least this number,
	// 0 for whatever is current.
	TCBEvaluationDataNumber int
}

// Source gives collateral. Implementations are safe for concurrent use and
// return the same *dcap.Collateral as long as the bytes do not change. They
// return a *[NotFoundError] if the source answers but has nothing for this
// query, and any other error if the source could not be asked.
type Source interface {
	Collateral(ctx context.Context, q Query) (*dcap.Collateral, error)
}
