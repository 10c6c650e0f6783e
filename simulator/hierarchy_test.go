package simulator_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/simulator"
)

// profile is what certificates of one kind have in common.
type profile struct {
	Subject, Issuer []string // types and encodings of the names' attributes
	Extensions      []string
	KeyUsage        x509.KeyUsage
	IsCA            bool
	PathLength      int
	Signature       x509.SignatureAlgorithm
	SerialBytes     int
	ExtensionIDs    []string // members of the SGX extension
}

func profileOf(t *testing.T, c *x509.Certificate) profile {
	t.Helper()
	p := profile{
		Subject: attributes(t, c.RawSubject), Issuer: attributes(t, c.RawIssuer), KeyUsage: c.KeyUsage, IsCA: c.IsCA,
		PathLength: c.MaxPathLen, Signature: c.SignatureAlgorithm, SerialBytes: len(c.SerialNumber.Bytes()),
	}
	for _, e := range c.Extensions {
		p.Extensions = append(p.Extensions, fmt.Sprintf("%s critical %t", e.Id, e.Critical))
		if e.Id.String() == "1.2.840.113741.1.13.1" {
			p.ExtensionIDs = extensionIDs(t, e.Value)
		}
	}
	slices.Sort(p.Extensions)
	return p
}

func attributes(t *testing.T, name []byte) []string {
	t.Helper()
	var sets []asn1.RawValue
	if _, err := asn1.Unmarshal(name, &sets); err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, s := range sets {
		var a struct {
			ID    asn1.ObjectIdentifier
			Value asn1.RawValue
		}
		if _, err := asn1.Unmarshal(s.Bytes, &a); err != nil {
			t.Fatal(err)
		}
		types = append(types, fmt.Sprintf("%s tag %d", a.ID, a.Value.Tag))
	}
	return types
}

// extensionIDs lists the members of the SGX extension with type and length,
// those inside its sequences included.
func extensionIDs(t *testing.T, der []byte) []string {
	t.Helper()
	var list []struct {
		ID    asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	if _, err := asn1.Unmarshal(der, &list); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range list {
		switch m.Value.Tag {
		case asn1.TagSequence:
			ids = append(ids, m.ID.String())
			ids = append(ids, extensionIDs(t, m.Value.FullBytes)...)
		case asn1.TagInteger: // one byte or two, as the number wants
			ids = append(ids, m.ID.String()+" integer")
		default:
			ids = append(ids, fmt.Sprintf("%s tag %d, %d bytes", m.ID, m.Value.Tag, len(m.Value.Bytes)))
		}
	}
	return ids
}

func pckOf(t *testing.T, quote []byte) *x509.Certificate {
	t.Helper()
	q, err := dcap.ParseQuote(quote)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := dcap.ParseCertificates(q.CertificationData.Data)
	if err != nil {
		t.Fatal(err)
	}
	return chain[0]
}

func TestCertificatesHaveIntelsProfile(t *testing.T) {
	t.Parallel()
	intel := func(name string) *x509.Certificate {
		c, err := x509.ParseCertificate(corpus.Read(t, "evidence", "trust-anchors", "intel", name))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	pck := func(dir string) *x509.Certificate {
		return pckOf(t, corpus.Read(t, "evidence", "sgx-v3", dir, "quote.bin"))
	}
	for ca, tc := range map[dcap.CA]struct{ ca, pck *x509.Certificate }{
		dcap.PlatformCA:  {intel("Intel_SGX_PCK_Platform_CA.der"), pck("raiko-00606a-8082")},
		dcap.ProcessorCA: {intel("Intel_SGX_PCK_Processor_CA.der"), pck("phala-a067")},
	} {
		p := newPlatform(t, simulator.Config{CA: ca})
		parts := collateralOf(t, p, simulator.CollateralOptions{}).Parts()
		chain, err := dcap.ParseCertificates(slices.Concat(parts.PCKCRLIssuerChain, parts.TCBInfoIssuerChain))
		if err != nil {
			t.Fatal(err)
		}
		ours := pckOf(t, quoteOf(t, p, simulator.Report{}))
		for name, pair := range map[string]struct{ real, ours *x509.Certificate }{
			"PCK": {tc.pck, ours}, "CA": {tc.ca, chain[0]},
			"root": {intel("Intel_SGX_Root_CA_2049.der"), chain[1]}, "TCB signer": {intel("Intel_SGX_TCB_Signing_2025.der"), chain[2]},
		} {
			t.Run(fmt.Sprintf("%s/%s", ca, name), func(t *testing.T) {
				t.Parallel()
				if diff := cmp.Diff(profileOf(t, pair.real), profileOf(t, pair.ours)); diff != "" {
					t.Errorf("profile (-Intel +ours):\n%s", diff)
				}
				if name != "root" && pair.real.Subject.CommonName != pair.ours.Subject.CommonName {
					t.Errorf("named %q, Intel's %q", pair.ours.Subject.CommonName, pair.real.Subject.CommonName)
				}
			})
		}
	}
}

// crypto/x509 is a verifier that shares nothing with ours.
func TestChainsHoldForCryptoX509(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	parts := collateralOf(t, p, simulator.CollateralOptions{}).Parts()
	roots, cas := x509.NewCertPool(), x509.NewCertPool()
	if !roots.AppendCertsFromPEM(p.RootCertificatePEM()) || !cas.AppendCertsFromPEM(parts.PCKCRLIssuerChain) {
		t.Fatal("no certificates in the PEM")
	}
	chain, err := dcap.ParseCertificates(slices.Concat(parts.PCKCRLIssuerChain, parts.TCBInfoIssuerChain))
	if err != nil {
		t.Fatal(err)
	}
	ca, root, tcbSigner := chain[0], chain[1], chain[2]
	pck := pckOf(t, quoteOf(t, p, simulator.Report{}))
	for _, c := range []*x509.Certificate{pck, tcbSigner} {
		o := x509.VerifyOptions{Roots: roots, Intermediates: cas, CurrentTime: epoch, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
		if _, err := c.Verify(o); err != nil {
			t.Errorf("%s: %v", c.Subject.CommonName, err)
		}
	}
	for _, l := range []struct {
		raw    []byte
		issuer *x509.Certificate
	}{{parts.PCKCRL, ca}, {parts.RootCACRL, root}} {
		list, err := x509.ParseRevocationList(l.raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := list.CheckSignatureFrom(l.issuer); err != nil {
			t.Errorf("list of %s: %v", l.issuer.Subject.CommonName, err)
		}
		if list.Number == nil || !slices.Equal(list.AuthorityKeyId, l.issuer.SubjectKeyId) {
			t.Errorf("list of %s has number %v and key ID %x", l.issuer.Subject.CommonName, list.Number, list.AuthorityKeyId)
		}
	}
	serials := map[[sha256.Size]byte]bool{}
	for _, c := range []*x509.Certificate{pck, ca, root, tcbSigner} {
		serials[sha256.Sum256(c.SerialNumber.Bytes())] = true
	}
	if len(serials) != 4 {
		t.Errorf("%d different serial numbers of 4 certificates", len(serials))
	}
}
