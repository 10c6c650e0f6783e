package policytoken

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// decodePart reads one part of a compact JWS: base64url without padding, and
// without bits that mean nothing, so that no two texts stand for one token.
func decodePart(part, text string) ([]byte, error) {
	return decodeURL(ReasonEncoding, part, text)
}

// decodeURL reads strict base64url without padding. An error names the first
// character that does not belong there: the real service does, and it is what
// somebody searches for who uploaded a policy as it is written.
func decodeURL(reason Reason, part, text string) ([]byte, error) {
	for i := range len(text) {
		if !isURLCharacter(text[i]) {
			return nil, badCharacter(reason, part, i, text[i])
		}
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, refuse(reason, part, "not whole bytes in base64url: the end is cut off, or bits are set that mean nothing", err)
	}
	return raw, nil
}

func isURLCharacter(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

func badCharacter(reason Reason, part string, offset int, c byte) *Error {
	return &Error{
		Reason: reason, Part: part, Offset: offset, Character: c,
		Problem: fmt.Sprintf("character %d (%q), want base64url without padding (A-Z a-z 0-9 - _)", c, c),
	}
}

// decodeClaim reads base64 out of a claim, more leniently: padded or not, and
// with signs of both alphabets, for the client for JavaScript replaces only the
// first '/' of a policy by '_'. There is no ambiguity in it, and the bytes that
// are hashed and signed are those of the token, not these.
func decodeClaim(reason Reason, part, text string) ([]byte, error) {
	bare := strings.TrimRight(text, "=")
	if padding := len(text) - len(bare); padding > 2 || padding > 0 && len(text)%4 != 0 {
		return nil, badCharacter(reason, part, len(bare), '=')
	}
	for i := range len(bare) {
		if c := bare[i]; !isURLCharacter(c) && c != '+' && c != '/' {
			return nil, badCharacter(reason, part, i, c)
		}
	}
	return decodeURL(reason, part, strings.NewReplacer("+", "-", "/", "_").Replace(bare))
}
