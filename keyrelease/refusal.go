package keyrelease

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// RefusalError says why a key is not released, in two voices: what who asked is told,
// as Key Vault says it, and the cause, which is for the operator's log alone. From the
// cause an attacker would learn what to forge.
type RefusalError struct {
	// Status is that of the HTTP answer.
	Status int
	// Code and InnerCode are the error's (innererror/code, often empty).
	Code, InnerCode string
	// Message is for who asked.
	Message string
	// RetryAfter is in how many seconds another attempt may succeed, zero for never.
	RetryAfter int
	// Err is the cause.
	Err error
}

// Error says it in full, the cause with it.
func (e *RefusalError) Error() string {
	text := "keyrelease: " + e.Code + ": " + e.Message
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *RefusalError) Unwrap() error { return e.Err }

// JSON returns the body of the answer: {"error":{"code","message","innererror"}}. The
// cause is not in it.
func (e *RefusalError) JSON() []byte {
	type inner struct {
		Code string `json:"code"`
	}
	var body struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Inner   *inner `json:"innererror,omitempty"`
		} `json:"error"`
	}
	body.Error.Code, body.Error.Message = e.Code, e.Message
	if e.InnerCode != "" {
		body.Error.Inner = &inner{e.InnerCode}
	}
	text, err := json.Marshal(body)
	if err != nil {
		// Strings alone: it cannot fail.
		return []byte(`{"error":{"code":"InternalServerError"}}`)
	}
	return text
}

// The codes of Key Vault.
const (
	codeBadParameter = "BadParameter"
	codeForbidden    = "Forbidden"
	codeKeyNotFound  = "KeyNotFound"
	codeUnavailable  = "ServiceUnavailable"
	codeTooSlow      = "GatewayTimeout"
	codeGone         = "ClientClosedRequest"
	codeMethod       = "MethodNotAllowed"
	codeTooLarge     = "RequestEntityTooLarge"
	codeMediaType    = "UnsupportedMediaType"
	codeNotFound     = "NotFound"
)

// What Key Vault says to whom it releases nothing.
const (
	messageUnverified = "Target environment attestation statement cannot be verified."
	messageUnmet      = "Target environment attestation does not meet key release policy requirements."
)

func badParameter(message string, cause error) error {
	return &RefusalError{Status: http.StatusBadRequest, Code: codeBadParameter, Message: message, Err: cause}
}

func forbidden(inner, message string, cause error) error {
	return &RefusalError{Status: http.StatusForbidden, Code: codeForbidden, InnerCode: inner, Message: message, Err: cause}
}

// retryAfter is how long who asked waits for what is out of reach, in seconds.
const retryAfter = 5

func unavailable(message string, cause error) error {
	return &RefusalError{Status: http.StatusServiceUnavailable, Code: codeUnavailable, Message: message, RetryAfter: retryAfter, Err: cause}
}

// statusGone is for the log: whoever would read it has gone.
const statusGone = 499

// ended tells what could not be decided because the request ended from what is out of
// reach. Nobody hears the first, and it is nobody's fault.
func ended(ctx context.Context, err error) error {
	e, ok := errors.AsType[*RefusalError](err)
	if !ok || e.Code != codeUnavailable || ctx.Err() == nil {
		return err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &RefusalError{Status: http.StatusGatewayTimeout, Code: codeTooSlow, Message: "The request took too long, try again.", RetryAfter: retryAfter, Err: e.Err}
	}
	return &RefusalError{Status: statusGone, Code: codeGone, Message: "The client has gone.", Err: e.Err}
}

// notFound is Key Vault's answer about a key that there is not.
func notFound(name string, cause error) error {
	return &RefusalError{Status: http.StatusNotFound, Code: codeKeyNotFound, Message: "A key with (name/id) " + shown(name) + " was not found in this key vault.", Err: cause}
}
