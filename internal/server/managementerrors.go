package server

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/internal/throttle"
	"github.com/azattest/azattest/internal/wire"
	"github.com/azattest/azattest/store"
)

// errNoTPMPolicy says that TPM evidence came to an instance without a policy for it.
var errNoTPMPolicy = errors.New("no policy for TPM evidence has been set")

// errBroken says that some instance cannot be read from the store.
var errBroken = errors.New("no instance answers at this host, and some cannot be read")

// typeError says that a kind of evidence is none.
type typeError struct{ found string }

func (e *typeError) Error() string {
	return fmt.Sprintf("attestation type %q, want one of %v", wire.Clip(e.found), attest.Types())
}

// notEnabledError says that an instance does not do this for a kind of evidence.
type notEnabledError struct {
	instance string
	typ      attest.Type
	what     string // empty for attestation itself
}

func (e *notEnabledError) Error() string {
	if e.what != "" {
		return fmt.Sprintf("this instance has no %s for type %s", e.what, e.typ)
	}
	return fmt.Sprintf("attestation of type %s is not enabled on this instance", e.typ)
}

// unauthorizedError says that nobody we know asks, or somebody without the role.
type unauthorizedError struct {
	// cause is for the log.
	cause string
	// isKnown says that the credential holds.
	isKnown bool
}

func (e *unauthorizedError) Error() string { return e.cause }

// throttledError says that a caller asks too often.
type throttledError struct {
	wait time.Duration
	by   throttle.Reached
}

func (e *throttledError) Error() string {
	return fmt.Sprintf("rate limit by %s reached, room again in %s", e.by, e.wait)
}

// notReadyError says that the process should not be asked.
type notReadyError struct{ reason string }

func (e *notReadyError) Error() string { return "not ready: " + e.reason }

// translateCaller answers what is wrong with who asks. The real service says 401
// where others would say 403.
func (s *Server) translateCaller(err error) (verdict, bool) {
	if e, ok := errors.AsType[*unauthorizedError](err); ok {
		message := "The request is not authorized: want a bearer token."
		if e.isKnown {
			message = "The request is not authorized: the caller lacks the role."
		}
		return unauthorized(message, e.cause, s.auth.Challenge()), true
	}
	if e, ok := errors.AsType[*auth.InvalidError](err); ok {
		return unauthorized(e.Message(), e.Error(), e.Challenge()), true
	}
	if e, ok := errors.AsType[*auth.UnavailableError](err); ok {
		return unavailable("The caller's token cannot be checked now, try again.", e.Error()), true
	}
	if e, ok := errors.AsType[*throttledError](err); ok {
		return verdict{
			status: http.StatusTooManyRequests, retryAfter: int(e.wait/time.Second) + 1, cause: e.Error(),
			body: wire.Error{Code: wire.CodeTooManyRequests, Message: fmt.Sprintf("Too many requests, counted by %s, try again later.", e.by)},
		}, true
	}
	return verdict{}, false
}

func unauthorized(message, cause, challenge string) verdict {
	return verdict{
		status: http.StatusUnauthorized, cause: cause, challenge: challenge,
		body: wire.Error{Code: wire.CodeUnauthorized, Message: message},
	}
}

func unavailable(message, cause string) verdict {
	return verdict{
		status: http.StatusServiceUnavailable, retryAfter: retryUndecided, cause: cause,
		body: wire.Error{Code: wire.CodeUnavailable, Message: message},
	}
}

// translateManagement answers what is wrong with a change, and with the state that
// it was to change.
func translateManagement(err error, op operation) (verdict, bool) {
	if e, ok := errors.AsType[*policytoken.Error](err); ok {
		return tokenVerdict(e), true
	}
	if e, ok := errors.AsType[*instance.RefusedError](err); ok {
		return refusedVerdict(e, op), true
	}
	if e, ok := errors.AsType[*typeError](err); ok {
		v := bad(wire.CodeInvalidParameter, fmt.Sprintf("The attestation type '%s' is not known, want one of %v.", wire.Clip(e.found), attest.Types()))
		v.cause = e.Error()
		return v, true
	}
	if e, ok := errors.AsType[*notEnabledError](err); ok {
		v := bad(wire.CodeInvalidOperation, "The operation is not possible: "+e.Error()+".")
		v.cause = e.Error()
		return v, true
	}
	if errors.Is(err, errNoTPMPolicy) {
		v := bad(wire.CodeBadRequest, wire.NoTPMPolicy)
		v.cause = err.Error()
		return v, true
	}
	if e, ok := errors.AsType[*auditError](err); ok {
		message := "The service cannot keep its audit trail now, and does nothing without, try again."
		if op.isChange() && !e.isBefore {
			message = "The change was made, but the service could not keep its audit trail: read the state before you try again."
		}
		return unavailable(message, e.Error()), true
	}
	return translateState(err)
}

