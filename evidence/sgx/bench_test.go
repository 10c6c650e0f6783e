package sgx_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"path/filepath"
	"testing"

	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/internal/corpus"
)

// realCase is a quote with collateral of TCB info version 3, the larger kind.
func realCase(b *testing.B) ([]byte, sgx.Options) {
	b.Helper()
	for _, c := range expectedQuotes(b) {
		if c.Dir != "sgx-v3/automata-00606a-268c" {
			continue
		}
		set := c.Coll[len(c.Coll)-1]
		dir := filepath.Join(corpus.Dir(b), "evidence", c.Dir)
		return corpus.Read(b, "evidence", c.Dir, "quote.bin"), sgx.Options{
			Collateral: collateralSet(b, filepath.Join(dir, "collateral", set.Name)), At: set.At,
		}
	}
	b.Fatal("the corpus lacks the case")
	return nil, sgx.Options{}
}

// twoVerifications returns what a quote costs at the very least: its two P-256
// signatures, verified with nothing around them.
func twoVerifications(b *testing.B) func() {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("header and report body"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		for range 2 {
			if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) {
				b.Fatal("signature does not hold")
			}
		}
	}
}

// BenchmarkVerify measures warm and cold verification beside the raw
// cryptography: the ratio is time per verification by time per two raw P-256
// verifications, taken in turns within one run.
func BenchmarkVerify(b *testing.B) {
	raw, o := realCase(b)
	verify := func(b *testing.B, v *sgx.Verifier) {
		b.Helper()
		q, err := sgx.Parse(raw)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := v.Verify(b.Context(), q, o); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("raw", func(b *testing.B) {
		two := twoVerifications(b)
		for b.Loop() {
			two()
		}
	})
	b.Run("warm", func(b *testing.B) {
		v := newVerifier(b)
		verify(b, v)
		b.ReportAllocs()
		reportRatio(b, twoVerifications(b), func() { verify(b, v) })
	})
	b.Run("cold", func(b *testing.B) {
		b.ReportAllocs()
		reportRatio(b, twoVerifications(b), func() { verify(b, newVerifier(b)) })
	})
}

func BenchmarkParse(b *testing.B) {
	raw, _ := realCase(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sgx.Parse(raw); err != nil {
			b.Fatal(err)
		}
	}
}
