package relyingparty_test

import (
	"testing"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/relyingparty"
)

// BenchmarkVerifySigningCertificate is what a relying party pays for each key that
// it learns of: a chain and its signatures from cold, and the collateral's.
func BenchmarkVerifySigningCertificate(b *testing.B) {
	k := attestedKeys(b)[0]
	cert := parse(b, k.X5C[0])
	for name, set := range map[string]*dcap.Collateral{
		"signatures":     nil,
		"withCollateral": collateralSet(b, "maa-cert-sharedwus-2022", "2022-05-09-e12-tcbv2"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			o := relyingparty.SigningCertificateOptions{Collateral: set, At: recordedAt, AcceptStaleCollateral: true, KeyID: k.KeyID, Identity: isAzures}
			for b.Loop() {
				if _, err := relyingparty.VerifySigningCertificate(b.Context(), cert, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