// translateState answers that the state cannot be read or written now.
func translateState(err error) (verdict, bool) {
	if errors.Is(err, errBroken) {
		return unavailable("No instance answers here, and some cannot be served now, try again.", err.Error()), true
	}
	if errors.Is(err, instance.ErrNoInstance) {
		return verdict{
			status: http.StatusNotFound, cause: err.Error(),
			body: wire.Error{Code: wire.CodeNotFound, Message: "The instance does not exist any more."},
		}, true
	}
	if e, ok := errors.AsType[*instance.StaleError](err); ok {
		return unavailable("The service has lost touch with its store and does not attest by what may be out of date, try again.", e.Error()), true
	}
	if e, ok := errors.AsType[*instance.ContendedError](err); ok {
		return unavailable("The same thing is being changed by others, try again.", e.Error()), true
	}
	if e, ok := errors.AsType[*notReadyError](err); ok {
		return unavailable("The service is not ready.", e.Error()), true
	}
	if e, ok := errors.AsType[*store.UncertainError](err); ok {
		return unavailable("The store did not say whether the change was made: read it before you try again.", e.Error()), true
	}
	if e, ok := errors.AsType[*store.LimitError](err); ok {
		v := bad(wire.CodeInvalidParameter, "The request is beyond what can be stored: "+e.Problem+".")
		v.cause = e.Error()
		return v, true
	}
	return verdict{}, false
}

// refusedVerdict puts what nobody may do into the real service's words, where it
// is known to have some.
func refusedVerdict(e *instance.RefusedError, op operation) verdict {
	v := bad(wire.CodeInvalidOperation, "The operation is not possible: "+e.Detail+".")
	switch e.Reason {
	case instance.ReasonNotIsolated:
		v.body.Message = wire.AddDisallowed()
		if op == opRemoveCertificate {
			v.body.Message = wire.RemoveDisallowed()
		}
	case instance.ReasonLastCertificate:
		v.body.Message, v.reason = wire.LastCertificate(), e.Detail
	case instance.ReasonNotEmpty:
		v.body.Message = wire.BadMessage(e.Detail)
	case instance.ReasonShared, instance.ReasonFixed, instance.ReasonTooMany, instance.ReasonReplayed:
	}
	v.body.Reason, v.cause = string(e.Reason), e.Error()
	return v
}

// tokenVerdict puts what is wrong with a policy token into the real service's
// words.
func tokenVerdict(e *policytoken.Error) verdict {
	code, message, reason := wire.CodeInvalidOperation, wire.BadMessage(e.Error()), ""
	switch e.Reason {
	case policytoken.ReasonUnsigned:
		message = wire.UnsignedToken()
	case policytoken.ReasonIssuer:
		code, message, reason = wire.CodeInvalidParameter, wire.IssuerNotFound(e.Issuer), e.Error()
	case policytoken.ReasonNoPolicyCertificate:
		message = wire.NoPolicyCertificate()
	case policytoken.ReasonNoFirstPeriod:
		message = wire.NoFirstPeriod()
	case policytoken.ReasonNoSecondPeriod:
		message = wire.NoSecondPeriod()
	case policytoken.ReasonEncoding:
		if e.Offset >= 0 {
			message, reason = wire.UnknownBase64(e.Character), e.Error()
		}
	case policytoken.ReasonTooLarge, policytoken.ReasonHeader, policytoken.ReasonAlgorithm, policytoken.ReasonNoCertificate,
		policytoken.ReasonCertificate, policytoken.ReasonKey, policytoken.ReasonSignature, policytoken.ReasonValidity,
		policytoken.ReasonTime, policytoken.ReasonAudience, policytoken.ReasonPayload, policytoken.ReasonPolicy,
		policytoken.ReasonPolicyCertificate:
	}
	v := bad(code, message)
	v.reason, v.cause, v.body.Reason = reason, e.Error(), string(e.Reason)
	return v
}
