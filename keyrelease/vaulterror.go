package keyrelease

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// ArgumentError says what of that which a [Client] was given cannot be used. Nothing
// was sent to the vault.
type ArgumentError struct {
	// Argument is its name, such as "vault" or "Policies".
	Argument string
	// Problem says what is wrong with it, and what is wanted.
	Problem string
}

// Error says which argument, and what is wrong.
func (e *ArgumentError) Error() string { return "keyrelease: " + e.Argument + ": " + e.Problem }

// VaultError says that a vault answered a [Client] with anything but success. With
// status 403 and the inner code AccessDenied the attested party is not one to which
// the key is released, as it is now; or the caller is not one who may ask.
type VaultError struct {
	// Status is that of the HTTP answer.
	Status int
	// Code, InnerCode and Message are error/code, error/innererror/code and
	// error/message of the answer, as they came. Each may be empty.
	Code, InnerCode, Message string
	// RequestID is what who runs the vault finds the request by.
	RequestID string
	// Err is the *azcore.ResponseError.
	Err error
}

// Error says what the vault said.
func (e *VaultError) Error() string {
	text := fmt.Sprintf("keyrelease: the vault answered with status %d", e.Status)
	if e.Code != "" {
		text += ", " + oneLine(e.Code)
	}
	if e.InnerCode != "" {
		text += " (" + oneLine(e.InnerCode) + ")"
	}
	if e.Message != "" {
		text += ": " + oneLine(e.Message)
	}
	if e.RequestID != "" {
		text += " (request " + oneLine(e.RequestID) + ")"
	}
	return text
}

// Unwrap returns the *azcore.ResponseError.
func (e *VaultError) Unwrap() error { return e.Err }

// newVaultError reads an answer other than 200. azcore repeats its body in an error
// and in its log, so it is tamed first: whoever answers in the vault's place should
// not write to a terminal.
func newVaultError(resp *http.Response) error {
	e := &VaultError{Status: resp.StatusCode, RequestID: resp.Header.Get("x-ms-request-id")}
	// An explanation that breaks off explains less; the status stands.
	body, _ := io.ReadAll(resp.Body)
	var said struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Inner   struct {
				Code string `json:"code"`
			} `json:"innererror"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &said) == nil {
		e.Code, e.InnerCode, e.Message = said.Error.Code, said.Error.Inner.Code, said.Error.Message
	}
	resp.Status = oneLine(resp.Status)
	resp.Body = io.NopCloser(bytes.NewReader(bytes.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, body)))
	e.Err = runtime.NewResponseErrorWithErrorCode(resp, oneLine(e.Code))
	return e
}

// oneLine makes what a vault said fit for one line of a log.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " "))
	if len(text) > maxToldBytes {
		return strings.ToValidUTF8(text[:maxToldBytes], "") + "…"
	}
	return text
}
