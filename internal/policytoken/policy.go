package policytoken

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// policyClaim holds a policy: base64url of its text.
const policyClaim = "AttestationPolicy"

// Policy returns the text of the policy that the token is to set. It is base64url
// in the token, padded or not.
//
// It returns an *[Error] for a token without a policy, with an empty one, and
// with one that is no UTF-8.
func (t *Token) Policy() (string, error) {
	encoded, err := t.policy()
	if err != nil {
		return "", err
	}
	raw, err := decodeClaim(ReasonEncoding, "payload: "+policyClaim, encoded)
	if err != nil {
		return "", err
	}
	return policyText(raw)
}

// PreviewPolicy returns the policy as version 2018-09-01-preview reads it: as
// [Token.Policy] does, or the claim as it stands if it is not base64url. There is
// no doubt which of the two is meant, for no policy is without a semicolon.
func (t *Token) PreviewPolicy() (string, error) {
	encoded, err := t.policy()
	if err != nil {
		return "", err
	}
	raw, err := decodeClaim(ReasonEncoding, "payload: "+policyClaim, encoded)
	if err == nil {
		return policyText(raw)
	}
	if strings.ContainsRune(encoded, utf8.RuneError) {
		// It may be what the decoder puts for half a character: the policy would not
		// be the one that was written.
		return "", refuse(ReasonPolicy, "payload: "+policyClaim, "a replacement character, want a policy in UTF-8", nil)
	}
	return policyText([]byte(encoded))
}

func (t *Token) policy() (string, error) {
	encoded, ok, err := t.claims.text(policyClaim)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", refuse(ReasonPolicy, "payload", "want a claim "+policyClaim+" with the policy in base64url", nil)
	}
	return encoded, nil
}

func policyText(raw []byte) (string, error) {
	switch {
	case len(raw) == 0:
		return "", refuse(ReasonPolicy, "payload: "+policyClaim, "empty, want a policy; to go back to the default, reset", nil)
	case !utf8.Valid(raw):
		return "", refuse(ReasonPolicy, "payload: "+policyClaim, "want a policy in UTF-8", nil)
	}
	return string(raw), nil
}

// The beginning of every unsigned token, {"alg":"none"}, and the whole of one
// without a payload.
const (
	unsignedHeader = "eyJhbGciOiJub25lIn0."
	unsignedEmpty  = unsignedHeader + "."
)

// Unsigned returns the token of a policy that nobody signed, as the real service
// makes it of its default policies; for no policy, the one without a payload.
func Unsigned(policy string) string {
	if policy == "" {
		return unsignedEmpty
	}
	payload := `{"` + policyClaim + `":"` + base64.RawURLEncoding.EncodeToString([]byte(policy)) + `"}`
	return unsignedHeader + base64.RawURLEncoding.EncodeToString([]byte(payload)) + "."
}
