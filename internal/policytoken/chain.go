package policytoken

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// verifyChain checks whose certificate chain[0] is. Each certificate must have
// issued the one before it, and all keys must be strong.
func verifyChain(chain []*x509.Certificate, o Options) error {
	for i, certificate := range chain[1:] {
		path := fmt.Sprintf("header: x5c[%d]", i+1)
		if _, err := checkKey(certificate, path); err != nil {
			return err
		}
		if err := checkIssued(chain[i], certificate); err != nil {
			return refuse(ReasonCertificate, path, "did not issue the certificate before it, or is no authority", err)
		}
	}
	switch {
	case len(o.Trusted) > 0:
		return verifyTrusted(chain, o)
	case o.RequireSignature:
		return issuerError(chain[0], "no certificate is listed, so that nobody may sign", nil)
	}
	return verifyAnybody(chain, o)
}

// verifyTrusted checks that the chain reaches a listed certificate: the leaf is
// listed itself, or a listed certificate issued it, at once or through others of
// the chain.
func verifyTrusted(chain []*x509.Certificate, o Options) error {
	paths, err := anchored(chain, o.Trusted, o)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err = checkPath(path); err == nil {
			return nil
		}
	}
	return err
}

// verifyAnybody checks a chain that nobody vouches for, as far as there is
// something to check. It need not reach a root, and a signer that is its own root
// need not be an authority: the samples of Microsoft's client for Python make such
// certificates, and expect the real service to take them.
func verifyAnybody(chain []*x509.Certificate, o Options) error {
	top := chain[len(chain)-1]
	if err := checkSelfSigned(top); err != nil {
		return refuse(ReasonCertificate, fmt.Sprintf("header: x5c[%d]", len(chain)-1), "names itself as its issuer, and its key did not sign it", err)
	}
	_, err := anchored(chain, []*x509.Certificate{top}, o)
	return err
}

// checkPath checks what the library leaves open: a path goes through authorities
// only, and if it ends at a root then at a proper one.
func checkPath(path []*x509.Certificate) error {
	for _, issuer := range path[1:] {
		if !isAuthority(issuer) {
			return issuerError(issuer, "the certificate that is listed is no authority", nil)
		}
	}
	if root := path[len(path)-1]; isSelfIssued(root) {
		return checkRoot(root)
	}
	return nil
}

// anchored returns the paths from chain[0] to one of the anchors of which every
// certificate is valid: in time, within path lengths and names, no critical
// extension unknown. There is at least one.
func anchored(chain, anchors []*x509.Certificate, o Options) ([][]*x509.Certificate, error) {
	options := x509.VerifyOptions{
		Roots:         x509.NewCertPool(),
		Intermediates: x509.NewCertPool(),
		CurrentTime:   o.At,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	for _, anchor := range anchors {
		if _, err := algorithmOf(anchor.PublicKey); err == nil {
			options.Roots.AddCert(anchor)
		}
	}
	for _, certificate := range chain[1:] {
		options.Intermediates.AddCert(certificate)
	}
	paths, err := chain[0].Verify(options)
	if err != nil && o.Leeway > 0 {
		// What has ended at At has ended then too: no end is stretched.
		if ahead := o.At.Add(o.Leeway); beginsWithin(chain, o.At, ahead) {
			options.CurrentTime = ahead
			paths, err = chain[0].Verify(options)
		}
	}
	if err != nil {
		return nil, chainError(chain, err)
	}
	return paths, nil
}

// beginsWithin reports whether a certificate of the chain begins after from and
// not after until.
func beginsWithin(chain []*x509.Certificate, from, until time.Time) bool {
	for _, certificate := range chain {
		if certificate.NotBefore.After(from) && !certificate.NotBefore.After(until) {
			return true
		}
	}
	return false
}

// chainError says in our words why no chain was found.
func chainError(chain []*x509.Certificate, err error) *Error {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return refuse(ReasonValidity, "header: x5c", "a certificate that is not valid at this time", err)
		}
		return refuse(ReasonCertificate, "header: x5c", "a certificate that does not hold", err)
	}
	if _, ok := errors.AsType[x509.UnhandledCriticalExtension](err); ok {
		return refuse(ReasonCertificate, "header: x5c", "a critical extension that is not understood", err)
	}
	return issuerError(chain[len(chain)-1], "chains up to no certificate that the instance lists", err)
}

// checkRoot refuses self-issued certificates that are no authority or are not
// signed by their own key. The real service does not find the issuer of such a
// certificate, since it looks for an authority.
func checkRoot(certificate *x509.Certificate) error {
	if err := checkIssued(certificate, certificate); err != nil {
		return issuerError(certificate, "a root must be signed by its own key, and its basic constraints must say CA:TRUE", err)
	}
	return nil
}

// checkSelfSigned refuses self-issued certificates that are not signed by their
// own key, authorities or not.
func checkSelfSigned(certificate *x509.Certificate) error {
	if !isSelfIssued(certificate) {
		return nil
	}
	return certificate.CheckSignature(certificate.SignatureAlgorithm, certificate.RawTBSCertificate, certificate.Signature)
}

var errNotIssuer = errors.New("the names of issuer and subject differ")

// checkIssued checks that issuer, an authority by its basic constraints and key
// usage, signed certificate.
func checkIssued(certificate, issuer *x509.Certificate) error {
	if !bytes.Equal(certificate.RawIssuer, issuer.RawSubject) {
		return errNotIssuer
	}
	if !isAuthority(issuer) {
		return x509.ConstraintViolationError{}
	}
	return certificate.CheckSignatureFrom(issuer)
}

// isAuthority reports what the basic constraints say. The library lets
// certificates of version 1 pass, which have none.
func isAuthority(certificate *x509.Certificate) bool {
	return certificate.BasicConstraintsValid && certificate.IsCA
}

func isSelfIssued(certificate *x509.Certificate) bool {
	return bytes.Equal(certificate.RawSubject, certificate.RawIssuer)
}

// issuerError names the issuer that is not found.
func issuerError(certificate *x509.Certificate, problem string, err error) *Error {
	e := refuse(ReasonIssuer, "header: x5c", problem, err)
	e.Issuer = clip(certificate.Issuer.String())
	return e
}
