package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/edge"
	"github.com/azattest/azattest/internal/telemetry"
	"github.com/azattest/azattest/internal/wire"
)

// errSlow says that a body did not come in time.
var errSlow = errors.New("the request body did not come in time")

// tooLargeError says that a body is beyond the limit.
type tooLargeError struct{ limit int64 }

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("request body of more than %d bytes", e.limit)
}

// mediaError says that a body is encoded in a way that is not read here.
type mediaError struct{ header, found, want string }

func (e *mediaError) Error() string {
	return fmt.Sprintf("%s %q, want %s", e.header, wire.Clip(e.found), e.want)
}

// How long clients are told to wait, in seconds: an attestation takes
// milliseconds, and the services that hold collateral recover in seconds.
const (
	retryBusy      = 1
	retryUndecided = 5
)

// What the log says where nobody was left to read an answer.
const (
	statusClientGone = 499
	codeClientGone   = "ClientClosedRequest"
)

// verdict is the answer that an error becomes.
type verdict struct {
	status     int
	retryAfter int    // seconds, 0 for none
	challenge  string // of 401: where to get a token
	body       wire.Error
	// reason continues the message, unless the operator keeps reasons back.
	reason string
	// cause is for the log.
	cause string
}

// fail answers an error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	v := s.translate(err, noteOf(r))
	if s.explains {
		explainDenial(&v, err, noteOf(r).isDraft)
	}
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		v.status, v.retryAfter, v.body = statusClientGone, 0, wire.Error{Code: codeClientGone, Message: "The request was canceled."}
	}
	n := noteOf(r)
	n.cause = v.cause
	if s.isTerse {
		v.body.Reason, v.body.Details = "", nil
	} else {
		v.body.Message += clipReason(v.reason)
	}
	if v.status >= http.StatusInternalServerError {
		v.body.Message += " Request ID: " + n.requestID
	}
	if v.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(v.retryAfter))
	}
	if v.challenge != "" {
		w.Header().Set("WWW-Authenticate", v.challenge)
	}
	n.code = v.body.Code
	if errors.Is(err, edge.ErrBusy) {
		s.metrics.RateLimited(telemetry.LimitConcurrency)
	}
	s.recordRefusal(r, v.status)
	s.refuse(w, r, v.status, v.body)
}

// translate is the only mapping from our errors to HTTP. An error that it does not
// know decides nothing about the evidence: the client learns that it could not be
// judged, and the log why. Who sent a draft policy reads more of what is wrong
// with it.
func (s *Server) translate(err error, n *note) verdict {
	if v, ok := s.translateCaller(err); ok {
		return v
	}
	if v, ok := translateRequest(err); ok {
		return v
	}
	if v, ok := translateManagement(err, n.operation); ok {
		return v
	}
	if v, ok := translateEnrollment(err, n.operation); ok {
		return v
	}
	if v, ok := translateEvidence(err); ok {
		return v
	}
	if v, ok := translatePolicy(err, n.isDraft); ok {
		return v
	}
	what := "The evidence could not be judged"
	if n.operation != opAttest {
		what = "The request could not be carried out"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return verdict{
			status: http.StatusGatewayTimeout, retryAfter: retryUndecided, cause: err.Error(),
			body: wire.Error{Code: wire.CodeGatewayTimeout, Message: what + " in time, try again."},
		}
	}
	return unavailable(what+" now, try again.", err.Error())
}

