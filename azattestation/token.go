package azattestation

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Token is a JSON Web Token that an attestation service issued, or claims to
// have issued: a parsed one is anybody's word until [Token.Validate] says
// otherwise. The tokens in the responses of a client have been validated.
//
// The form is the compact serialization of RFC 7515, section 3.1: header, claims
// and signature, each base64url without padding, joined by dots.
type Token struct {
	compact   []byte
	algorithm string
	keyID     string
	header    []byte
	payload   []byte
	claims    object
	signature []byte
	signed    int // length of what is signed: header, dot, payload
}

// ParseToken reads a token and checks its form, nothing else: three parts of
// strict base64url, a header and claims that are JSON objects in which no name
// stands twice (values within them are not looked at), no critical extensions. The claims may be empty, as those of the
// token that resets a policy are.
//
// It returns a *[TokenValidationError] of check [TokenCheckFormat].
func ParseToken(compact string) (*Token, error) {
	if len(compact) > maxToken {
		return nil, malformed("token", fmt.Sprintf("at most %d bytes", maxToken), fmt.Sprintf("%d bytes", len(compact)), nil)
	}
	if dots := strings.Count(compact, "."); dots != 2 {
		return nil, malformed("token", "3 parts separated by dots", fmt.Sprintf("%d parts", dots+1), nil)
	}
	t := &Token{compact: []byte(compact)}
	first, last := strings.IndexByte(compact, '.'), strings.LastIndexByte(compact, '.')
	t.signed = last
	var err error
	if t.header, err = decodePart("header", t.compact[:first]); err != nil {
		return nil, err
	}
	if t.payload, err = decodePart("claims", t.compact[first+1:last]); err != nil {
		return nil, err
	}
	if t.signature, err = decodePart("signature", t.compact[last+1:]); err != nil {
		return nil, err
	}
	if err := t.readHeader(); err != nil {
		return nil, err
	}
	if len(t.payload) == 0 {
		return t, nil
	}
	if t.claims, err = parseObject(t.payload); err != nil {
		return nil, malformed("claims", "a JSON object", "", err)
	}
	return t, nil
}

// encoding is base64url without padding; strict, so that whoever holds a token
// cannot write it in another way. (Its ECDSA signature he can: r and n-s hold
// wherever r and s do, so a token's text is no name for it.)
var encoding = base64.RawURLEncoding.Strict()

func decodePart(name string, text []byte) ([]byte, error) {
	decoded, err := decodeStrictly(text)
	if err != nil {
		return nil, malformed(name, "base64url without padding", "", err)
	}
	return decoded, nil
}

func decodeStrictly(text []byte) ([]byte, error) {
	// encoding/base64 skips line breaks, with which one token would have many
	// texts.
	if i := bytes.IndexAny(text, "\r\n"); i >= 0 {
		return nil, base64.CorruptInputError(i)
	}
	decoded := make([]byte, encoding.DecodedLen(len(text)))
	n, err := encoding.Decode(decoded, text)
	if err != nil {
		return nil, err
	}
	return decoded[:n], nil
}

func (t *Token) readHeader() error {
	header, err := parseObject(t.header)
	if err != nil {
		return malformed("header", "a JSON object", "", err)
	}
	if t.algorithm, err = header.stringOf("alg"); err != nil {
		return malformed("header", "", "", err)
	}
	if t.algorithm == "" {
		return malformed("header", "a member alg", "none", nil)
	}
	if t.keyID, err = header.stringOf("kid"); err != nil {
		return malformed("header", "", "", err)
	}
	if critical := header.get("crit"); critical != nil {
		return malformed("header: crit", "no critical extensions", string(critical), nil)
	}
	return nil
}

func malformed(part, expected, found string, err error) error {
	return &TokenValidationError{Check: TokenCheckFormat, Part: part, Expected: expected, Found: found, Err: err}
}

// String returns the token in its compact form, byte for byte as it came.
func (t *Token) String() string { return string(t.compact) }

// Algorithm returns the header's alg: what the token says of itself.
func (t *Token) Algorithm() string { return t.algorithm }

// KeyID returns the header's kid, "" if there is none.
func (t *Token) KeyID() string { return t.keyID }

// Header returns the header, a JSON object, as it was signed. Its jku, jwk and
// x5c are the token's word for itself: no key may be taken from them.
func (t *Token) Header() json.RawMessage { return bytes.Clone(t.header) }

// Payload returns the claims, a JSON object, as they were signed; nothing if
// the token has none.
func (t *Token) Payload() json.RawMessage { return bytes.Clone(t.payload) }

// Signature returns the signature, nothing if the token is unsigned. That of an
// ECDSA key is r and s, big-endian and of equal length (RFC 7518, section 3.4).
func (t *Token) Signature() []byte { return bytes.Clone(t.signature) }

// Claims decodes the claims into a value, as encoding/json does; numbers that
// go into an interface become a json.Number, so that no integer loses digits.
// An *[AttestationResult] is a good place for the claims of an attestation. If
// the token has no claims, the value stays as it is.
//
// It does not validate the token. It returns the errors of encoding/json. Fields of
// a struct of your own take claims whatever their case, so that a policy that
// issues "ISS" may set a field for "iss"; an AttestationResult and a map tell them
// apart.
func (t *Token) Claims(into any) error {
	if len(t.payload) == 0 {
		return nil
	}
	if r, ok := into.(*AttestationResult); ok {
		if err := r.decode(t.claims); err != nil {
			return fmt.Errorf("azattestation: claims of the token: %w", err)
		}
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(t.payload))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("azattestation: claims of the token: %w", err)
	}
	return nil
}

// Issuer returns the claim iss, "" if there is none or it is no string.
func (t *Token) Issuer() string {
	issuer, _ := decodeString(t.claims.get("iss"))
	return issuer
}

// ExpiresOn returns the claim exp in UTC, the zero time if there is none or it
// is no date.
func (t *Token) ExpiresOn() time.Time { return t.date("exp") }

// NotBefore returns the claim nbf in UTC, the zero time if there is none or it
// is no date.
func (t *Token) NotBefore() time.Time { return t.date("nbf") }

// IssuedOn returns the claim iat in UTC, the zero time if there is none or it
// is no date.
func (t *Token) IssuedOn() time.Time { return t.date("iat") }

func (t *Token) date(name string) time.Time {
	at, _ := parseNumericDate(t.claims.get(name))
	return at
}
