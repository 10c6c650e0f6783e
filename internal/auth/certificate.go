package auth

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// CertificateBinding gives a role to whoever has a client certificate. Exactly
// one of SHA256, SPKI, URI and DNS says which. By a name it believes every CA
// that the server takes client certificates of, so that should be one's own.
type CertificateBinding struct {
	// SHA256 is the hash of the certificate, 64 hexadecimal digits, with colons
	// or without.
	SHA256 string
	// SPKI is the hash of its public key (SubjectPublicKeyInfo): it outlives
	// renewals with the same key.
	SPKI string
	// URI is a subject alternative name, such as spiffe://example.org/ci.
	URI string
	// DNS is a subject alternative name, without wildcards.
	DNS  string
	Role Role
	// Instances are as of [Binding].
	Instances []string
}

// normalized checks the binding and brings hashes and host names into one form.
func (b CertificateBinding) normalized(field string) (CertificateBinding, error) {
	refuse := func(name, format string, args ...any) (CertificateBinding, error) {
		return CertificateBinding{}, &ConfigError{Field: field + "." + name, Problem: fmt.Sprintf(format, args...)}
	}
	given := slices.DeleteFunc([]string{b.SHA256, b.SPKI, b.URI, b.DNS}, func(s string) bool { return s == "" })
	if len(given) != 1 {
		return refuse("SHA256", "%d of SHA256, SPKI, URI and DNS are given, want one", len(given))
	}
	for name, sum := range map[string]*string{"SHA256": &b.SHA256, "SPKI": &b.SPKI} {
		if *sum == "" {
			continue
		}
		raw, err := hex.DecodeString(strings.ReplaceAll(*sum, ":", ""))
		if err != nil || len(raw) != sha256.Size {
			return refuse(name, "%q, want a SHA-256 in 64 hexadecimal digits", *sum)
		}
		*sum = hex.EncodeToString(raw)
	}
	if b.URI != "" {
		if u, err := url.Parse(b.URI); err != nil || !u.IsAbs() || u.String() != b.URI {
			return refuse("URI", "%q, want an absolute URI in its usual form", b.URI)
		}
	}
	if b.DNS != "" && (strings.ContainsAny(b.DNS, "* /:") || !isPlain(b.DNS)) {
		return refuse("DNS", "%q, want a host name without wildcards", b.DNS)
	}
	b.DNS = strings.ToLower(b.DNS)
	return b, checkRole(field, b.Role, b.Instances)
}

func (b *CertificateBinding) matches(c *x509.Certificate) bool {
	switch {
	case b.SHA256 != "":
		return b.SHA256 == hexSHA256(c.Raw)
	case b.SPKI != "":
		return b.SPKI == hexSHA256(c.RawSubjectPublicKeyInfo)
	case b.URI != "":
		return slices.ContainsFunc(c.URIs, func(u *url.URL) bool { return u.String() == b.URI })
	case b.DNS != "":
		return slices.ContainsFunc(c.DNSNames, func(name string) bool { return strings.ToLower(name) == b.DNS })
	}
	return false
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// clientCertificate is the one that the TLS stack verified for this connection,
// nil if there is none. What a client merely sent does not count. The leaf is
// looked at again: a connection may outlive it.
func clientCertificate(state *tls.ConnectionState, now time.Time) (*x509.Certificate, error) {
	if state == nil || len(state.VerifiedChains) == 0 || len(state.VerifiedChains[0]) == 0 {
		return nil, nil //nolint:nilnil // no certificate is no error: the caller is anonymous
	}
	leaf := state.VerifiedChains[0][0]
	switch {
	case !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth):
		return nil, invalid(ReasonCertificate, "certificate of %s: not for client authentication, want that extended key usage", visible(leaf.Subject.String()))
	case now.After(leaf.NotAfter) || now.Before(leaf.NotBefore):
		return nil, invalid(ReasonCertificate, "certificate of %s: valid from %s to %s, not at %s", visible(leaf.Subject.String()),
			leaf.NotBefore.Format(time.RFC3339), leaf.NotAfter.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return leaf, nil
}

// callerOf says who has a certificate. Who has one that is bound to nothing is
// known, and may do nothing.
func callerOf(leaf *x509.Certificate, bindings []CertificateBinding) *Caller {
	c := &Caller{
		Subject: visible(leaf.Subject.String()),
		name:    "cert:" + hexSHA256(leaf.Raw)[:16] + " CN=" + visible(leaf.Subject.CommonName),
	}
	for i := range bindings {
		if bindings[i].matches(leaf) {
			c.grants = append(c.grants, grant{bindings[i].Role, bindings[i].Instances})
		}
	}
	return c
}
