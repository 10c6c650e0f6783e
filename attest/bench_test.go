package attest_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/token"
)

// idle is a verifier that does nothing, and so takes no time.
type idle struct{ result *evidence.Result }

func (v idle) Parse([]byte) (evidence.Evidence, error) { return fakeEvidence{v.result.Claims}, nil }

func (v idle) Verify(context.Context, evidence.Evidence, evidence.Requirements) (*evidence.Result, error) {
	return v.result, nil
}

// BenchmarkAttest measures the pipeline around a verifier that does nothing,
// beside the bare signature, in turns on the same machine. "ratio" is what an
// attestation without its verification costs in signatures.
func BenchmarkAttest(b *testing.B) {
	for _, a := range []token.Algorithm{token.RS256, token.ES256} {
		b.Run(string(a), func(b *testing.B) {
			signer, err := token.GenerateSigner(a, 0)
			if err != nil {
				b.Fatal(err)
			}
			benchmarkAttest(b, a, signer)
		})
	}
}

func benchmarkAttest(b *testing.B, a token.Algorithm, signer crypto.Signer) {
	b.Helper()
	key, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: a, Issuer: instance})
	if err != nil {
		b.Fatal(err)
	}
	c := newConfig(b, idle{newResult()})
	c.Issuer, c.Random = issuerWith(b, key), nil
	s := newService(b, c)
	r := request()
	r.RuntimeData = &attest.Data{Bytes: []byte(runtime), JSON: true}
	digest := sha256.Sum256([]byte("digest"))
	var raw, whole time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if _, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := s.Attest(b.Context(), r); err != nil {
			b.Fatal(err)
		}
		raw += middle.Sub(start)
		whole += time.Since(middle)
	}
	b.ReportMetric(float64(whole)/float64(b.N), "attest-ns/op")
	b.ReportMetric(float64(raw)/float64(b.N), "signature-ns/op")
	b.ReportMetric(float64(whole)/float64(raw), "ratio")
}
