package policytoken

import (
	"crypto/sha1" //nolint:gosec // G505: the real service names certificates so; nothing is proved by it
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// certificateNames are the claims that hold a certificate to be added or removed:
// the one of today, that of the troubleshooting guide, and those of the previews.
func certificateNames() []string {
	return []string{"policyCertificate", "x-ms-policyCertificate", "maa-policyCertificate", "aas-policyCertificate"}
}

// certificateClaims returns which of them the token has.
func (t *Token) certificateClaims() []string {
	var found []string
	for _, name := range certificateNames() {
		if _, ok := t.claims.get(name); ok {
			found = append(found, name)
		}
	}
	return found
}

// Certificate returns the policy management certificate that the token is to add
// or remove: the first of the x5c of its JWK. The JWK's other members are not
// looked at; Microsoft's client for Python writes kty RSA of every key.
//
// Which of the two is meant the token does not say: the route does. Compare
// certificates by their Raw. To remove one it need not be worth anything any more;
// before one is added, call [CheckCertificate].
//
// It returns an *[Error].
func (t *Token) Certificate() (*x509.Certificate, error) {
	names := t.certificateClaims()
	switch len(names) {
	case 1:
	case 0:
		return nil, refuse(ReasonNoPolicyCertificate, "payload", "want a claim "+certificateNames()[0]+" with a JWK that has an x5c", nil)
	default:
		return nil, refuse(ReasonPayload, "payload", "both "+names[0]+" and "+names[1]+", want one of them", nil)
	}
	path := "payload: " + names[0]
	jwk, err := parseObject(ReasonPolicyCertificate, path, t.claims.members[names[0]])
	if err != nil {
		return nil, err
	}
	x5c, ok := jwk.get("x5c")
	if !ok {
		return nil, refuse(ReasonPolicyCertificate, path, "want a JWK with an x5c; a bare key is never trusted", nil)
	}
	texts, err := parseX5C(ReasonPolicyCertificate, path+": x5c", x5c)
	if err != nil {
		return nil, err
	}
	return parseCertificate(ReasonPolicyCertificate, path+": x5c[0]", texts[0])
}

// CheckCertificate decides whether a certificate may be added to the policy
// management certificates: its key is strong enough, it is valid at the time, and
// if it names itself as its issuer its own key signed it.
//
// Not every such certificate may sign: see [CheckSigner].
//
// It returns an *[Error], and an *[OptionsError] without a time.
func CheckCertificate(certificate *x509.Certificate, at time.Time) error {
	if at.IsZero() {
		return &OptionsError{Field: "at", Problem: "missing, want the time of the request"}
	}
	const path = "certificate"
	if _, err := checkKey(certificate, path); err != nil {
		return err
	}
	if at.Before(certificate.NotBefore) || at.After(certificate.NotAfter) {
		return refuse(ReasonValidity, path, fmt.Sprintf("valid from %s to %s, want one that is valid now",
			certificate.NotBefore.UTC().Format(time.RFC3339), certificate.NotAfter.UTC().Format(time.RFC3339)), nil)
	}
	if err := checkSelfSigned(certificate); err != nil {
		return refuse(ReasonCertificate, path, "names itself as its issuer, and its key did not sign it", err)
	}
	return nil
}

// CheckSigner decides whether the key of a listed certificate may sign at the
// time. A root must for that be an authority by its basic constraints, as the real
// service wants it; the samples of Microsoft's client for Python add one that is
// none, which from then on is listed and of no use. An instance with no signer left
// can not be changed any more: ask this before one is created, and before a
// certificate is removed.
//
// It returns an *[Error], and an *[OptionsError] without a time.
func CheckSigner(certificate *x509.Certificate, at time.Time) error {
	if err := CheckCertificate(certificate, at); err != nil {
		return err
	}
	if isSelfIssued(certificate) {
		if err := checkRoot(certificate); err != nil {
			return err
		}
	}
	if len(certificate.UnhandledCriticalExtensions) > 0 {
		return refuse(ReasonCertificate, "certificate", "a critical extension that is not understood", nil)
	}
	return nil
}

// Thumbprint returns the SHA-1 of a certificate's DER in upper-case hexadecimal:
// the claim x-ms-certificate-thumbprint.
func Thumbprint(certificate *x509.Certificate) string {
	sum := sha1.Sum(certificate.Raw) //nolint:gosec // G401: see the import
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}
