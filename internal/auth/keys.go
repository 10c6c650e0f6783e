package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// defaultAlgorithms are those that issuers sign with: never none, and never an
// HMAC, whose key would be one that everybody knows.
var defaultAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "ES256", "ES384"}

// key is a public key of an issuer.
type key struct {
	id string
	// algorithm is the only one that the key is for, "" if the issuer does not say.
	algorithm string
	public    crypto.PublicKey
}

func (k *key) fits(algorithm string) bool {
	if k.algorithm != "" && k.algorithm != algorithm {
		return false
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS")
	case *ecdsa.PublicKey:
		return algorithm == "ES256" && public.Curve == elliptic.P256() || algorithm == "ES384" && public.Curve == elliptic.P384()
	}
	return false
}

// keySet is what an issuer publishes. It is immutable.
type keySet []key

// find returns the keys that a token may be signed with. One that names no key
// gets the only one that fits, if there is only one.
func (s keySet) find(id, algorithm string) []key {
	var found []key
	for _, k := range s {
		if (id == "" || k.id == id) && k.fits(algorithm) {
			found = append(found, k)
		}
	}
	if id == "" && len(found) != 1 {
		return nil
	}
	return found
}

// equal reports whether two sets hold the same keys in the same order.
func (s keySet) equal(other keySet) bool {
	return slices.EqualFunc(s, other, func(x, y key) bool {
		public, ok := x.public.(interface{ Equal(crypto.PublicKey) bool })
		return x.id == y.id && x.algorithm == y.algorithm && ok && public.Equal(y.public)
	})
}

// parseKeySet reads a JWK set (RFC 7517, section 5). Keys that sign nothing that
// is accepted here are passed over, as the RFC wants: issuers publish others too.
// A set in which none is left is an error.
func parseKeySet(raw []byte, tenantID string) (keySet, error) {
	o, err := parseObject(raw)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	list, ok := o["keys"].([]any)
	if !ok {
		return nil, errors.New("key set: no array keys")
	}
	if len(list) > maxKeys {
		return nil, fmt.Errorf("key set: %d keys, want at most %d", len(list), maxKeys)
	}
	var set keySet
	for _, entry := range list {
		jwk, ok := entry.(object)
		if !ok || !isForSigning(jwk) || !isOfTenant(jwk, tenantID) {
			continue
		}
		if k, ok := parseKey(jwk); ok {
			set = append(set, k)
		}
	}
	if len(set) == 0 {
		return nil, fmt.Errorf("key set: none of %d keys can be used, want RSA of %d to %d bits, P-256 or P-384", len(list), minRSABits, maxRSABits)
	}
	return set, nil
}

// isForSigning refuses keys for other ends, and such as are no secret any more.
func isForSigning(jwk object) bool {
	use, ok := jwk.text("use")
	if !ok || use != "" && use != "sig" {
		return false
	}
	operations, ok := jwk.texts("key_ops")
	if !ok || operations != nil && !slices.Contains(operations, "verify") {
		return false
	}
	for _, private := range []string{"d", "k", "p", "q"} {
		if _, isThere := jwk[private]; isThere {
			return false
		}
	}
	return true
}

// isOfTenant heeds the member issuer that Entra ID puts beside each key: a key of
// another tenant, the one of personal accounts above all, signs for that tenant
// and not for the one that is trusted.
func isOfTenant(jwk object, tenantID string) bool {
	issuer, ok := jwk.text("issuer")
	if !ok {
		return false
	}
	if tenantID == "" || issuer == "" {
		return true
	}
	u, err := url.Parse(issuer)
	if err != nil {
		return false
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	return tenant == "{tenantid}" || tenant == tenantID
}

// parseKey reads the public key of a JWK, and nothing else of it: a certificate
// beside it says nothing that is needed.
func parseKey(jwk object) (key, bool) {
	id, hasID := jwk.text("kid")
	algorithm, hasAlgorithm := jwk.text("alg")
	if !hasID || !hasAlgorithm || algorithm != "" && !slices.Contains(defaultAlgorithms, algorithm) {
		return key{}, false
	}
	public := make(map[string]string)
	for _, name := range []string{"kty", "n", "e", "crv", "x", "y"} {
		if text, ok := jwk.text(name); ok && text != "" {
			public[name] = text
		}
	}
	raw, err := json.Marshal(public)
	if err != nil {
		return key{}, false
	}
	var parsed jose.JSONWebKey
	if err := parsed.UnmarshalJSON(raw); err != nil || !parsed.Valid() || !isStrong(parsed.Key) {
		return key{}, false
	}
	return key{id: id, algorithm: algorithm, public: parsed.Key}, true
}

// isStrong reports whether a public key may be used, by kind and size.
func isStrong(public crypto.PublicKey) bool {
	switch public := public.(type) {
	case *rsa.PublicKey:
		bits := public.N.BitLen()
		return bits >= minRSABits && bits <= maxRSABits && public.E >= 3 && public.E%2 == 1
	case *ecdsa.PublicKey:
		return public.Curve == elliptic.P256() || public.Curve == elliptic.P384()
	}
	return false
}
