package auth

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// jwt is a token that was read and not verified.
type jwt struct {
	raw       string
	algorithm string
	keyID     string
	payload   []byte
	claims    object
}

// base64url is strict: of several texts for the same bytes only one is taken.
var base64url = base64.RawURLEncoding.Strict()

// refusedMembers are those of a JWS header that bring along keys, or change what
// is signed. We know which keys to use, so no issuer has to say it; who does hopes
// that somebody listens.
var refusedMembers = []string{"jwk", "jku", "x5c", "x5u", "crit", "b64", "cty", "enc", "zip"}

// acceptedTypes are the values of typ, in lower case, that access tokens have:
// none, JWT, and that of RFC 9068. Others mark tokens that were signed for other
// ends, such as logout+jwt or dpop+jwt (RFC 8725, section 3.11).
var acceptedTypes = []string{"", "jwt", "at+jwt", "application/at+jwt"}

// parseJWT reads a JWS in its compact form whose payload is a JSON object.
func parseJWT(token string) (*jwt, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, invalid(ReasonMalformed, "token of %d parts, want 3", len(parts))
	}
	if len(parts[0]) > maxHeader {
		return nil, invalid(ReasonMalformed, "token header of %d bytes, want at most %d", len(parts[0]), maxHeader)
	}
	header, _, err := parsePart("header", parts[0])
	if err != nil {
		return nil, err
	}
	t := &jwt{raw: token}
	if err := t.readHeader(header); err != nil {
		return nil, err
	}
	if parts[2] == "" {
		return nil, invalid(ReasonAlgorithm, "no signature")
	}
	if _, err := base64url.DecodeString(parts[2]); err != nil {
		return nil, invalid(ReasonMalformed, "token signature: not base64url without padding")
	}
	if t.claims, t.payload, err = parsePart("payload", parts[1]); err != nil {
		return nil, err
	}
	return t, nil
}

func parsePart(name, part string) (object, []byte, error) {
	raw, err := base64url.DecodeString(part)
	if err != nil {
		return nil, nil, invalid(ReasonMalformed, "token %s: not base64url without padding", name)
	}
	o, err := parseObject(raw)
	if err != nil {
		return nil, nil, invalid(ReasonMalformed, "token %s: %v", name, err)
	}
	return o, raw, nil
}

func (t *jwt) readHeader(header object) error {
	for _, name := range refusedMembers {
		if _, isThere := header[name]; isThere {
			return invalid(ReasonMalformed, "token header: member %s, want none: keys are the issuer's, and nothing is out of the ordinary", name)
		}
	}
	kind, ok := header.text("typ")
	if !ok || !slices.Contains(acceptedTypes, strings.ToLower(kind)) {
		return invalid(ReasonType, "token header: typ %q, want JWT or at+jwt", visible(kind))
	}
	if t.keyID, ok = header.text("kid"); !ok {
		return invalid(ReasonMalformed, "token header: kid is not text")
	}
	if t.algorithm, ok = header.text("alg"); !ok || t.algorithm == "" {
		return invalid(ReasonAlgorithm, "token header: no alg")
	}
	return nil
}

// verify checks the signature with one key, which fits the algorithm.
func (t *jwt) verify(k *key) bool {
	signed, err := jose.ParseSignedCompact(t.raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(t.algorithm)})
	if err != nil {
		return false
	}
	payload, err := signed.Verify(k.public)
	// The same bytes were read here and there, or one of the readers is wrong.
	return err == nil && string(payload) == string(t.payload)
}
