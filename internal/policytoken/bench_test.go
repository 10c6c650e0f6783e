package policytoken_test

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/policytoken"
)

// benchPolicy is of the size of a large policy in use.
var benchPolicy = "version=1.0; authorizationrules{=> permit();}; issuancerules{" + strings.Repeat(`c:[type=="x-ms-sgx-mrsigner"] => issue(type="signer", value=c.value);`, 120) + "};"

func BenchmarkParse(b *testing.B) {
	raw := []byte(signed(b, selfSigned(b, newRSA(b), "signer", nil), policyPayload(benchPolicy)))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := policytoken.Parse(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	rsaSigner := selfSigned(b, newRSA(b), "RSA", nil)
	ecSigner := selfSigned(b, newEC(b, elliptic.P256()), "P-256", nil)
	leaf := issue(b, rsaSigner, newEC(b, elliptic.P256()), "leaf", endEntity)
	trusted := []*x509.Certificate{ecSigner.cert, rsaSigner.cert}
	for name, text := range map[string]string{
		"RSA-2048,listed":         signed(b, rsaSigner, policyPayload(minimalPolicy)),
		"P-256,listed":            signed(b, ecSigner, policyPayload(minimalPolicy)),
		"P-256,issued-by-RSA":     signed(b, leaf, policyPayload(minimalPolicy)),
		"RSA-2048,listed,refused": otherSignature(b, signed(b, rsaSigner, policyPayload(minimalPolicy))),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			o := policytoken.Options{At: now, Trusted: trusted, RequireSignature: true}
			for b.Loop() {
				t, err := policytoken.Parse([]byte(text))
				if err == nil {
					err = t.Verify(o)
				}
				if (err != nil) != strings.HasSuffix(name, "refused") {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRSA is what the arithmetic alone costs, to hold Verify against.
func BenchmarkRSA(b *testing.B) {
	key := newRSA(b)
	digest := sha256.Sum256([]byte("x"))
	raw := must[[]byte](b)(key.Sign(nil, digest[:], crypto.SHA256))
	public, _ := key.Public().(*rsa.PublicKey)
	for b.Loop() {
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], raw); err != nil {
			b.Fatal(err)
		}
	}
}

// otherSignature changes a character in the midst of the signature.
func otherSignature(tb testing.TB, text string) string {
	tb.Helper()
	at := len(text) - 100
	other := "A"
	if text[at] == 'A' {
		other = "B"
	}
	return text[:at] + other + text[at+1:]
}
