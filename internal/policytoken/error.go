package policytoken

import (
	"fmt"
	"strings"
)

// Reason is why a token is refused. Its text is stable: answers, logs and the
// audit trail name it.
type Reason string

// The reasons. The comment says what is wrong, and which other fields of the
// [Error] are set.
const (
	// ReasonTooLarge is a token or header beyond the limit.
	ReasonTooLarge Reason = "too-large"
	// ReasonNoFirstPeriod is a text without any period: not a JWS, perhaps a
	// policy as it is written.
	ReasonNoFirstPeriod Reason = "no-first-period"
	// ReasonNoSecondPeriod is a text with one period only.
	ReasonNoSecondPeriod Reason = "no-second-period"
	// ReasonEncoding is base64 that is none. Character and Offset are set if one
	// character is to blame.
	ReasonEncoding Reason = "encoding"
	// ReasonHeader is a header that cannot be read or must not be obeyed.
	ReasonHeader Reason = "header"
	// ReasonAlgorithm is an algorithm that is not accepted, or not for this key.
	ReasonAlgorithm Reason = "algorithm"
	// ReasonUnsigned is an unsigned token where a signature is required.
	ReasonUnsigned Reason = "unsigned"
	// ReasonNoCertificate is a signed token without the certificate of its key.
	ReasonNoCertificate Reason = "no-certificate"
	// ReasonCertificate is a certificate that cannot be read, or a chain of them
	// that does not hold together.
	ReasonCertificate Reason = "certificate"
	// ReasonKey is a key that is weak or of a kind that is not accepted.
	ReasonKey Reason = "key"
	// ReasonSignature is a signature that is not of this key over these bytes.
	ReasonSignature Reason = "signature"
	// ReasonValidity is a certificate that is not valid at the time.
	ReasonValidity Reason = "validity"
	// ReasonIssuer is a chain that ends at no certificate that is trusted, or at a
	// root that is no authority. Issuer is set.
	ReasonIssuer Reason = "issuer"
	// ReasonTime is a token whose own exp or nbf forbids it now.
	ReasonTime Reason = "time"
	// ReasonAudience is a token for another instance.
	ReasonAudience Reason = "audience"
	// ReasonPayload is a payload that cannot be read, or asks for two things.
	ReasonPayload Reason = "payload"
	// ReasonPolicy is a token without a policy, or with one that is no text.
	ReasonPolicy Reason = "policy"
	// ReasonNoPolicyCertificate is a token that names no certificate to be added
	// or removed.
	ReasonNoPolicyCertificate Reason = "no-policy-certificate"
	// ReasonPolicyCertificate is such a certificate that cannot be read.
	ReasonPolicyCertificate Reason = "policy-certificate"
)

// Error says why a token is refused. It holds no more of what the client sent
// than fits into a line.
type Error struct {
	Reason Reason
	// Part is the piece of the token: "token", "header", "payload", "signature",
	// "header: x5c[1]" and the like.
	Part string
	// Problem is what is wrong, and what would be right.
	Problem string
	// Offset is the byte within Part that is to blame, -1 where none is.
	Offset int
	// Character is what stands at Offset, where the reason is ReasonEncoding and
	// Offset is not -1.
	Character byte
	// Issuer is, with ReasonIssuer, the name of the issuer that was not found, as
	// in "CN=policy signers,O=Contoso". It is the client's text, cut to a line.
	Issuer string
	// Err is the cause, if a decoder or crypto/x509 found it.
	Err error
}

func (e *Error) Error() string {
	text := "policy token: " + e.Part
	if e.Offset >= 0 {
		text += fmt.Sprintf(" at byte %d", e.Offset)
	}
	text += ": " + e.Problem
	if e.Err != nil {
		text += ": " + clip(e.Err.Error())
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// refuse makes an error that blames no single byte.
func refuse(reason Reason, part, problem string, err error) *Error {
	return &Error{Reason: reason, Part: part, Problem: problem, Offset: -1, Err: err}
}

// OptionsError says that [Options] cannot be used. It is the caller's mistake,
// never the client's.
type OptionsError struct {
	// Field is the field of Options.
	Field string
	// Problem is what is wrong with it.
	Problem string
}

func (e *OptionsError) Error() string {
	return "policy token: options: " + e.Field + ": " + e.Problem
}

// clip shortens a client's text for an error, and makes it valid UTF-8 on one
// line.
func clip(text string) string {
	cut := ""
	if len(text) > maxEcho {
		text, cut = text[:maxEcho], "…"
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	return text + cut
}
