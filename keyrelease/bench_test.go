package keyrelease_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
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

// BenchmarkRelease measures a release of a key of 2048 bits, and beside it what of it
// is cryptography that nobody can leave out: the verification of a token (RS256, its
// keys at hand), the encryption to an RSA key, and the signature. docs/performance.md
// has the ratio.
func BenchmarkRelease(b *testing.B) {
	v := newVault(b)
	v.config.Record = nil
	request := keyrelease.Request{Target: v.token(b), Nonce: "nonce", Algorithm: keyrelease.RSAAESKeyWrap256}
	b.Run("release", func(b *testing.B) {
		r := v.releaser(b)
		b.ReportAllocs()
		for b.Loop() {
			v.released = nil
			if _, err := r.Release(b.Context(), "payroll", "", "7.4", request); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("raw", func(b *testing.B) {
		verifier := mustVerifier(b, v.require)
		to, kek := keysOf().rsa.Public().(*rsa.PublicKey), make([]byte, 32)
		signing, err := token.GenerateSigner(token.RS256, 2048)
		if err != nil {
			b.Fatal(err)
		}
		digest := sha256.Sum256([]byte("a response"))
		for b.Loop() {
			if _, err := verifier.Verify(b.Context(), request.Target, relyingparty.Expected{}); err != nil {
				b.Fatal(err)
			}
			if _, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, to, kek, nil); err != nil {
				b.Fatal(err)
			}
			if _, err := signing.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
				b.Fatal(err)
			}
		}
	})
}
