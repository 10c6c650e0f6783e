package tpm

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/azattest/azattest/evidence"
)

var (
	// What a certificate of the TCG's profiles is for.
	oidEKCertificate  = asn1.ObjectIdentifier{2, 23, 133, 8, 1}
	oidAIKCertificate = asn1.ObjectIdentifier{2, 23, 133, 8, 3}

	oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}
)

// Config is what [Authorities] trust.
type Config struct {
	// Roots are the root certificates; at least one.
	Roots []*x509.Certificate
	// Intermediates are certificates that senders need not give. They are not
	// trusted by themselves.
	Intermediates []*x509.Certificate
}

// ConfigError says which field of a [Config] cannot be.
type ConfigError struct {
	Field, Problem string
}

// Error names field and problem.
func (e *ConfigError) Error() string { return "tpm: config: " + e.Field + ": " + e.Problem }

// Authorities are certificate authorities for AIKs, or for EKs. They are immutable
// and safe for concurrent use.
//
// Take one for each: who may say that a chip is a TPM need not be who may say that
// a key is an AIK. Within one the certificate's purpose keeps them apart.
type Authorities struct {
	roots         *x509.CertPool
	intermediates []*x509.Certificate
}

// NewAuthorities returns authorities; a *[ConfigError] if there is no root, or one
// that is no CA.
func NewAuthorities(c Config) (*Authorities, error) {
	if len(c.Roots) == 0 {
		// crypto/x509 would take the system's.
		return nil, &ConfigError{"Roots", "empty, want at least one root certificate"}
	}
	a := &Authorities{roots: x509.NewCertPool(), intermediates: slices.Clone(c.Intermediates)}
	for i, root := range c.Roots {
		if root == nil || !root.IsCA {
			return nil, &ConfigError{fmt.Sprintf("Roots[%d]", i), "not the certificate of a CA"}
		}
		a.roots.AddCert(root)
	}
	if slices.Contains(c.Intermediates, nil) {
		return nil, &ConfigError{"Intermediates", "a nil certificate"}
	}
	return a, nil
}

// VerifyAIK checks the certificate of an AIK as of a time, up to a root. Every
// certificate between must be for AIKs where it says what it is for. Whether one
// was revoked is not asked: the lists would have to be fetched.
func (a *Authorities) VerifyAIK(leaf *x509.Certificate, intermediates []*x509.Certificate, at time.Time) (*AIK, error) {
	chain, err := a.verify(leaf, intermediates, at, oidAIKCertificate)
	if err != nil {
		return nil, err
	}
	if leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return nil, chainError(evidence.CodeMalformed, leaf, "other key usages", "digital signature")
	}
	aik, err := AIKFromKey(leaf.PublicKey)
	if err != nil {
		return nil, err
	}
	aik.chain = chain
	return aik, nil
}

