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

// UnconfirmedError says that the service reports a change that is not the one
// that was asked for: another policy, another certificate, another outcome. The
// service may have changed something; look at its state before trying again.
type UnconfirmedError struct {
	// Operation is the method that was called.
	Operation string
	// Part is what differs, such as "policy token hash".
	Part string
	// Expected and Found say what was asked for and what the service reports.
	Expected, Found string
}

// Error says what differs.
func (e *UnconfirmedError) Error() string {
	return "azattestation: " + e.Operation + ": the service does not confirm the change: " + describe(e.Part, e.Expected, e.Found, nil)
}

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
