package tpm_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"
)

// issued is a time at which all certificates of these tests are valid.
var issued = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var (
	oidEK        = asn1.ObjectIdentifier{2, 23, 133, 8, 1}
	oidAIK       = asn1.ObjectIdentifier{2, 23, 133, 8, 3}
	oidPrivacyCA = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 21, 36} // beside oidAIK in Microsoft's AIK CAs
)

// authority is a CA of a test.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// newAuthority makes a CA, self-signed or below another one.
func newAuthority(tb testing.TB, name string, parent *authority, usages ...asn1.ObjectIdentifier) *authority {
	tb.Helper()
	key := newECKey(tb, elliptic.P256())
	return newAuthorityWithKey(tb, name, key, parent, usages...)
}

func newAuthorityWithKey(tb testing.TB, name string, key crypto.Signer, parent *authority, usages ...asn1.ObjectIdentifier) *authority {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, UnknownExtKeyUsage: usages,
		NotBefore: issued.AddDate(-1, 0, 0), NotAfter: issued.AddDate(1, 0, 0),
	}
	a := &authority{key: key}
	if parent == nil {
		parent = &authority{certificate: template, key: key}
	}
	a.certificate = makeCertificate(tb, template, parent, key.Public())
	return a
}

func makeCertificate(tb testing.TB, template *x509.Certificate, parent *authority, key crypto.PublicKey) *x509.Certificate {
	tb.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent.certificate, key, parent.key)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// issue makes the certificate of an AIK or an EK.
func (a *authority) issue(tb testing.TB, key crypto.PublicKey, kind func(*x509.Certificate)) *x509.Certificate {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: issued.AddDate(0, -1, 0), NotAfter: issued.AddDate(0, 1, 0),
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: true, Value: tpmName(tb)}},
	}
	kind(template)
	return makeCertificate(tb, template, a, key)
}

// aikCertificate is what Microsoft's AIK certificates look like: no subject, a
// critical name of the TPM, a critical policy.
func aikCertificate(c *x509.Certificate) {
	c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{oidAIK}
	c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{
		Id: asn1.ObjectIdentifier{2, 5, 29, 32}, Critical: true,
		Value: []byte{0x30, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x15, 0x1f}, // 1.3.6.1.4.1.311.21.31
	})
}

func ekCertificate(c *x509.Certificate) {
	c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{oidEK}
	c.KeyUsage = x509.KeyUsageKeyEncipherment
}

// tpmName is a subject alternative name as the TCG's profiles have it: vendor,
// model and version in a directory name.
func tpmName(tb testing.TB) []byte {
	tb.Helper()
	var name pkix.RDNSequence
	for i, text := range []string{"id:4E544300", "NPCT6xx", "id:13"} {
		name = append(name, pkix.RelativeDistinguishedNameSET{{Type: asn1.ObjectIdentifier{2, 23, 133, 2, i + 1}, Value: text}})
	}
	inner, err := asn1.Marshal(name)
	if err != nil {
		tb.Fatal(err)
	}
	der, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: inner}})
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func newECKey(tb testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}
