package token

import (
	"crypto"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 5280 names keys by SHA-1; nothing is proved by it
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// The validity that the real service writes into its certificates.
var (
	defaultNotBefore = time.Date(2019, time.May, 1, 0, 0, 0, 0, time.UTC)
	defaultNotAfter  = time.Date(2050, time.December, 31, 23, 59, 59, 0, time.UTC)
)

// keyID names a public key by its SubjectPublicKeyInfo in DER. The NUL is the
// one that ends a C string: the real service's enclave puts this same hash into
// its own report data.
func keyID(spki []byte) string {
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})
	sum := sha256.Sum256(append(text, 0))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// selfSign makes a certificate of the real service's shape: version 3, serial
// number 1, subject and issuer alike, and the same extensions in the same order,
// save for the enclave's report.
func selfSign(c KeyConfig, pub crypto.PublicKey) (*x509.Certificate, error) {
	refuse := func(problem string, err error) error {
		return &KeyError{Part: "certificate", Problem: problem, Err: err}
	}
	notBefore, notAfter := validity(c)
	if !notBefore.Before(notAfter) {
		return nil, refuse(fmt.Sprintf("valid from %s to %s, want a start before the end",
			notBefore.Format(time.RFC3339), notAfter.Format(time.RFC3339)), nil)
	}
	subject, err := commonName(c.Issuer)
	if err != nil {
		return nil, refuse("cannot encode the subject", err)
	}
	extensions, err := keyExtensions(pub)
	if err != nil {
		return nil, refuse("cannot encode the extensions", err)
	}
	template := &x509.Certificate{
		SerialNumber:       big.NewInt(1),
		RawSubject:         subject,
		NotBefore:          notBefore,
		NotAfter:           notAfter,
		SignatureAlgorithm: c.Algorithm.certificateAlgorithm(),
		ExtraExtensions:    extensions,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, pub, c.Signer)
	if err != nil {
		return nil, refuse("cannot be signed with "+string(c.Algorithm), err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, refuse("cannot be read back", err)
	}
	return certificate, nil
}

func validity(c KeyConfig) (time.Time, time.Time) {
	notBefore, notAfter := c.NotBefore, c.NotAfter
	if notBefore.IsZero() {
		notBefore = defaultNotBefore
	}
	if notAfter.IsZero() {
		notAfter = defaultNotAfter
	}
	return notBefore.UTC().Truncate(time.Second), notAfter.UTC().Truncate(time.Second)
}

// commonName encodes CN=name as UTF8String; the standard library would choose
// PrintableString where it can.
func commonName(name string) ([]byte, error) {
	return asn1.Marshal(pkix.RDNSequence{{{
		Type:  asn1.ObjectIdentifier{2, 5, 4, 3},
		Value: asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(name)},
	}}})
}

// keyExtensions returns basic constraints (no CA, not critical), subject key
// identifier and authority key identifier (RFC 5280, section 4.2.1). Both
// identifiers are the SHA-1 of the public key's bit string (section 4.2.1.2,
// method 1).
func keyExtensions(pub crypto.PublicKey) ([]pkix.Extension, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, err
	}
	var spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &spki); err != nil {
		return nil, err
	}
	id := sha1.Sum(spki.Key.RightAlign()) //nolint:gosec // see the import
	subject, err := asn1.Marshal(id[:])
	if err != nil {
		return nil, err
	}
	authority, err := asn1.Marshal(struct {
		ID []byte `asn1:"tag:0"`
	}{id[:]})
	if err != nil {
		return nil, err
	}
	return []pkix.Extension{
		{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Value: []byte{0x30, 0x00}},
		{Id: asn1.ObjectIdentifier{2, 5, 29, 14}, Value: subject},
		{Id: asn1.ObjectIdentifier{2, 5, 29, 35}, Value: authority},
	}, nil
}
