package enroll

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"time"
)

// Algorithm is the kind of an issuer's key.
type Algorithm string

// The algorithms: RSA with 3072 bits, and ECDSA on P-256.
const (
	RSA   Algorithm = "rsa"
	ECDSA Algorithm = "ecdsa"
)

// Template says what [MakeIssuer] makes.
type Template struct {
	// Name is the common name, up to 64 bytes.
	Name      string
	Algorithm Algorithm
	// Begin is when the certificate begins, Lifetime how long it is valid.
	Begin    time.Time
	Lifetime time.Duration
}

// MakeIssuer makes an authority that signed itself, and issues for nothing but AIKs.
func MakeIssuer(t Template) (*Issuer, error) {
	if !isName(t.Name) || len(t.Name) > maxCommonName {
		return nil, fmt.Errorf("enroll: name of %d bytes, want up to %d that show", len(t.Name), maxCommonName)
	}
	if t.Lifetime < time.Second {
		return nil, fmt.Errorf("enroll: lifetime %s, want a second or more", t.Lifetime)
	}
	key, err := t.Algorithm.generate()
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, fmt.Errorf("enroll: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: t.Name},
		NotBefore: t.Begin, NotAfter: t.Begin.Add(t.Lifetime),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		// Whoever trusts it, by mistake, for TLS or for mail trusts it for nothing.
		UnknownExtKeyUsage: []asn1.ObjectIdentifier{oidAIKCertificate},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("enroll: %w", err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("enroll: %w", err)
	}
	return &Issuer{chain: []*x509.Certificate{c}, key: key}, nil
}

func (a Algorithm) generate() (crypto.Signer, error) {
	switch a {
	case RSA:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	case ECDSA:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return nil, fmt.Errorf("enroll: algorithm %q, want %s or %s", string(a), RSA, ECDSA)
}

// PEM returns what [ParseIssuer] reads: the certificates, and the private key as
// PKCS #8. The key is secret.
func (i *Issuer) PEM() (certificates, key []byte, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		return nil, nil, fmt.Errorf("enroll: %w", err)
	}
	for _, c := range i.chain {
		certificates = append(certificates, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return certificates, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
