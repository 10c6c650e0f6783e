package vaultserver

import (
	"context"
	"errors"
	"net/http"

	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/telemetry"
	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/keyrelease"
)

func refusal(status int, code, message string) error {
	return &keyrelease.RefusalError{Status: status, Code: code, Message: message}
}

func badParameter(message string) error {
	return refusal(http.StatusBadRequest, "BadParameter", message)
}

// limitError says what there were too many of.
type limitError struct{ by telemetry.Limit }

func (e *limitError) Error() string {
	switch e.by {
	case telemetry.LimitCaller:
		return "more requests of one caller than limits.ratePerCaller allows"
	case telemetry.LimitUploads:
		return "all places for large bodies are taken, see limits.concurrent"
	default:
		return "all places for requests of this kind are taken, see limits.concurrent"
	}
}

func tooMany(by telemetry.Limit, message string, retryAfter int) error {
	return &keyrelease.RefusalError{
		Status: http.StatusTooManyRequests, Code: "Throttled", Message: message, RetryAfter: retryAfter, Err: &limitError{by},
	}
}

// tooManyAtOnce says that all places are taken.
func tooManyAtOnce(by telemetry.Limit) error {
	return tooMany(by, "Too many requests at once, try again.", 1)
}

func unavailable(message string, cause error) error {
	return &keyrelease.RefusalError{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable", Message: message, RetryAfter: 5, Err: cause}
}

// sealed says that a key does not open. No waiting mends it.
func sealed(e *vault.SealError) error {
	return &keyrelease.RefusalError{Status: http.StatusInternalServerError, Code: "InternalServerError", Message: "The key cannot be read. The operator finds out why in the log.", Err: e}
}

// releasedKeys are those of a vault, for who decides about a release.
type releasedKeys struct{ *vault.Vault }

func (k releasedKeys) ReleaseKey(ctx context.Context, name, version string) (*keyrelease.Key, error) {
	key, err := k.Vault.ReleaseKey(ctx, name, version)
	if e, ok := errors.AsType[*vault.SealError](err); ok {
		return nil, sealed(e)
	}
	return key, err
}

// unknownCaller answers for credentials that do not hold, or cannot be judged now.
func (s *Server) unknownCaller(w http.ResponseWriter, err error) error {
	if e, ok := errors.AsType[*auth.InvalidError](err); ok {
		w.Header().Set("WWW-Authenticate", s.challenge())
		return &keyrelease.RefusalError{Status: http.StatusUnauthorized, Code: "Unauthorized", Message: "AKV10022: Invalid token: " + e.Message(), Err: e}
	}
	return unavailable("The caller's token cannot be checked now, try again.", err)
}

// innerNoRole is the code of who may not ask.
const innerNoRole = "ForbiddenByRbac"

// challenge says where to get a token, and for what. Azure's clients ask without one
// first, and go no further if they are not told.
func (s *Server) challenge() string {
	if c := s.config.Auth.Challenge(); c != "Bearer" {
		return c
	}
	return `Bearer authorization="` + s.config.Release.Vault + `", resource="` + auth.VaultAudience + `"`
}

// statusClientClosed is for the log: whoever would read it has gone.
const statusClientClosed = 499

// translate maps what the vault says to what Key Vault would say.
func translate(name string, err error) error {
	if _, ok := errors.AsType[*keyrelease.RefusalError](err); ok {
		return err
	}
	if e, ok := errors.AsType[*vault.ParameterError](err); ok {
		message := e.Problem
		if e.Code != "" {
			message = e.Code + ": " + e.Problem
		}
		return &keyrelease.RefusalError{Status: http.StatusBadRequest, Code: "BadParameter", Message: message, Err: err}
	}
	if errors.Is(err, keyrelease.ErrKeyNotFound) {
		return &keyrelease.RefusalError{Status: http.StatusNotFound, Code: "KeyNotFound", Message: "A key with (name/id) " + clip(name) + " was not found in this key vault.", Err: err}
	}
	if _, ok := errors.AsType[*vault.ConflictError](err); ok {
		return &keyrelease.RefusalError{Status: http.StatusConflict, Code: "Conflict", Message: "Others changed the key at the same time, try again.", Err: err, RetryAfter: 1}
	}
	if e, ok := errors.AsType[*vault.UncertainError](err); ok {
		return unavailable("It is not known whether the change was made: look before you try again.", e)
	}
	if e, ok := errors.AsType[*vault.SealError](err); ok {
		return sealed(e)
	}
	if errors.Is(err, context.Canceled) {
		return &keyrelease.RefusalError{Status: statusClientClosed, Code: "ClientClosedRequest", Message: "The client has gone.", Err: err}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &keyrelease.RefusalError{Status: http.StatusGatewayTimeout, Code: "GatewayTimeout", Message: "The request took too long, try again.", Err: err, RetryAfter: 5}
	}
	return unavailable("The request could not be carried out now, try again.", err)
}
