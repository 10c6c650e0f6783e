// Package testtoken makes attestation tokens for tests, in the name of authorities that
// sign whatever a test wants.
//
// Which function do I want? [New] makes an authority; [Authority.Source] has the keys
// that whoever trusts it verifies tokens by. [Authority.Token] signs claims: those of a
// good [Enclave], [Holding] keys, with whatever else a test changes ([Set.With]). Who
// forges a token signs any header and any payload by [Authority.Sign].
package testtoken

import (
	"crypto"
	"testing"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/token"
)

// Authority is an attestation service, as far as others know it: its URL, and the key
// that it signs by.
type Authority struct {
	URL    string
	Signer crypto.Signer
	Key    *token.Key
}

// New makes an authority with a key of its own. One of ES256 is made at once.
func New(tb testing.TB, url string, algorithm token.Algorithm) *Authority {
	tb.Helper()
	signer, err := token.GenerateSigner(algorithm, 0)
	if err != nil {
		tb.Fatal(err)
	}
	key, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: algorithm, Issuer: url})
	if err != nil {
		tb.Fatal(err)
	}
	return &Authority{URL: url, Signer: signer, Key: key}
}

// Ring is of the one key.
func (a *Authority) Ring(tb testing.TB) *token.Ring {
	tb.Helper()
	ring, err := token.NewRing(a.Key)
	if err != nil {
		tb.Fatal(err)
	}
	return ring
}

// Source has the authority's keys as it publishes them.
func (a *Authority) Source(tb testing.TB) *azattestation.KeySource {
	tb.Helper()
	source, err := azattestation.NewKeySource(a.URL, a.Ring(tb).JWKS())
	if err != nil {
		tb.Fatal(err)
	}
	return source
}
