package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/edge"
	"github.com/azattest/azattest/internal/telemetry"
	"github.com/azattest/azattest/internal/throttle"
	"github.com/azattest/azattest/internal/wire"
	"github.com/azattest/azattest/token"
)

// managementLifetime is that of the real service's tokens about policies and
// certificates.
const managementLifetime = time.Hour

// tellTime is how long it may take to record a change and to sign the answer. The
// trail itself gives up before.
const tellTime = 5 * time.Second

// action is what one management call does, in the answer's claims. The body is
// nil where the method has none.
type action func(ctx context.Context, body []byte) (*claims.Set, error)

// manage serves a call whose answer is a token in an object.
func (s *Server) manage(w http.ResponseWriter, r *http.Request, op operation, needs auth.Action, spoken []wire.APIVersion, do action) {
	if jwt, ok := s.perform(w, r, op, needs, spoken, do); ok {
		s.answer(w, r, wire.Token{Token: jwt})
	}
}

// perform admits the caller, does what was asked for, and returns the token that
// says so. If it returns false, the request has been answered.
func (s *Server) perform(w http.ResponseWriter, r *http.Request, op operation, needs auth.Action, spoken []wire.APIVersion, do action) (string, bool) {
	n := noteOf(r)
	n.operation = op
	if _, problem := wire.ParseAPIVersion(r.URL.RawQuery, spoken); problem != nil {
		s.refuse(w, r, http.StatusBadRequest, *problem)
		return "", false
	}
	jwt, err := s.performAdmitted(w, r, needs, do)
	if err != nil {
		s.fail(w, r, err)
		return "", false
	}
	return jwt, true
}

func (s *Server) performAdmitted(w http.ResponseWriter, r *http.Request, needs auth.Action, do action) (string, error) {
	// Nobody uploads anything before we know who it is.
	if err := s.admit(r, needs); err != nil {
		return "", err
	}
	if err := s.checkTrail(noteOf(r).operation); err != nil {
		return "", err
	}
	var body []byte
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		var err error
		if body, err = s.receive(w, r, s.managingUploads); err != nil {
			return "", err
		}
	}
	leave, ok := s.managingWork.Take()
	if !ok {
		return "", edge.ErrBusy
	}
	defer leave()
	// A change that has begun is finished and told, even if the client is gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), s.limits.Request)
	defer cancel()
	// Nothing is changed of which nobody could be told.
	issuer, err := noteOf(r).instance.Issuer(ctx)
	if err != nil {
		return "", err
	}
	result, err := do(ctx, body)
	if err != nil {
		return "", err
	}
	// What was done is recorded and told, however long it took.
	ctx, end := context.WithTimeout(context.WithoutCancel(ctx), tellTime)
	defer end()
	if err := s.record(ctx, r); err != nil {
		return "", err
	}
	return s.signResult(ctx, issuer, result)
}

// signResult makes the token of a management call.
func (s *Server) signResult(ctx context.Context, issuer *token.Issuer, result *claims.Set) (string, error) {
	now := s.clock().Unix()
	result.Put("iss", claims.String(issuer.URL()))
	result.Put("iat", claims.Integer(now))
	result.Put("nbf", claims.Integer(now))
	result.Put("exp", claims.Integer(now+int64(managementLifetime/time.Second)))
	return issuer.Sign(ctx, result)
}

// admit asks who the caller is, and refuses whoever may not do this.
func (s *Server) admit(r *http.Request, needs auth.Action) error {
	n := noteOf(r)
	caller, err := s.auth.Caller(r.Context(), r)
	if throttled := s.throttleCaller(n, caller); throttled != nil {
		return throttled
	}
	if err != nil {
		return err
	}
	n.caller = caller
	name := n.instance.Settings().Name
	if caller.IsAnonymous() {
		return &unauthorizedError{cause: "no credential"}
	}
	if !caller.May(needs, name) {
		return &unauthorizedError{cause: fmt.Sprintf("%s lacks %s on %s", caller.Name(), needs, name), isKnown: true}
	}
	return nil
}

// throttleCaller refuses who asks too often: a caller who is known by name, all
// others by address. The limit of an instance counts what such callers manage apart
// from what all the world attests: a flood must not keep out who could end it.
func (s *Server) throttleCaller(n *note, caller *auth.Caller) error {
	name, counted := "", n.instance.Settings().Name
	if !caller.IsAnonymous() {
		name = caller.Name()
		if n.operation != opAttest && !n.operation.isEnrollment() {
			counted = "managing " + counted
		}
	}
	wait, by := s.throttle.Allow(counted, throttle.CallerKey(name, n.address))
	if wait == 0 {
		return nil
	}
	s.metrics.RateLimited(telemetry.Limit(by))
	return &throttledError{wait: wait, by: by}
}
