package token_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/token"
)

// BenchmarkSign measures the whole token beside the bare signature, in turns on
// the same machine. "ratio" is what a token costs in signatures.
func BenchmarkSign(b *testing.B) {
	set := someClaims()
	set.Add("x-ms-sgx-report-data", claims.String(strings.Repeat("0", 2000))) // a token of usual size
	for _, a := range algorithms() {
		b.Run(string(a), func(b *testing.B) {
			signer := sharedSigner(b, a)
			issuer := newIssuer(b, newKey(b, a))
			var opts crypto.SignerOpts = crypto.SHA256
			if a == token.PS256 {
				opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
			}
			digest := sha256.Sum256([]byte("digest"))
			var raw, whole time.Duration
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				if _, err := signer.Sign(rand.Reader, digest[:], opts); err != nil {
					b.Fatal(err)
				}
				middle := time.Now()
				if _, err := issuer.Sign(b.Context(), set); err != nil {
					b.Fatal(err)
				}
				raw += middle.Sub(start)
				whole += time.Since(middle)
			}
			b.ReportMetric(float64(whole)/float64(b.N), "token-ns/op")
			b.ReportMetric(float64(raw)/float64(b.N), "signature-ns/op")
			b.ReportMetric(float64(whole)/float64(raw), "ratio")
		})
	}
}

func BenchmarkUnsigned(b *testing.B) {
	issuer := newIssuer(b, newKey(b, token.ES256))
	set := someClaims()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := issuer.Unsigned(set); err != nil {
			b.Fatal(err)
		}
	}
}
