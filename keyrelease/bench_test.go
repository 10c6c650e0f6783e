package keyrelease_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"testing"

	"github.com/azattest/azattest/keyrelease"
)

// BenchmarkWrap has what wrapping an RSA key costs beside the RSA encryption that
// it cannot do without.
func BenchmarkWrap(b *testing.B) {
	public := &partyKey().PublicKey
	key := make([]byte, 1218) // RSA 2048 in PKCS #8
	b.Run("RSAES-OAEP", func(b *testing.B) {
		for b.Loop() {
			if _, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public, key[:32], nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Wrap", func(b *testing.B) {
		for b.Loop() {
			if _, err := keyrelease.RSAAESKeyWrap256.Wrap(public, key); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkEvaluate holds a policy of five conditions against the claims of an
// enclave's token.
func BenchmarkEvaluate(b *testing.B) {
	policy, err := keyrelease.ParsePolicy([]byte(policyOf(`{"claim":"a","equals":"x"},{"claim":"b","equals":false},
		{"claim":"c","greaterOrEquals":3},{"claim":"d.e","exists":true},{"claim":"f","notEquals":"y"}`)))
	if err != nil {
		b.Fatal(err)
	}
	claims := []byte(claimsOf(`"a":"x","b":false,"c":4,"d":{"e":1},"f":"z"`))
	for b.Loop() {
		if outcome, err := policy.Evaluate(claims); err != nil || !outcome.Met {
			b.Fatal(outcome, err)
		}
	}
}
