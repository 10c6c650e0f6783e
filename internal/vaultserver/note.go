package vaultserver

import (
	"context"
	"errors"
	"time"

	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/telemetry"
	"github.com/azattest/azattest/keyrelease"
)

// note is what a request leaves for log and trail, filled in on the way. It holds
// names and codes; no token, no nonce and no key goes in.
type note struct {
	asked
	requestID  string
	start      time.Time
	address    string
	uri        string
	userAgent  string
	apiVersion string
	caller     *auth.Caller
	// keyID is the URL of the version that was found or made, policyHash that of its
	// release policy.
	keyID, policyHash string
	// authority, tokenID and target are of a token that was genuine, and of the key to
	// which was wrapped.
	authority, tokenID, target string
	code, innerCode, cause     string
	status                     int
	isRecorded, isProbe        bool
	// limit is what there were too many of, empty if there were not.
	limit telemetry.Limit
	// isLost says that the trail did not take the record.
	isLost bool
}

// refused takes down why a request is refused.
func (n *note) refused(err error) {
	n.cause = err.Error()
	n.code, n.status = "InternalServerError", 500
	if e, ok := errors.AsType[*keyrelease.RefusalError](err); ok {
		n.code, n.innerCode, n.status = e.Code, e.InnerCode, e.Status
		if e.Err != nil {
			n.cause = e.Err.Error()
		}
	}
	if e, ok := errors.AsType[*limitError](err); ok {
		n.limit = e.by
	}
}

type noteKey struct{}

// noteOf returns the request's note, which the server put there.
func noteOf(ctx context.Context) *note {
	if n, ok := ctx.Value(noteKey{}).(*note); ok {
		return n
	}
	return new(note)
}
