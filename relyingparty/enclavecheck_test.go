package relyingparty_test

import (
	"context"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/relyingparty"
)

// enclaveCheck demands that an enclave holds a signing key, and which.
func enclaveCheck(at time.Time, identity func(*relyingparty.Identity) error) func(context.Context, *azattestation.SigningCertificate) error {
	return func(ctx context.Context, certificate *azattestation.SigningCertificate) error {
		_, err := relyingparty.VerifySigningCertificate(ctx, certificate.Chain[0], relyingparty.SigningCertificateOptions{
			At: at, KeyID: certificate.KeyID, Identity: identity,
		})
		return err
	}
}
