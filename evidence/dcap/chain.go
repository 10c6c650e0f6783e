package dcap

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/azattest/azattest/evidence"
)

// Common names in Intel's certificate profile.
const (
	processorCAName = "Intel SGX PCK Processor CA"
	platformCAName  = "Intel SGX PCK Platform CA"
	pckName         = "Intel SGX PCK Certificate"
	tcbSigningName  = "Intel SGX TCB Signing"
)

var caNames = map[string]CA{processorCAName: ProcessorCA, platformCAName: PlatformCA}

// issuer is a PCK CA that has been verified down to a root.
type issuer struct {
	root int // index into the verifier's roots
	name string
	key  *ecdsa.PublicKey
	id   [sha256.Size]byte // digest of the public key
}

// pckChain is a PCK chain that has been verified down to a root, apart from
// revocation. It is valid within its windows.
type pckChain struct {
	issuer issuer
	ca     *x509.Certificate
	leaf   *x509.Certificate
	key    *ecdsa.PublicKey // of the leaf
	pck    *PCK
	valid  []validity
}

func (c *pckChain) check(at time.Time) error {
	for _, v := range c.valid {
		if err := v.check(at); err != nil {
			return err
		}
	}
	return nil
}

// verifyPCKChain builds the chain from certificates in any order.
func verifyPCKChain(pemText []byte, roots []Root) (*pckChain, error) {
	certs, err := ParseCertificates(pemText)
	if err != nil {
		return nil, err
	}
	leaf, err := findLeaf(certs)
	if err != nil {
		return nil, err
	}
	c := &pckChain{leaf: leaf}
	if c.ca, err = findIssuer(certs, leaf); err != nil {
		return nil, err
	}
	if c.issuer, err = verifyCA(certs, c.ca, roots); err != nil {
		return nil, err
	}
	if err := issued(leaf, c.issuer.name, c.issuer.key); err != nil {
		return nil, err
	}
	if err := checkEndEntity(leaf, pckName); err != nil {
		return nil, err
	}
	if c.key, err = publicKey(leaf); err != nil {
		return nil, err
	}
	if c.pck, err = parsePCK(leaf); err != nil {
		return nil, err
	}
	c.pck.CA = caNames[c.issuer.name]
	c.valid = []validity{certificateValidity(evidence.StageChain, leaf), certificateValidity(evidence.StageChain, c.ca)}
	for _, cert := range certs {
		if isSelfIssued(cert) {
			c.valid = append(c.valid, certificateValidity(evidence.StageChain, cert))
		}
	}
	return c, nil
}

// verifyCA checks that a root that is trusted issued this PCK CA.
func verifyCA(certs []*x509.Certificate, ca *x509.Certificate, roots []Root) (issuer, error) {
	root, err := anchor(certs, ca, roots)
	if err != nil {
		return issuer{}, err
	}
	if err := checkCA(ca); err != nil {
		return issuer{}, err
	}
	key, err := publicKey(ca)
	if err != nil {
		return issuer{}, err
	}
	return issuer{root: root, name: ca.Subject.CommonName, key: key, id: sha256.Sum256(ca.RawSubjectPublicKeyInfo)}, nil
}

// findLeaf returns the one certificate with an SGX extension.
func findLeaf(certs []*x509.Certificate) (*x509.Certificate, error) {
	var leaf *x509.Certificate
	for _, c := range certs {
		for _, ext := range c.Extensions {
			if !ext.Id.Equal(oidSGXExtension) || leaf != nil && bytes.Equal(leaf.Raw, c.Raw) {
				continue
			}
			if leaf != nil {
				return nil, missing("two PCK certificates", "one")
			}
			leaf = c
		}
	}
	if leaf == nil {
		return nil, missing("no PCK certificate among "+names(certs), "one with the SGX extension")
	}
	return leaf, nil
}

