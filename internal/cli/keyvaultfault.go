package cli

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/azattest/azattest/keyrelease"
)

// unansweredError is a request that found no answer.
type unansweredError struct {
	err      error
	isChange bool
}

func (e *unansweredError) Error() string { return "ask the vault: " + told(e.err.Error()) }
func (e *unansweredError) Unwrap() error { return e.err }

// noVaultError is an answer of success that no vault gives.
type noVaultError struct{ problem string }

func (e *noVaultError) Error() string { return e.problem }

// newKeyVaultRefusal reads an answer other than success. Status 400 to a change is how
// a vault refuses it; all else decides nothing.
func newKeyVaultRefusal(resp *http.Response, body []byte, isChange bool) error {
	var said struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Inner   struct {
				Code string `json:"code"`
			} `json:"innererror"`
		} `json:"error"`
	}
	// One in another shape leaves the status to speak for itself.
	_ = json.Unmarshal(body, &said)
	r := &responseError{
		who: "vault", status: resp.StatusCode, code: said.Error.Code, inner: said.Error.Inner.Code, message: said.Error.Message,
		request: resp.Header.Get("x-ms-request-id"), isRefusal: isChange && resp.StatusCode == http.StatusBadRequest,
	}
	var err error = r
	if r.isRefusal {
		err = &refusedError{r}
	}
	if hint := keyVaultHint(r, isChange); hint != "" {
		return withHint(err, hint)
	}
	return err
}

// lookFirst is what to do about a change that may have been made.
const lookFirst = "it may have been done: look at it with 'azattest keyrelease keys show' before you try again"

// keyVaultHint says what the person at the keyboard can do about it.
func keyVaultHint(e *responseError, isChange bool) string {
	switch {
	case e.status == http.StatusForbidden:
		return "the caller needs a role such as Key Vault Crypto Officer, or Key Vault Reader to look (of 'azattest keyrelease serve --dev', azattest dev-token --role crypto-officer or key-reader); a firewall of the vault may be in the way, too"
	case e.status == http.StatusNotFound && strings.HasPrefix(e.code, "Key"):
		return "'azattest keyrelease keys list' shows those that there are, 'versions' the versions of one"
	case e.status >= http.StatusInternalServerError && isChange:
		return lookFirst
	case e.status >= http.StatusInternalServerError:
		return "try again later"
	case strings.Contains(e.message, "AKV.SKR.1020"):
		return "an immutable release policy stays for good: make a key of another name"
	case strings.Contains(e.message, "AKV.SKR.1003"):
		return "make a key of another name"
	}
	return askedHint(e.status)
}

// askedHint says what to do about an answer of a vault whatever it was asked: it is
// about who asks, and whom.
func askedHint(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "the vault wants a credential that it knows: log in with 'az login', or name another --credential; " +
			"with --credential bearer, see that the token in " + bearerVariable + " is for this vault and has not expired"
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		return "is --vault the URL of a vault, without the path of a key?"
	case status >= http.StatusMultipleChoices && status < http.StatusBadRequest:
		return "redirects are not followed: give the URL of the vault itself"
	case status == http.StatusTooManyRequests:
		return "try again later"
	}
	return ""
}

// newKeyFault is keyVaultFault for a request that brings a key into the vault.
func newKeyFault(err error) error {
	if e, ok := errors.AsType[*responseError](err); ok && e.status == http.StatusConflict {
		// Azure keeps the names of deleted keys, and lists them elsewhere.
		return withHint(err, "the name may be that of a deleted key, which the vault still keeps: recover or purge that one, or name another; if others change the key at the same time, try again")
	}
	return keyVaultFault(err)
}

// keyVaultFault puts what went wrong with a vault into the command's words.
func keyVaultFault(err error) error {
	if err == nil {
		return nil
	}
	if isType[*credentialError](err) || isType[*noBearerError](err) {
		return serviceFault(err)
	}
	if e, ok := errors.AsType[*noVaultError](err); ok {
		return withHint(e, "is --vault the URL of a vault, and the one by which it knows itself?")
	}
	if e, ok := errors.AsType[*keyrelease.ArgumentError](err); ok {
		return usage("", "%w", releaseArgument(e))
	}
	hint := ""
	unanswered, ok := errors.AsType[*unansweredError](err)
	if ok && unanswered.isChange {
		hint = lookFirst
	}
	switch {
	case isType[*tls.CertificateVerificationError](err):
		hint = "name the CA of the vault with --ca-file, if it is not one that this machine trusts"
	case errors.Is(err, context.Canceled):
		err = fmt.Errorf("ask the vault: %w", errInterrupted)
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("ask the vault: no answer within %s", patienceInAll)
		if hint == "" {
			hint = "try again; or something on the way, such as a firewall, lets nothing through"
		}
	}
	if hint == "" {
		return err
	}
	return withHint(err, hint)
}
