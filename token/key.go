package token

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"time"
)

// Key signs tokens with one algorithm, and carries the certificate under which
// relying parties find its public half. It is immutable and safe for concurrent
// use, provided that its signer is.
type Key struct {
	signer      crypto.Signer
	algorithm   Algorithm
	certificate *x509.Certificate
	id          string
	reportID    string // as reports name the key
}

// KeyConfig says what to certify.
type KeyConfig struct {
	// Signer holds the private key: one from [GenerateSigner], or a device or a
	// service that signs. It must be safe for concurrent use. RSA keys need a
	// modulus of 2048 to 4096 bits and an exponent of at least 65537; the only
	// curve is P-256.
	Signer crypto.Signer
	// Algorithm must fit the key.
	Algorithm Algorithm
	// Issuer is the URL of the instance, in the form that [NewIssuer] wants. It
	// becomes subject and issuer of the certificate.
	Issuer string
	// NotBefore and NotAfter bound the certificate, in whole seconds. Zero
	// stands for what the real service uses: 2019-05-01 to 2050-12-31, 23:59:59
	// UTC. Tokens have bounds of their own.
	NotBefore, NotAfter time.Time
	// Report goes into the certificate as it is: the Open Enclave report of the
	// enclave in which the private key lives, as [OpenEnclaveReport] makes it of
	// an SGX quote with [ReportData] in it. Nil for none.
	Report []byte
}

// NewKey makes a key with a self-signed certificate. It returns a *[KeyError] if
// signer and algorithm do not fit, the key is weak, the signer's signature does
// not hold, or the report is bound to something else than the key, and a
// *[URLError] for the issuer. That the report is genuine is for its maker to
// know; relying parties verify it.
//
// The same key in memory, certified for the same URL with the same bounds and
// report, gives the same certificate to the byte, on every machine that shares
// the key. With a key in a device that holds for RS256 only.
//
// The key ID depends on the public key alone, so a signer that is certified
// again keeps it.
func NewKey(c KeyConfig) (*Key, error) {
	if c.Signer == nil {
		return nil, &KeyError{Part: "private key", Problem: "none given, want a signer"}
	}
	if err := checkURL(c.Issuer); err != nil {
		return nil, err
	}
	pub := c.Signer.Public()
	if err := c.Algorithm.checkKey(pub); err != nil {
		return nil, err
	}
	certificate, err := selfSign(c, pub)
	if err != nil {
		return nil, err
	}
	// A signer behind an alias may have changed keys in between.
	if err := checkCertificate(certificate, pub, c.Algorithm); err != nil {
		return nil, err
	}
	return newKey(c.Signer, c.Algorithm, certificate), nil
}

// newKey joins parts that fit each other.
func newKey(signer crypto.Signer, a Algorithm, certificate *x509.Certificate) *Key {
	return &Key{
		signer:      signer,
		algorithm:   a,
		certificate: certificate,
		id:          keyID(certificate.RawSubjectPublicKeyInfo),
		reportID:    reportID(certificate),
	}
}

// ID returns the key ID: the header member "kid" and that of the JWK. It is the
// standard base64, with padding, of the SHA-256 over the public key as PEM
// SubjectPublicKeyInfo (LF line ends, final newline) and one NUL byte. Relying
// parties treat it as an opaque string.
func (k *Key) ID() string { return k.id }

// Algorithm returns the algorithm that the key signs with.
func (k *Key) Algorithm() Algorithm { return k.algorithm }

// Certificate returns the self-signed certificate. It is shared: read it, do not
// change it.
func (k *Key) Certificate() *x509.Certificate { return k.certificate }

// String names the key for logs, without anything secret.
func (k *Key) String() string { return fmt.Sprintf("%s key %s", k.algorithm, k.id) }

// Report returns the Open Enclave report that the certificate carries, nil if it
// carries none. It is shared: read it, do not change it.
func (k *Key) Report() []byte { return reportOf(k.certificate) }

// GoString keeps the private key out of %#v.
func (k *Key) GoString() string { return k.String() }

// signatureSize is the length of a JWS signature in bytes.
func (k *Key) signatureSize() int {
	if pub, ok := k.certificate.PublicKey.(*rsa.PublicKey); ok {
		return pub.Size()
	}
	return 2 * es256Coordinate
}
