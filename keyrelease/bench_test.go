package keyrelease_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"strings"
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

// BenchmarkEvaluateHostile has the claims of an attested party that wants to keep the
// relying party busy: a tree of objects whose names are all ways to read a path.
func BenchmarkEvaluateHostile(b *testing.B) {
	path := "x-ms-runtime" + strings.Repeat(".a", 31)
	policy, err := keyrelease.ParsePolicy([]byte(policyOf(`{"claim":"` + path + `.b","equals":1}`)))
	if err != nil {
		b.Fatal(err)
	}
	claims := []byte(claimsOf(`"x-ms-runtime":` + hostileTree(4)))
	b.SetBytes(int64(len(claims)))
	for b.Loop() {
		if outcome, err := policy.Evaluate(claims); err != nil || outcome.Met {
			b.Fatal(outcome, err)
		}
	}
}

func hostileTree(depth int) string {
	if depth == 0 {
		return `{"c":1}`
	}
	var members []string
	for i := range 12 {
		members = append(members, `"a`+strings.Repeat(".a", i)+`":`+hostileTree(depth-1))
	}
	return "{" + strings.Join(members, ",") + "}"
}
