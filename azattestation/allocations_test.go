package azattestation_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/azattestation/fake"
)

// maxAllocations of the validation of a token with keys at hand. A relying party
// does it for each request.
const maxAllocations = 40

func TestValidationAllocatesLittle(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, options := range map[string]*fake.IssuerOptions{"RS256": {Signer: rsaKey}, "ES256": {Signer: ecKey}} {
		t.Run(name, func(t *testing.T) {
			issuer, err := fake.NewIssuer("https://allocations.attest.example", options)
			if err != nil {
				t.Fatal(err)
			}
			source, err := issuer.KeySource()
			if err != nil {
				t.Fatal(err)
			}
			compact, err := issuer.Token(map[string]any{
				"x-ms-attestation-type": "sgx", "x-ms-sgx-ehd": strings.Repeat("QUJD", 800), "x-ms-policy": map[string]any{"a": 1, "b": []int{1, 2}},
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx := t.Context()
			got := testing.AllocsPerRun(100, func() {
				token, err := azattestation.ParseToken(compact)
				if err != nil {
					t.Fatal(err)
				}
				if err := token.Validate(ctx, source, nil); err != nil {
					t.Fatal(err)
				}
			})
			if got > maxAllocations {
				t.Errorf("%.0f allocations, want at most %d", got, maxAllocations)
			}
		})
	}
}
