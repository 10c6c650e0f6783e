package policytoken

import (
	"fmt"
	"strings"
)

// whiteSpace is what JSON regards as such.
const whiteSpace = " \t\r\n"

// Parse reads a token in its compact form, bare or as a JSON string in quotes,
// with or without white space around it. It checks the form, and no signature.
//
// It returns an *[Error].
func Parse(raw []byte) (*Token, error) {
	if len(raw) > maxToken {
		return nil, refuse(ReasonTooLarge, "token", fmt.Sprintf("%d bytes, want at most %d", len(raw), maxToken), nil)
	}
	text := strings.Trim(string(raw), whiteSpace)
	if len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"' {
		// No character of a token is ever escaped in JSON, so that what stands
		// between the quotes is the token itself, or refused for a backslash.
		text = text[1 : len(text)-1]
	}
	header, rest, ok := strings.Cut(text, ".")
	if !ok {
		return nil, refuse(ReasonNoFirstPeriod, "token", notCompact, nil)
	}
	payload, signature, ok := strings.Cut(rest, ".")
	if !ok {
		return nil, refuse(ReasonNoSecondPeriod, "token", notCompact, nil)
	}
	t := &Token{text: text, signed: text[:len(header)+1+len(payload)], claims: object{reason: ReasonPayload, path: "payload"}}
	if err := t.parseHeader(header); err != nil {
		return nil, err
	}
	if err := t.parsePayload(payload); err != nil {
		return nil, err
	}
	if err := t.parseSignature(signature); err != nil {
		return nil, err
	}
	return t, nil
}

const notCompact = "want a JWS of three parts with periods between them; a policy as it is written is not one"

func (t *Token) parsePayload(text string) error {
	raw, err := decodePart("payload", text)
	if err != nil || len(raw) == 0 {
		return err
	}
	t.claims, err = parseDocument(ReasonPayload, "payload", raw)
	if err != nil {
		return err
	}
	_, isPolicy := t.claims.get(policyClaim)
	if isPolicy && len(t.certificateClaims()) > 0 {
		// It could be sent to either route, and its signer meant one of them.
		return refuse(ReasonPayload, "payload", "both a policy and a certificate, want one of them", nil)
	}
	return nil
}

func (t *Token) parseSignature(text string) error {
	if !t.IsSigned() {
		if text != "" {
			return refuse(ReasonSignature, "signature", "found one, want none with algorithm none", nil)
		}
		return nil
	}
	if text == "" {
		return refuse(ReasonSignature, "signature", fmt.Sprintf("missing, want one by algorithm %s", t.algorithm), nil)
	}
	var err error
	t.signature, err = decodePart("signature", text)
	return err
}