// verify builds a chain for a purpose and returns it, leaf first.
func (a *Authorities) verify(leaf *x509.Certificate, intermediates []*x509.Certificate, at time.Time, purpose asn1.ObjectIdentifier) ([]*x509.Certificate, error) {
	if leaf == nil {
		return nil, refuse(evidence.StageChain, evidence.CodeMissing, "certificate", "none", "one")
	}
	if at.IsZero() {
		// crypto/x509 would take the clock's.
		return nil, chainError(evidence.CodeMissing, leaf, "no time of verification", "a time")
	}
	if len(intermediates) > maxIntermediates {
		return nil, chainError(evidence.CodeTooLarge, leaf, fmt.Sprintf("%d intermediate certificates", len(intermediates)), fmt.Sprintf("at most %d", maxIntermediates))
	}
	for _, c := range slices.Concat([]*x509.Certificate{leaf}, intermediates) {
		if c == nil || len(c.Raw) > maxCertificate {
			return nil, chainError(evidence.CodeTooLarge, leaf, "a certificate that is nil or too large", fmt.Sprintf("at most %d bytes", maxCertificate))
		}
		// A CA's key of 100,000 bits would fit, and take a second for each signature.
		if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxRSABits {
			return nil, chainError(evidence.CodeTooLarge, c, fmt.Sprintf("RSA of %d bits", key.N.BitLen()), fmt.Sprintf("at most %d", maxRSABits))
		}
	}
	if leaf.IsCA {
		return nil, chainError(evidence.CodeMalformed, leaf, "a CA", "an end entity")
	}
	if !hasPurpose(leaf, purpose) {
		return nil, chainError(evidence.CodeMismatch, leaf, "extended key usages "+usages(leaf), purpose.String())
	}
	tolerated, err := tolerate(leaf)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, c := range slices.Concat(a.intermediates, intermediates) {
		pool.AddCert(c)
	}
	chains, err := tolerated.Verify(x509.VerifyOptions{
		Roots: a.roots, Intermediates: pool, CurrentTime: at,
		// Purposes are checked below: this package knows none of the TCG's.
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return nil, explain(leaf, err, at)
	}
	for _, chain := range chains {
		for _, ca := range chain[1:] {
			if key, ok := ca.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < minRSABits {
				return nil, chainError(evidence.CodeUnsupported, ca, fmt.Sprintf("RSA of %d bits", key.N.BitLen()), fmt.Sprintf("at least %d", minRSABits))
			}
		}
		if !slices.ContainsFunc(chain[1:], func(c *x509.Certificate) bool { return !mayIssue(c, purpose) }) {
			return slices.Concat([]*x509.Certificate{leaf}, chain[1:]), nil
		}
	}
	return nil, chainError(evidence.CodeMismatch, leaf, "a chain through a CA for other purposes", "CAs for "+purpose.String())
}

// ParseCertificate reads a certificate in DER, all of it, up to the size that a
// chain may have.
func ParseCertificate(der []byte) (*x509.Certificate, error) {
	const part = "certificate"
	if len(der) > maxCertificate {
		return nil, refuse(evidence.StageParse, evidence.CodeTooLarge, part, fmt.Sprintf("%d bytes", len(der)), fmt.Sprintf("at most %d", maxCertificate))
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		e := refuse(evidence.StageParse, evidence.CodeMalformed, part, "", "a certificate in DER")
		e.Err = err
		return nil, e
	}
	return c, nil
}

// hasPurpose reports whether a certificate names a purpose of the TCG's.
func hasPurpose(c *x509.Certificate, purpose asn1.ObjectIdentifier) bool {
	return slices.ContainsFunc(c.UnknownExtKeyUsage, purpose.Equal)
}

// mayIssue reports whether a CA may issue for a purpose: it names it, or any, or
// says nothing. Microsoft's AIK CAs name it, beside one of their own; a root's
// usages bind as well, as RFC 5280 leaves open and Windows does.
func mayIssue(ca *x509.Certificate, purpose asn1.ObjectIdentifier) bool {
	if len(ca.ExtKeyUsage) == 0 && len(ca.UnknownExtKeyUsage) == 0 {
		return true
	}
	return hasPurpose(ca, purpose) || slices.Contains(ca.ExtKeyUsage, x509.ExtKeyUsageAny)
}

func usages(c *x509.Certificate) string {
	names := make([]string, 0, len(c.UnknownExtKeyUsage))
	for _, u := range c.UnknownExtKeyUsage[:min(len(c.UnknownExtKeyUsage), 4)] {
		names = append(names, u.String())
	}
	if n := len(c.ExtKeyUsage); n > 0 {
		names = append(names, fmt.Sprintf("%d that are not the TCG's", n))
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// tolerate returns a copy of the leaf without the one critical extension that
// crypto/x509 does not know and the TCG's profiles demand: a subject alternative
// name that holds a directory name alone, the TPM's vendor, model and version. It
// is critical because the subject is empty, and it restricts nothing that is
// verified here. Any other critical extension is refused, by crypto/x509, as is
// any in a CA's certificate.
func tolerate(leaf *x509.Certificate) (*x509.Certificate, error) {
	isName := oidSubjectAltName.Equal
	if !slices.ContainsFunc(leaf.UnhandledCriticalExtensions, isName) {
		return leaf, nil
	}
	i := slices.IndexFunc(leaf.Extensions, func(e pkixExtension) bool { return isName(e.Id) })
	if i < 0 || !isDirectoryName(leaf.Extensions[i].Value) {
		return nil, chainError(evidence.CodeUnsupported, leaf, "a critical subject alternative name of another kind", "one that is a directory name")
	}
	c := *leaf
	c.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions), isName)
	return &c, nil
}

// isDirectoryName reads GeneralNames with one directoryName, [4], in it.
func isDirectoryName(der []byte) bool {
	var names []asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &names); err != nil || len(rest) > 0 || len(names) != 1 {
		return false
	}
	return names[0].Class == asn1.ClassContextSpecific && names[0].Tag == 4
}
