package token

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// Ring is the set of keys that an instance publishes: the one that signs now,
// and earlier ones whose tokens are still about. It is immutable and safe for
// concurrent use.
type Ring struct {
	current *Key
	jwks    []byte
	// reportJWKS has each key a second time, as reports name it.
	reportJWKS []byte
}

// NewRing returns a ring that signs with current and goes on publishing the
// previous keys, in the order given. It returns a *[KeyError] if a key is nil or
// stands there twice.
func NewRing(current *Key, previous ...*Key) (*Ring, error) {
	keys := append([]*Key{current}, previous...)
	seen := make(map[string]bool, len(keys))
	published, again := make([]jwk, 0, len(keys)), make([]jwk, 0, len(keys))
	for i, k := range keys {
		if k == nil {
			return nil, &KeyError{Part: "ring", Problem: fmt.Sprintf("key %d of %d is missing", i+1, len(keys))}
		}
		if seen[k.id] {
			return nil, &KeyError{Part: "ring", Problem: fmt.Sprintf("key %s stands there twice, want each key once", k.id)}
		}
		seen[k.id] = true
		entry := jwk{
			Certificates: []string{base64.StdEncoding.EncodeToString(k.certificate.Raw)},
			ID:           k.id,
			Type:         k.algorithm.keyType(),
		}
		published = append(published, entry)
		entry.ID = k.reportID
		again = append(again, entry)
	}
	jwks, err := marshalJWKS(published)
	if err != nil {
		return nil, &KeyError{Part: "ring", Problem: "cannot be encoded", Err: err}
	}
	reportJWKS, err := marshalJWKS(append(published, again...))
	if err != nil {
		return nil, &KeyError{Part: "ring", Problem: "cannot be encoded", Err: err}
	}
	return &Ring{current: current, jwks: jwks, reportJWKS: reportJWKS}, nil
}

// Current returns the key that signs.
func (r *Ring) Current() *Key { return r.current }

// JWKS returns the JSON of GET /certs, a JWK set (RFC 7517, section 5):
//
//	{"keys":[{"x5c":["<certificate>"],"kid":"<key ID>","kty":"RSA"}]}
//
// The current key stands first. Like the real service's, entries hold no bare
// key parameters: the key is in x5c, standard base64 of the DER certificate. The
// slice is shared by all callers: read it, do not change it.
func (r *Ring) JWKS() []byte { return r.jwks }

// ReportJWKS is [Ring.JWKS] for an instance that signs reports too: behind those
// entries the same keys follow with the key IDs that reports name, see
// [Issuer.SignReport].
func (r *Ring) ReportJWKS() []byte { return r.reportJWKS }

// jwk is one entry, its members in the order that the real service writes.
type jwk struct {
	Certificates []string `json:"x5c"`
	ID           string   `json:"kid"`
	Type         string   `json:"kty"`
}

func marshalJWKS(keys []jwk) ([]byte, error) {
	// Base64 has none of the characters that encoding/json escapes.
	return json.Marshal(struct {
		Keys []jwk `json:"keys"`
	}{keys})
}
