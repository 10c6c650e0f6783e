package cli

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/azattest/azattest/claims"
)

// leeway is how far the clocks of service and relying party may differ.
const leeway = time.Minute

// tokenChecks is what a relying party demands of a token.
type tokenChecks struct {
	// issuer is the URL that must stand in iss; empty accepts any.
	issuer string
	// at is the time at which the token must be valid.
	at time.Time
}

// verifiedToken is a token whose signature and dates hold.
type verifiedToken struct {
	KeyID     string
	Algorithm string
	Issuer    string
	Expires   time.Time
	Claims    *claims.Set
}

// publishedKey is an entry of GET /certs, as far as a relying party may use it:
// the key is the one in the certificate, whatever else the entry says.
type publishedKey struct {
	KeyID string   `json:"kid"`
	X5C   []string `json:"x5c"`
}

// verifyToken checks a token as a relying party must: the key is the one that
// the service publishes under the token's kid, the algorithm is one of a fixed
// list and fits that key, the dates hold, and the issuer is the one expected.
// The token's own jku and any key inside it are never used. A token that does
// not hold is a *refusedError.
func verifyToken(raw string, jwks []byte, o tokenChecks) (*verifiedToken, error) {
	jws, err := jose.ParseSignedCompact(strings.TrimSpace(raw), []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256})
	if err != nil {
		return nil, refuseToken("%w", err)
	}
	header := jws.Signatures[0].Header
	key, err := findKey(jwks, header.KeyID, header.Algorithm)
	if err != nil {
		return nil, err
	}
	payload, err := jws.Verify(key)
	if err != nil {
		return nil, refuseToken("the signature does not hold by key %q: %w", header.KeyID, err)
	}
	t := &verifiedToken{KeyID: header.KeyID, Algorithm: header.Algorithm, Claims: new(claims.Set)}
	if err := json.Unmarshal(payload, t.Claims); err != nil {
		return nil, refuseToken("%w", err)
	}
	if err := t.checkDates(o.at); err != nil {
		return nil, err
	}
	if v, ok := t.Claims.First("iss"); ok {
		t.Issuer, _ = v.Str()
	}
	if o.issuer != "" && t.Issuer != o.issuer {
		return nil, refuseToken("issuer %q, want %q", t.Issuer, o.issuer)
	}
	return t, nil
}

func findKey(jwks []byte, id, algorithm string) (crypto.PublicKey, error) {
	var set struct {
		Keys []publishedKey `json:"keys"`
	}
	if err := json.Unmarshal(jwks, &set); err != nil {
		return nil, fmt.Errorf("signing keys: want a JWKS: %w", err)
	}
	var found *publishedKey
	for i := range set.Keys {
		if id == "" || set.Keys[i].KeyID != id {
			continue
		}
		if found != nil {
			return nil, refuseToken("two keys are published under kid %q", id)
		}
		found = &set.Keys[i]
	}
	if found == nil {
		return nil, refuseToken("no key is published under kid %q", id)
	}
	if len(found.X5C) == 0 {
		return nil, refuseToken("key %q is published without its certificate", id)
	}
	der, err := base64.StdEncoding.DecodeString(found.X5C[0])
	if err != nil {
		return nil, refuseToken("certificate of key %q: %w", id, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, refuseToken("certificate of key %q: %w", id, err)
	}
	if !fits(cert.PublicKey, algorithm) {
		return nil, refuseToken("algorithm %s does not fit key %q, which is %s", algorithm, id, cert.PublicKeyAlgorithm)
	}
	return cert.PublicKey, nil
}

func fits(key crypto.PublicKey, algorithm string) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return (algorithm == string(jose.RS256) || algorithm == string(jose.PS256)) && k.N.BitLen() >= 2048
	case *ecdsa.PublicKey:
		return algorithm == string(jose.ES256) && k.Curve == elliptic.P256()
	}
	return false
}

func (t *verifiedToken) checkDates(at time.Time) error {
	expires, ok := date(t.Claims, "exp")
	if !ok {
		return refuseToken("no exp")
	}
	t.Expires = expires
	if at.After(expires.Add(leeway)) {
		return refuseToken("expired at %s", expires.UTC().Format(time.RFC3339))
	}
	if begins, ok := date(t.Claims, "nbf"); ok && at.Before(begins.Add(-leeway)) {
		return refuseToken("not valid before %s", begins.UTC().Format(time.RFC3339))
	}
	return nil
}

// date reads a NumericDate. Early versions of the real service wrote fractions.
func date(c *claims.Set, name string) (time.Time, bool) {
	v, ok := c.First(name)
	if !ok {
		return time.Time{}, false
	}
	if seconds, ok := v.Int(); ok {
		return time.Unix(seconds, 0), true
	}
	text, _ := v.RawJSON()
	var seconds float64
	if json.Unmarshal([]byte(text), &seconds) != nil || seconds < 0 || seconds > 1<<40 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}

func refuseToken(format string, args ...any) error {
	return &refusedError{fmt.Errorf("token: "+format, args...)}
}

// unverified reads header and claims of a token without any check.
func unverified(raw string) (header, payload *claims.Set, err error) {
	segments := strings.Split(strings.TrimSpace(raw), ".")
	if len(segments) != 3 {
		return nil, nil, refuseToken("%d parts separated by dots, want 3", len(segments))
	}
	header, payload = new(claims.Set), new(claims.Set)
	for i, into := range []*claims.Set{header, payload} {
		part, err := base64.RawURLEncoding.DecodeString(segments[i])
		if err == nil {
			err = json.Unmarshal(part, into)
		}
		if err != nil {
			return nil, nil, refuseToken("part %d: %w", i+1, err)
		}
	}
	return header, payload, nil
}
