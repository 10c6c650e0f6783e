package enroll_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/enroll"
	"github.com/azattest/azattest/internal/testtpm"
)

// What stands in a certificate, beside what VerifyAIK asks for.
func TestCertificate(t *testing.T) {
	t.Parallel()
	s := softTPM(t)
	a := authority(t, noon, s.Root())
	own := a.Issuer().Certificate()
	leaf := must[*x509.Certificate](t)(tpm.ParseCertificate(enrolled(t, a, s).Chain[0]))
	switch {
	case leaf.Version != 3 || leaf.IsCA || !leaf.BasicConstraintsValid || leaf.KeyUsage != x509.KeyUsageDigitalSignature:
		t.Errorf("version %d, CA %t, usage %b", leaf.Version, leaf.IsCA, leaf.KeyUsage)
	case len(leaf.ExtKeyUsage) != 0 || len(leaf.UnknownExtKeyUsage) != 1 || leaf.UnknownExtKeyUsage[0].String() != "2.23.133.8.3":
		t.Errorf("purposes %v, %v", leaf.ExtKeyUsage, leaf.UnknownExtKeyUsage)
	case len(leaf.Subject.Names) != 0 || leaf.Issuer.String() != "CN=test authority":
		t.Errorf("subject %s, issuer %s", leaf.Subject, leaf.Issuer)
	case !bytes.Equal(leaf.AuthorityKeyId, own.SubjectKeyId) || len(leaf.SubjectKeyId) != 20:
		t.Errorf("key IDs %x and %x", leaf.AuthorityKeyId, leaf.SubjectKeyId)
	case !leaf.NotBefore.Equal(noon.Add(-5*time.Minute)) || !leaf.NotAfter.Equal(noon.Add(30*24*time.Hour)):
		t.Errorf("valid from %s to %s", leaf.NotBefore, leaf.NotAfter)
	case leaf.SerialNumber.Sign() <= 0 || leaf.SerialNumber.BitLen() < 64 || leaf.SerialNumber.BitLen() > 129:
		t.Errorf("serial number %x", leaf.SerialNumber)
	}
	if got := namesIn(t, leaf); got != "2.23.133.2.1=id:534F4654 2.23.133.2.2=soft 2.23.133.2.3=id:1" {
		t.Errorf("name %q", got)
	}
	ekHash := sha256.Sum256(s.Certificate().Raw)
	if key, ok := s.Certificate().PublicKey.(*rsa.PublicKey); !ok || bytes.Contains(leaf.Raw, key.N.Bytes()) || bytes.Contains(leaf.Raw, ekHash[:]) {
		t.Error("the certificate names the EK")
	}
}

// namesIn returns what a critical subject alternative name says.
func namesIn(tb testing.TB, c *x509.Certificate) string {
	tb.Helper()
	for _, e := range c.Extensions {
		if e.Id.String() != "2.5.29.17" {
			continue
		}
		var names []asn1.RawValue
		rest, err := asn1.Unmarshal(e.Value, &names)
		if err != nil || len(rest) > 0 || len(names) != 1 || names[0].Tag != 4 || !e.Critical {
			tb.Fatalf("subject alternative name %x: %v", e.Value, err)
		}
		var sequence pkix.RDNSequence
		if rest, err := asn1.Unmarshal(names[0].Bytes, &sequence); err != nil || len(rest) > 0 {
			tb.Fatalf("directory name %x: %v", names[0].Bytes, err)
		}
		var all []string
		for _, set := range sequence {
			for _, a := range set {
				text, _ := a.Value.(string)
				all = append(all, a.Type.String()+"="+text)
			}
		}
		return strings.Join(all, " ")
	}
	tb.Fatal("no subject alternative name")
	return ""
}

func TestCertificateEndsWithTheAuthorities(t *testing.T) {
	t.Parallel()
	s := softTPM(t)
	root := newCA(t, ecKey(t), nil, func(c *x509.Certificate) { c.NotAfter = noon.Add(2 * time.Hour) })
	own := newCA(t, ecKey(t), root, func(c *x509.Certificate) {
		c.Subject.CommonName, c.NotBefore, c.NotAfter = "below", noon.Add(-time.Minute), noon.Add(3*time.Hour)
	})
	certificates, key := files(t, own.key, own.certificate, root.certificate)
	c := configOf(t, noon, s.Root())
	c.Issuer = must[*enroll.Issuer](t)(enroll.ParseIssuer(certificates, key))
	chain := enrolled(t, must[*enroll.Authority](t)(enroll.New(c)), s).Chain
	if len(chain) != 3 || !bytes.Equal(chain[1], own.certificate.Raw) || !bytes.Equal(chain[2], root.certificate.Raw) {
		t.Fatalf("a chain of %d certificates", len(chain))
	}
	leaf := must[*x509.Certificate](t)(tpm.ParseCertificate(chain[0]))
	if !leaf.NotAfter.Equal(root.certificate.NotAfter) || !leaf.NotBefore.Equal(own.certificate.NotBefore) {
		t.Errorf("valid from %s to %s", leaf.NotBefore, leaf.NotAfter)
	}
	// Up to the root, or to the authority alone.
	must[*tpm.AIK](t)(authoritiesOf(t, root.certificate).VerifyAIK(leaf, []*x509.Certificate{own.certificate}, noon))
	must[*tpm.AIK](t)(authoritiesOf(t, own.certificate).VerifyAIK(leaf, nil, noon))
}

