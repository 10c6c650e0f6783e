package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/wire"
	"github.com/azattest/azattest/policy"
)

// errBusy says that all places are taken.
var errBusy = errors.New("too many attestations at once")

// tooLargeError says that a body is beyond the limit.
type tooLargeError struct{ limit int64 }

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("request body of more than %d bytes", e.limit)
}

// retryAfter is what a client is told to wait, in seconds.
const (
	retryBusy        = 1
	retryUnavailable = 5
)

// translation is the answer that an error becomes.
type translation struct {
	status     int
	retryAfter int // seconds, 0 for none
	body       wire.Error
}

// translate is the only mapping from our errors to HTTP. Whatever it does not
// know is the server's fault and tells the client nothing but that.
func translate(err error) translation {
	bad := func(code, message string) translation {
		return translation{status: http.StatusBadRequest, body: wire.Error{Code: code, Message: message}}
	}
	if e, ok := errors.AsType[*wire.RequestError](err); ok {
		return bad(wire.CodeInvalidParameter, e.Error())
	}
	if e, ok := errors.AsType[*attest.RequestError](err); ok {
		return bad(wire.CodeInvalidParameter, e.Error())
	}
	if e, ok := errors.AsType[*attest.BindingError](err); ok {
		return bad(wire.CodeInvalidParameter, e.Error())
	}
	if e, ok := errors.AsType[*evidence.Error](err); ok {
		return bad(wire.CodeInvalidQuote, quoteMessage(e))
	}
	if e, ok := errors.AsType[*attest.TCBError](err); ok {
		return bad(wire.CodeInvalidQuote, wire.BelowBaseline(e.Error()))
	}
	if e, ok := errors.AsType[*policy.DeniedError](err); ok {
		if e.Reason == policy.Denied {
			return bad(wire.CodePolicyEvaluationError, wire.Denied())
		}
		return bad(wire.CodePolicyEvaluationError, wire.NoPermit())
	}
	if e, ok := errors.AsType[*policy.EvaluationError](err); ok {
		return bad(wire.CodePolicyEvaluationError, wire.PolicyEngine(e.Error()))
	}
	if e, ok := errors.AsType[*policy.SyntaxError](err); ok {
		return bad(wire.CodePolicyParsingError, parserMessage(e))
	}
	if e, ok := errors.AsType[*tooLargeError](err); ok {
		return translation{status: http.StatusRequestEntityTooLarge, body: wire.Error{Code: wire.CodeRequestTooLarge, Message: e.Error()}}
	}
	if errors.Is(err, errBusy) {
		return translation{http.StatusTooManyRequests, retryBusy, wire.Error{Code: wire.CodeTooManyRequests, Message: "Too many attestations at once, try again."}}
	}
	return undecided(err)
}

// undecided answers an error that says nothing about the evidence: collateral
// out of reach, time run out, or a fault of ours.
func undecided(err error) translation {
	if errors.Is(err, context.Canceled) {
		// The client is gone; nobody reads this.
		return translation{http.StatusServiceUnavailable, 0, wire.Error{Code: wire.CodeUnavailable, Message: "The request was canceled."}}
	}
	return translation{http.StatusServiceUnavailable, retryUnavailable, wire.Error{
		Code: wire.CodeUnavailable, Message: "The evidence could not be judged now, try again.",
	}}
}

// quoteMessage is the real service's sentence with our reason behind it.
func quoteMessage(e *evidence.Error) string {
	switch e.Stage {
	case evidence.StageCollateral, evidence.StageRevocation:
		// The cause may speak of the operator's own folders and services.
		public := *e
		public.Err = nil
		return wire.InvalidCollateral(public.Error())
	case evidence.StageParse, evidence.StageChain, evidence.StageQE, evidence.StageSignature:
	}
	return wire.InvalidQuote(e.Error())
}

// parserMessage puts the first fault of a policy into the real service's form.
func parserMessage(e *policy.SyntaxError) string {
	d := e.Diagnostics[0]
	problem := d.Message
	if d.Hint != "" {
		problem += " (" + d.Hint + ")"
	}
	return wire.PolicyParser(clip(d.Found), d.Range.Start.Line, d.Range.Start.Column, problem, d.Production)
}

// fail answers an error. The log gets the cause, the client what translate says.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	t := translate(err)
	noteOf(r).cause = err
	if t.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(t.retryAfter))
	}
	s.refuse(w, r, t.status, t.body)
}