// findIssuer returns the CA certificate that names itself as the leaf's issuer
// does.
func findIssuer(certs []*x509.Certificate, leaf *x509.Certificate) (*x509.Certificate, error) {
	for _, c := range certs {
		if bytes.Equal(c.RawSubject, leaf.RawIssuer) && !isSelfIssued(c) {
			return c, nil
		}
	}
	return nil, missing(
		fmt.Sprintf("no certificate of the issuer %q among %s", leaf.Issuer, names(certs)),
		"the chain up to the root")
}

// anchor finds the root under which cert was issued. Root certificates in the
// chain are only a claim: each must be self-signed and carry the key of the
// root that is trusted.
func anchor(certs []*x509.Certificate, cert *x509.Certificate, roots []Root) (int, error) {
	var rootErr error
	for i, r := range roots {
		if err := issued(cert, r.name, r.key); err != nil {
			rootErr = err
			continue
		}
		for _, c := range certs {
			if !isSelfIssued(c) {
				continue
			}
			if key, err := publicKey(c); err != nil || !key.Equal(r.key) {
				return 0, untrusted(fmt.Sprintf("a root %q with another key", c.Subject.CommonName), roots)
			}
			if err := issued(c, r.name, r.key); err != nil {
				return 0, err
			}
		}
		return i, nil
	}
	for _, c := range certs {
		if !isSelfIssued(c) {
			continue
		}
		key, err := publicKey(c)
		if err != nil || !trustedKey(key, roots) {
			return 0, untrusted(fmt.Sprintf("a chain to %q, whose key is not trusted", c.Subject.CommonName), roots)
		}
	}
	if len(roots) == 1 {
		return 0, rootErr
	}
	return 0, untrusted(fmt.Sprintf("certificate %q by %q, signed by no trusted key", cert.Subject.CommonName, cert.Issuer.CommonName), roots)
}

func trustedKey(key *ecdsa.PublicKey, roots []Root) bool {
	for _, r := range roots {
		if key.Equal(r.key) {
			return true
		}
	}
	return false
}

// checkCA checks what makes a certificate a PCK CA in Intel's profile.
func checkCA(ca *x509.Certificate) error {
	part := certificatePart(ca)
	if _, ok := caNames[ca.Subject.CommonName]; !ok {
		return profileError(part, fmt.Sprintf("subject %q", clip(ca.Subject.CommonName)), processorCAName+" or "+platformCAName)
	}
	if !ca.BasicConstraintsValid || !ca.IsCA {
		return profileError(part, "not a CA", "basic constraints with CA true")
	}
	const usage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	if ca.KeyUsage&usage != usage {
		return profileError(part, "other key usages", "certificate signing and CRL signing")
	}
	return nil
}

// checkEndEntity checks what makes a certificate a PCK or TCB signing
// certificate in Intel's profile.
func checkEndEntity(cert *x509.Certificate, name string) error {
	part := certificatePart(cert)
	if cert.Subject.CommonName != name {
		return profileError(part, fmt.Sprintf("subject %q", clip(cert.Subject.CommonName)), fmt.Sprintf("%q", name))
	}
	if !cert.BasicConstraintsValid || cert.IsCA {
		return profileError(part, "a CA", "basic constraints with CA false")
	}
	if cert.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return profileError(part, "other key usages", "digital signature")
	}
	return nil
}

func isSelfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, c.RawIssuer) }

func names(certs []*x509.Certificate) string {
	list := make([]string, len(certs))
	for i, c := range certs {
		list[i] = fmt.Sprintf("%q", clip(c.Subject.String()))
	}
	return strings.Join(list, ", ")
}

func missing(found, expected string) error {
	return &evidence.Error{
		Stage: evidence.StageChain, Code: evidence.CodeMissing, Part: "certificate chain", Offset: -1, Found: found, Expected: expected,
	}
}

func profileError(part, found, expected string) error {
	return &evidence.Error{
		Stage: evidence.StageChain, Code: evidence.CodeMalformed, Part: part, Offset: -1, Found: found, Expected: expected,
	}
}
