package token

import (
	"context"
	"crypto/sha1" //nolint:gosec // G505: key IDs of reports are made with it; nothing is trusted to it
	"crypto/x509"
	"encoding/base64"
	"fmt"

	"github.com/azattest/azattest/claims"
)

// SignReport signs the report of a TPM's attestation. Its header names no URL; it
// has the certificate of the key or, with omitX5C, only its thumbprint:
//
//	{"alg":"RS256","kid":"<key ID>","typ":"JWT","x5c":["<certificate>"]}
//	{"alg":"RS256","kid":"<key ID>","typ":"JWT","x5t":"<key ID>"}
//
// Here the key ID is the base64url, without padding, of the SHA-1 over the
// certificate in DER, as in the real service's reports; [Ring.ReportJWKS]
// publishes it. All else is as of [Issuer.Sign].
//
// The real service signs reports with a second key, under Microsoft's roots. Ours
// has one key, and its certificate is self-signed: relying parties look the key up
// at the instance, and believe no certificate in a header.
func (i *Issuer) SignReport(ctx context.Context, c *claims.Set, omitX5C bool) (string, error) {
	if omitX5C {
		return i.sign(ctx, c, i.shortReportPrefix)
	}
	return i.sign(ctx, c, i.reportPrefix)
}

// reportPrefix encodes the protected header of reports.
func reportPrefix(k *Key, omitX5C bool) string {
	// A claim set would write an array of one as the one, and base64 needs no escape.
	certificate := fmt.Sprintf(`"x5c":[%q]`, base64.StdEncoding.EncodeToString(k.certificate.Raw))
	if omitX5C {
		certificate = fmt.Sprintf(`"x5t":%q`, k.reportID)
	}
	header := fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"JWT",%s}`, k.algorithm, k.reportID, certificate)
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "."
}

// reportID is the key ID that reports name.
func reportID(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw) //nolint:gosec // G401: see the import
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
