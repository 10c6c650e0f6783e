package testattest

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

// Authority issues certificates of AIKs.
type Authority struct {
	Certificate *x509.Certificate
	key         crypto.Signer
}

// oidAIK is tcg-kp-AIKCertificate, the purpose of an AIK's certificate.
var oidAIK = asn1.ObjectIdentifier{2, 23, 133, 8, 3}

// NewAuthority returns an authority whose certificates hold for a year around a
// time.
func NewAuthority(tb testing.TB, at time.Time) *Authority {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	a := &Authority{key: key, Certificate: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "AIK CA of a test"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: at.AddDate(0, -6, 0), NotAfter: at.AddDate(0, 6, 0),
	}}
	a.Certificate = a.make(tb, a.Certificate, key.Public())
	return a
}

// Issue returns the certificate of an AIK.
func (a *Authority) Issue(tb testing.TB, aik *AIK) *x509.Certificate {
	tb.Helper()
	return a.make(tb, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "AIK"}, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
		UnknownExtKeyUsage: []asn1.ObjectIdentifier{oidAIK}, NotBefore: a.Certificate.NotBefore, NotAfter: a.Certificate.NotAfter,
	}, aik.Signer.Public())
}

func (a *Authority) make(tb testing.TB, template *x509.Certificate, key crypto.PublicKey) *x509.Certificate {
	tb.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.Certificate, key, a.key)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// Roots is the authority as configurations want it.
func (a *Authority) Roots() []*x509.Certificate { return []*x509.Certificate{a.Certificate} }
