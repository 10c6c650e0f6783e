package keyrelease

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"
)

// Signer signs the responses of a vault: who receives one checks the certificate
// against the vault's host name, as that of a TLS server. It is safe for concurrent
// use.
type Signer struct {
	signer jose.Signer
	leaf   *x509.Certificate
}

// NewSigner returns the signer of a private key, RSA of 2048 to 4096 bits (RS256) or
// on P-256 (ES256) or P-384 (ES384), and its certificate with the chain above it, the
// leaf first. Whether the chain leads to anybody is for who receives responses to say.
func NewSigner(key crypto.Signer, chain []*x509.Certificate) (*Signer, error) {
	if key == nil || len(chain) == 0 {
		return nil, errors.New("keyrelease: signer: want a key and a certificate")
	}
	if len(chain) > maxChain {
		return nil, fmt.Errorf("keyrelease: signer: %d certificates, want at most %d", len(chain), maxChain)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, fmt.Errorf("keyrelease: signer: %w", err)
	}
	if !bytes.Equal(spki, chain[0].RawSubjectPublicKeyInfo) {
		return nil, errors.New("keyrelease: signer: the first certificate is of another key")
	}
	if err := checkUsage(chain[0]); err != nil {
		return nil, fmt.Errorf("keyrelease: signer: %w", err)
	}
	algorithm, err := signatureAlgorithm(key.Public())
	if err != nil {
		return nil, fmt.Errorf("keyrelease: signer: %w", err)
	}
	certificates := make([]string, len(chain))
	for i, c := range chain {
		certificates[i] = base64.StdEncoding.EncodeToString(c.Raw)
	}
	sum := sha256.Sum256(chain[0].Raw)
	thumbprint := b64(sum[:])
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", thumbprint).WithHeader("x5c", certificates).WithHeader("x5t#S256", thumbprint)
	var signing any = cryptosigner.Opaque(key)
	switch key.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey:
		signing = key
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: signing}, options)
	if err != nil {
		return nil, fmt.Errorf("keyrelease: signer: %w", err)
	}
	return &Signer{signer: signer, leaf: chain[0]}, nil
}

// Certificate returns the certificate of the key. It is shared: do not change it.
func (s *Signer) Certificate() *x509.Certificate { return s.leaf }

// sign returns the JWS of a payload in compact serialization.
func (s *Signer) sign(payload []byte) (string, error) {
	signed, err := s.signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// maxSignerBits is the longest modulus in a certificate with a response that is read.
const maxSignerBits = 4096

// checkUsage refuses a certificate that is for something else.
func checkUsage(c *x509.Certificate) error {
	if c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return errors.New("the certificate's key usage lacks digitalSignature")
	}
	for _, usage := range c.ExtKeyUsage {
		if usage == x509.ExtKeyUsageServerAuth || usage == x509.ExtKeyUsageAny {
			return nil
		}
	}
	if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0 {
		return errors.New("the certificate's extended key usage lacks serverAuth")
	}
	return nil
}

// signatureAlgorithm is how a key signs responses. The key decides, never a header.
func signatureAlgorithm(public crypto.PublicKey) (jose.SignatureAlgorithm, error) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxSignerBits {
			return "", fmt.Errorf("an RSA key of %d bits, want %d to %d", bits, minRSABits, maxSignerBits)
		}
		return jose.RS256, nil
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return jose.ES256, nil
		case elliptic.P384():
			return jose.ES384, nil
		}
	}
	return "", fmt.Errorf("a key of type %T, want RSA, or ECDSA on P-256 or P-384", public)
}
