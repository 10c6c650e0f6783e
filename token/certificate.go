package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // RFC 5280 names keys by SHA-1; nothing is proved by it
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"time"
)

// The validity that the real service writes into its certificates.
var (
	defaultNotBefore = time.Date(2019, time.May, 1, 0, 0, 0, 0, time.UTC)
	defaultNotAfter  = time.Date(2050, time.December, 31, 23, 59, 59, 0, time.UTC)
)

// keyID names a public key by its SubjectPublicKeyInfo in DER: the real
// service's enclave puts this same hash into its own report data.
func keyID(spki []byte) string {
	data := reportData(spki)
	return base64.StdEncoding.EncodeToString(data[:sha256.Size])
}

// selfSign makes a certificate of the real service's shape: version 3, serial
// number 1, subject and issuer alike, and the same extensions in the same order.
// The enclave's report, if there is one, stands last and is not wrapped in DER.
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
	if c.Report != nil {
		extensions = append(extensions, pkix.Extension{Id: oidReport, Value: c.Report})
	}
	template := &x509.Certificate{
		SerialNumber:       big.NewInt(1),
		RawSubject:         subject,
		NotBefore:          notBefore,
		NotAfter:           notAfter,
		SignatureAlgorithm: c.Algorithm.certificateAlgorithm(),
		ExtraExtensions:    extensions,
	}
	der, err := x509.CreateCertificate(certificateRandom(c), template, template, pub, c.Signer)
	if err != nil {
		return nil, refuse("cannot be signed with "+string(c.Algorithm), err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, refuse("cannot be read back", err)
	}
	return certificate, nil
}

// certificateRandom is what a certificate's signature draws from. A key in memory
// signs the same certificate to the same bytes every time, so that replicas which
// share a key publish the same certificate and nobody has to store it:
// RSASSA-PKCS1-v1_5 is so by nature, ECDSA by RFC 6979, which the library follows
// where there is no randomness, and RSASSA-PSS by a salt that follows from what
// is signed. A salt is no secret, whoever verifies sees it, and security does not
// rest on its being random (RFC 8017, section 8.1). Devices draw by themselves.
func certificateRandom(c KeyConfig) io.Reader {
	switch c.Signer.(type) {
	case *ecdsa.PrivateKey:
		return nil
	case *rsa.PrivateKey:
		// The strictest mode of FIPS 140 takes no other source.
		if c.Algorithm == PS256 && !fips140.Enforced() {
			return saltOf(c)
		}
	}
	return rand.Reader
}

// saltOf yields 32 bytes, the length of the salt, and no more.
func saltOf(c KeyConfig) io.Reader {
	notBefore, notAfter := validity(c)
	h := sha256.New()
	for _, part := range []string{
		"azattest certificate salt", c.Issuer, notBefore.Format(time.RFC3339), notAfter.Format(time.RFC3339), string(c.Report),
	} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return bytes.NewReader(h.Sum(nil))
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
