package enroll

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"
)

var (
	// oidAIKCertificate is tcg-kp-AIKCertificate: what certificates of AIKs are for.
	oidAIKCertificate = asn1.ObjectIdentifier{2, 23, 133, 8, 3}
	oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}
)

// issue signs the certificate of an AIK. As the TCG's profiles have it, the subject
// is empty and the TPM is named in a subject alternative name, which is critical
// because of that (RFC 5280, 4.2.1.6).
func (i *Issuer) issue(key crypto.PublicKey, directoryName []byte, now time.Time, lifetime time.Duration) ([]byte, error) {
	if err := i.checkTime(now); err != nil {
		return nil, err
	}
	own := i.Certificate()
	begin, end := now.Add(-backdate), now.Add(lifetime)
	if begin.Before(own.NotBefore) {
		begin = own.NotBefore
	}
	for _, c := range i.chain {
		if end.After(c.NotAfter) {
			end = c.NotAfter
		}
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	id, err := keyID(key)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, NotBefore: begin, NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature, UnknownExtKeyUsage: []asn1.ObjectIdentifier{oidAIKCertificate},
		BasicConstraintsValid: true, SubjectKeyId: id,
		ExtraExtensions: []pkix.Extension{{Id: oidSubjectAltName, Critical: true, Value: directoryName}},
	}, own, key, i.key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate: %w", err)
	}
	return der, nil
}

// newSerial draws a serial number that is positive and never zero.
func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits))
	if err != nil {
		return nil, err
	}
	return n.Add(n, big.NewInt(1)), nil
}

// keyID is the SHA-256 of the key's bits, the first 160 of it (RFC 7093, method 1).
func keyID(key crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(info.Key.RightAlign())
	return sum[:20], nil
}
