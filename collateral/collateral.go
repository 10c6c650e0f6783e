// Package collateral says where Intel's endorsements come from. It is the only
// room that fetches what verifiers judge by.
//
// Collateral is what a quote is judged by: TCB info, QE identity, two
// revocation lists and the certificates that signed them. A verifier is handed
// it as data and never fetches; whoever holds the verifier asks a [Source].
//
// Which function do I want?
//
//   - [NewHTTP] asks a provisioning service: Intel's PCS, a PCCS, Azure THIM.
//     Every call is four requests, so put a cache before it.
//   - [NewCache] stands before any source: it keeps what was fetched, in memory
//     and on disk, and refreshes it before it expires. A service wants
//     NewCache(NewHTTP).
//   - [OpenArchive] reads sets from a folder: offline use, audits of old
//     evidence, tests.
//   - [WriteSet] adds a set to such a folder.
//
// # Promises
//
// Nothing here is trust. What a service sends is parsed and must belong to the
// platform asked for, but no signature is checked: that is the verifier's task,
// and a source that lies can only make it refuse. For the same reason a source
// may hand out collateral that is past its nextUpdate, and an archive of a single
// set what does not fit at all: the verifier names the part and the reason,
// which a source that hides it could not.
//
// All sources are safe for concurrent use and do their work within the context
// of the caller; only a [Cache] has a goroutine of its own, until it is closed.
package collateral

import (
	"context"
	"fmt"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
)

// Query says which collateral is wanted.
type Query struct {
	// Platform is read from the quote that is to be verified. It is not trusted:
	// have the quote's own signatures checked before asking a service for it, or
	// anybody can make you ask.
	Platform dcap.Platform
	// At is the time at which the collateral must be valid. An archive chooses
	// by it and needs it. A live service only ever has the current collateral
	// and ignores it. A cache takes the zero time for now.
	At time.Time
	// TCBEvaluationDataNumber asks for collateral of at least this number,
	// 0 for whatever is current. Of several that qualify the lowest is taken:
	// who names a number wants to be judged by that baseline.
	TCBEvaluationDataNumber int
}

// Source gives collateral. Implementations are safe for concurrent use. They
// return a *[NotFoundError] if the source answers but has nothing for this
// query, and any other error if the source could not be asked. Those that keep
// what they have return the same *dcap.Collateral as long as the bytes do not
// change, so that a verifier need not check it again.
type Source interface {
	Collateral(ctx context.Context, q Query) (*dcap.Collateral, error)
}

// validate refuses queries that name nothing. What it lets through is safe to
// write into a URL and into the name of a folder.
func (q Query) validate() error {
	if q.Platform.TEE != dcap.SGX && q.Platform.TEE != dcap.TDX {
		return fmt.Errorf("collateral query: %s, want SGX or TDX", q.Platform.TEE)
	}
	if q.Platform.CA != dcap.ProcessorCA && q.Platform.CA != dcap.PlatformCA {
		return fmt.Errorf("collateral query: CA %q, want %q or %q", string(q.Platform.CA), string(dcap.ProcessorCA), string(dcap.PlatformCA))
	}
	if q.TCBEvaluationDataNumber < 0 {
		return fmt.Errorf("collateral query: TCB evaluation data number %d, want 0 or more", q.TCBEvaluationDataNumber)
	}
	return nil
}

// wanted is the query in words, without its time.
func (q Query) wanted() string {
	if q.TCBEvaluationDataNumber > 0 {
		return fmt.Sprintf("%s, TCB evaluation data number %d or higher", q.Platform, q.TCBEvaluationDataNumber)
	}
	return q.Platform.String()
}