// translateRequest answers what is wrong with the request, whatever its evidence
// says.
func translateRequest(err error) (verdict, bool) {
	if errors.Is(err, edge.ErrBusy) {
		return verdict{
			status: http.StatusTooManyRequests, retryAfter: retryBusy, cause: err.Error(),
			body: wire.Error{Code: wire.CodeTooManyRequests, Message: "Too many requests at once, try again."},
		}, true
	}
	if errors.Is(err, errSlow) {
		return verdict{
			status: http.StatusRequestTimeout, cause: err.Error(),
			body: wire.Error{Code: wire.CodeRequestTimeout, Message: "The request body did not come in time."},
		}, true
	}
	if e, ok := errors.AsType[*tooLargeError](err); ok {
		return verdict{
			status: http.StatusRequestEntityTooLarge, cause: err.Error(),
			body: wire.Error{Code: wire.CodeRequestBodyTooLarge, Message: fmt.Sprintf("The request body has more than %d bytes.", e.limit)},
		}, true
	}
	if e, ok := errors.AsType[*mediaError](err); ok {
		return verdict{
			status: http.StatusUnsupportedMediaType, cause: err.Error(),
			body: wire.Error{Code: wire.CodeUnsupportedMediaType, Message: e.Error() + ".", Target: e.header},
		}, true
	}
	if e, ok := errors.AsType[*wire.RequestError](err); ok {
		v := bad(wire.CodeInvalidParameter, "The request is not valid: "+e.Error())
		v.body.Target, v.cause = e.Member, e.Error()
		return v, true
	}
	if e, ok := errors.AsType[*attest.RequestError](err); ok {
		v := bad(wire.CodeInvalidParameter, "The request is not valid: "+e.Part+": "+e.Problem)
		if e.Err != nil {
			v.reason = ": " + e.Err.Error()
		}
		// The cause beneath may quote the data, so the log does without.
		v.body.Target, v.cause = targetOf(e.Part), e.Part+": "+e.Problem
		return v, true
	}
	return verdict{}, false
}

// bad is an answer to something that the client should not send again.
func bad(code, message string) verdict {
	return verdict{status: http.StatusBadRequest, body: wire.Error{Code: code, Message: message}}
}

// targetOf names the member of the request that a part of it came from.
func targetOf(part string) string {
	switch part {
	case "runtime data":
		return "runtimeData"
	case "init-time data":
		return "initTimeData"
	}
	return part
}

// translateEvidence answers what the evidence, or the platform it comes from, is
// to blame for.
func translateEvidence(err error) (verdict, bool) {
	if e, ok := errors.AsType[*evidence.Error](err); ok {
		return quoteVerdict(e), true
	}
	if e, ok := errors.AsType[*attest.ChallengeError](err); ok {
		v := bad(wire.CodeInvalidParameter, "The challenge that the request answers does not count: begin again, with a message that asks for one")
		v.reason, v.cause = ": "+strings.TrimPrefix(e.Err.Error(), "ticket: "), e.Error()
		v.body.Target = "challenge"
		return v, true
	}
	if e, ok := errors.AsType[*attest.BindingError](err); ok {
		v := bad(wire.CodeInvalidParameter, "The "+e.Data+" is not bound to the evidence")
		v.reason = fmt.Sprintf(": its SHA-256 is %x, but the evidence holds %x, want the very bytes that were hashed when it was made", e.Digest, e.Bound)
		if e.Bound == nil {
			v.reason = ": this platform binds none, want a request without it"
		}
		v.body.Target, v.cause = targetOf(e.Data), e.Data+" is not bound to the evidence"
		return v, true
	}
	if e, ok := errors.AsType[*attest.TCBError](err); ok {
		v := bad(wire.CodeInvalidQuote, wire.BelowBaseline)
		v.reason, v.cause = ": "+strings.TrimPrefix(e.Error(), "attest: "), e.Error()
		v.body.Reason = string(e.TCB.Status)
		for _, line := range e.TCB.Behind[:min(len(e.TCB.Behind), maxDetails)] {
			v.body.Details = append(v.body.Details, wire.Detail{Code: v.body.Reason, Message: line})
		}
		return v, true
	}
	return verdict{}, false
}

// quoteVerdict is the real service's sentence with our reason behind it. Evidence
// that cannot even be read gets the same code, as gets whatever the real service
// hands to its verification library.
func quoteVerdict(e *evidence.Error) verdict {
	v := bad(wire.CodeInvalidQuote, wire.InvalidQuote)
	shown := *e
	if e.Stage == evidence.StageCollateral || e.Stage == evidence.StageRevocation {
		v.body.Message = wire.InvalidCollateral
		// The cause beneath may speak of the operator's folders and services.
		shown.Err = nil
		v.cause = e.Error()
	} else {
		v.cause = fmt.Sprintf("%s: %s: %s", e.Stage, e.Part, e.Code)
	}
	v.reason = fmt.Sprintf(" (%s/%s): %s", e.Stage, e.Code, shown.Detail())
	v.body.Reason = string(e.Code)
	v.body.Details = []wire.Detail{{Code: string(e.Code), Message: clipReason(shown.Error()), Target: wire.Clip(e.Part)}}
	return v
}
