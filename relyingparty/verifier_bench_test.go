package relyingparty_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

// BenchmarkVerify is what a relying party pays for each token, beside the bare
// RSA signature in it, which is the least that anybody can pay.
func BenchmarkVerify(b *testing.B) {
	i := newInstance(b, contoso, token.RS256)
	compact := i.token(b, set{"x-ms-sgx-ehd": b64(make([]byte, 512)), "x-ms-sgx-report-data": strings.Repeat("0", 128)})
	b.Run("signature", func(b *testing.B) {
		b.ReportAllocs()
		public := i.Key.Certificate().PublicKey.(*rsa.PublicKey)
		dot := strings.LastIndexByte(compact, '.')
		signature, err := base64.RawURLEncoding.DecodeString(compact[dot+1:])
		if err != nil {
			b.Fatal(err)
		}
		signed := []byte(compact[:dot])
		for b.Loop() {
			digest := sha256.Sum256(signed)
			if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature); err != nil {
				b.Fatal(err)
			}
		}
	})
	plain, further, certified := i.config(b), i.config(b), i.config(b)
	plain.Signers, plain.PolicyHashes = signers(mrsigner, 1, 1), []string{defaultPolicyHash}
	further.Claims = []relyingparty.Claim{{Name: "x-ms-ver", OneOf: []any{"1.0"}}}
	certified.SigningCertificate = answering(nil)
	for name, c := range map[string]relyingparty.Config{"token": plain, "tokenAndClaim": further, "tokenAndCertificate": certified} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			v := mustNew(b, c)
			for b.Loop() {
				if _, err := v.Verify(b.Context(), compact, relyingparty.Expected{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