// Names are the vendor's, and prove nothing: what cannot be shown is left out.
func TestNamesOfTPMs(t *testing.T) {
	t.Parallel()
	directory := func(pairs ...any) []byte {
		var sequence pkix.RDNSequence
		for i := 0; i < len(pairs); i += 2 {
			sequence = append(sequence, pkix.RelativeDistinguishedNameSET{{Type: pairs[i].(asn1.ObjectIdentifier), Value: pairs[i+1]}})
		}
		inner := must[[]byte](t)(asn1.Marshal(sequence))
		return must[[]byte](t)(asn1.Marshal([]asn1.RawValue{{Class: 2, Tag: 4, IsCompound: true, Bytes: inner}}))
	}
	vendor, model, version := asn1.ObjectIdentifier{2, 23, 133, 2, 1}, asn1.ObjectIdentifier{2, 23, 133, 2, 2}, asn1.ObjectIdentifier{2, 23, 133, 2, 3}
	commonName := asn1.ObjectIdentifier{2, 5, 4, 3}
	dns := must[[]byte](t)(asn1.Marshal([]asn1.RawValue{{Class: 2, Tag: 2, Bytes: []byte("a.example")}}))
	for name, tt := range map[string]struct {
		value []byte // nil for no extension
		want  string
	}{
		"all, in another order":  {directory(version, "3", vendor, "1", model, "2"), "2.23.133.2.1=1 2.23.133.2.2=2 2.23.133.2.3=3"},
		"one":                    {directory(vendor, "1"), "2.23.133.2.1=1"},
		"others":                 {directory(commonName, "evil", vendor, "1"), "2.23.133.2.1=1"},
		"a long one":             {directory(vendor, strings.Repeat("x", 129), model, strings.Repeat("y", 128)), "2.23.133.2.2=" + strings.Repeat("y", 128)},
		"one that does not show": {directory(vendor, "a\x1b[31m", model, "m"), "2.23.133.2.2=m"},
		"a number":               {directory(vendor, 7, model, "m"), "2.23.133.2.2=m"},
		"none":                   {directory(commonName, "evil"), "2.5.4.3="},
		"a host":                 {dns, "2.5.4.3="},
		"no extension":           {nil, "2.5.4.3="},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := softTPM(t)
			vendorCA := newCA(t, ecKey(t), nil, nil)
			template := &x509.Certificate{
				SerialNumber: big.NewInt(7), NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour), BasicConstraintsValid: true,
				KeyUsage: x509.KeyUsageKeyEncipherment, UnknownExtKeyUsage: []asn1.ObjectIdentifier{{2, 23, 133, 8, 1}},
			}
			if tt.value != nil {
				template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: tt.value}}
			}
			got := namesIn(t, enrolledAs(t, s, vendorCA, template))
			if hash, found := strings.CutPrefix(got, "2.5.4.3="); found && tt.want == "2.5.4.3=" {
				if len(hash) != 44 {
					t.Errorf("%q, want the hash of the key", got)
				}
			} else if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// enrolledAs enrolls a key of a TPM whose EK has another certificate.
func enrolledAs(tb testing.TB, s *testtpm.Soft, vendor *ca, template *x509.Certificate) *x509.Certificate {
	tb.Helper()
	ek := must[[]byte](tb)(x509.CreateCertificate(rand.Reader, template, vendor.certificate, s.Certificate().PublicKey, vendor.key))
	a := authority(tb, noon, vendor.certificate)
	aik := s.NewAIK(tb, testtpm.AIKAttributes)
	c := must[*enroll.Challenge](tb)(a.Begin(tb.Context(), instance, enroll.BeginRequest{EKCertificates: [][]byte{ek}, AIKPublic: aik}))
	found := must[[]byte](tb)(s.Activate(aik, c.IDObject, c.EncryptedSecret))
	made := must[*enroll.Enrolled](tb)(a.Activate(tb.Context(), instance, enroll.ActivateRequest{Context: c.Context, Secret: found, AIKPublic: aik}))
	return must[*x509.Certificate](tb)(tpm.ParseCertificate(made.Chain[0]))
}
