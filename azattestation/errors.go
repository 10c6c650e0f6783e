package azattestation

import (
	"fmt"
	"strings"
	"unicode"
)

// ArgumentError says that an argument or option cannot be used. Nothing was sent.
type ArgumentError struct {
	// Argument is its name, such as "endpoint" or "SigningKey".
	Argument string
	// Expected and Found say what it should be and what it is. Found is empty
	// where it must not be shown, as of a private key.
	Expected, Found string
	// Err is the cause, if there is one.
	Err error
}

// Error says which argument, what was expected, and what came.
func (e *ArgumentError) Error() string {
	return "azattestation: " + describe(e.Argument, e.Expected, e.Found, e.Err)
}

// Unwrap returns the cause.
func (e *ArgumentError) Unwrap() error { return e.Err }

// AnswerError says that the service answered with success, but with something
// that is no answer to the request: another content type, no JSON, a claim of
// another type, too large, from another host.
type AnswerError struct {
	// Operation is the method that was called, such as "Client.AttestSGXEnclave".
	Operation string
	// Part is what was looked at, such as "content type" or "claim exp".
	Part string
	// Expected and Found say what it should be and what it is.
	Expected, Found string
	// Err is the cause, if there is one.
	Err error
}

// Error says which operation and part, what was expected, and what came.
func (e *AnswerError) Error() string {
	text := "azattestation: "
	if e.Operation != "" {
		text += e.Operation + ": "
	}
	return text + "answer: " + describe(e.Part, e.Expected, e.Found, e.Err)
}

// Unwrap returns the cause.
func (e *AnswerError) Unwrap() error { return e.Err }

// KeySourceError says that the keys of a service are out of reach. It says nothing
// about the token that was to be validated: try again.
type KeySourceError struct {
	// Issuer is the service whose keys they are.
	Issuer string
	// Err is why: an *azcore.ResponseError, an *AnswerError, an error of the
	// network, or that of a context that ended while the keys were waited for.
	Err error
}

// Error says whose keys, and why.
func (e *KeySourceError) Error() string {
	return fmt.Sprintf("azattestation: fetch the signing keys of %s: %v", shown(e.Issuer), e.Err)
}

// Unwrap returns the cause.
func (e *KeySourceError) Unwrap() error { return e.Err }

// ClaimError says that a claim, or a member of another JSON object, has another
// type than it must.
type ClaimError struct {
	// Claim is its name.
	Claim string
	// Expected and Found say what it should be and what it is.
	Expected, Found string
	// Err is the cause, if there is one.
	Err error
}

// Error says which claim, what was expected, and what came.
func (e *ClaimError) Error() string { return describe("claim "+e.Claim, e.Expected, e.Found, e.Err) }

// Unwrap returns the cause.
func (e *ClaimError) Unwrap() error { return e.Err }

// UnconfirmedError says that the service accepted a change, and that its answer
// does not confirm it: it reports another policy, another certificate or another
// outcome, or is no answer that can be believed. Something has probably changed;
// look at the service's state before trying again.
type UnconfirmedError struct {
	// Operation is the method that was called.
	Operation string
	// Part is what differs, such as "policy token hash", or "answer".
	Part string
	// Expected and Found say what was asked for and what the service reports.
	Expected, Found string
	// Token is the service's answer, nil if it could not be read. Where Err is
	// set it has not been validated.
	Token *Token
	// Err is why the answer cannot be believed: a *TokenValidationError, an
	// *AnswerError, a *KeySourceError.
	Err error
}

// Error says what differs.
func (e *UnconfirmedError) Error() string {
	return "azattestation: " + e.Operation + ": the service does not confirm the change: " + describe(e.Part, e.Expected, e.Found, e.Err)
}

// Unwrap returns the cause, nil if the answer can be believed.
func (e *UnconfirmedError) Unwrap() error { return e.Err }

func describe(part, expected, found string, err error) string {
	var b strings.Builder
	b.WriteString(part)
	if found != "" {
		fmt.Fprintf(&b, ": %s", shown(found))
	}
	if expected != "" {
		if found == "" {
			b.WriteString(":")
		} else {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, " want %s", expected)
	}
	if err != nil {
		fmt.Fprintf(&b, ": %v", err)
	}
	return b.String()
}

// shown makes what came from outside fit for one line of a log: bounded, and
// without control characters.
func shown(text string) string {
	cut := len(text) > shownLength
	if cut {
		text = text[:shownLength]
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if cut {
		text += "…"
	}
	return text
}
