package azattestation

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
)

// SigningKey signs policies, and changes of policy management certificates: a
// private key, wherever it lives, and the certificate of its public half. It is
// safe for concurrent use if its crypto.Signer is. Printing one prints no secret.
type SigningKey struct {
	signer    crypto.Signer
	chain     []*x509.Certificate
	algorithm *algorithm
}

// NewSigningKey joins a private key with its certificate; further certificates
// are the chain above it, each the issuer of the one before. The key is RSA of
// 2048 bits or more, or ECDSA on P-256, P-384 or P-521. It may live in a KMS or
// HSM: only Public and Sign of the crypto.Signer are called, with a SHA-2 digest;
// an RSA key signs by PKCS #1 v1.5, and an ECDSA key returns ASN.1, as crypto/ecdsa
// does.
//
// An instance in isolated mode accepts the key only if its certificate is among
// the instance's policy management certificates.
//
// It returns an *[ArgumentError], also if key and certificate do not match.
func NewSigningKey(signer crypto.Signer, certificate *x509.Certificate, issuers ...*x509.Certificate) (*SigningKey, error) {
	if isNil(signer) {
		return nil, &ArgumentError{Argument: "signer", Expected: "a private key"}
	}
	chain := append([]*x509.Certificate{certificate}, issuers...)
	if len(chain) > maxChain {
		return nil, &ArgumentError{Argument: "issuers", Expected: fmt.Sprintf("at most %d certificates in all", maxChain), Found: fmt.Sprint(len(chain))}
	}
	for _, c := range chain {
		if c == nil || len(c.Raw) == 0 {
			return nil, &ArgumentError{Argument: "certificate", Expected: "a parsed certificate"}
		}
	}
	public := signer.Public()
	a, ok := algorithmFor(public)
	if !ok {
		return nil, &ArgumentError{Argument: "signer", Expected: fmt.Sprintf("an RSA key of %d to %d bits, or an ECDSA key on P-256, P-384 or P-521", minRSABits, maxRSABits), Found: keyName(public)}
	}
	key, ok := public.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !key.Equal(certificate.PublicKey) {
		return nil, &ArgumentError{Argument: "certificate", Expected: "the certificate of the signer's public key", Found: "another key's, of " + certificate.Subject.String()}
	}
	for i, issuer := range issuers {
		if err := chain[i].CheckSignatureFrom(issuer); err != nil {
			return nil, &ArgumentError{Argument: "issuers", Expected: "each the issuer of the certificate before it", Found: issuer.Subject.String(), Err: err}
		}
	}
	return &SigningKey{signer: signer, chain: chain, algorithm: a}, nil
}

func keyName(key crypto.PublicKey) string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if k.N != nil {
			return fmt.Sprintf("RSA of %d bits", k.N.BitLen())
		}
	case *ecdsa.PublicKey:
		if k.Curve != nil {
			return "ECDSA on " + k.Curve.Params().Name
		}
	}
	return fmt.Sprintf("%T", key)
}

// ParseSigningKey reads a private key (PKCS #8, PKCS #1 or SEC 1) and its
// certificate chain, the key's own first, each in PEM; the two may be one text.
// It returns an *[ArgumentError] as [NewSigningKey] does, which never shows the
// key.
func ParseSigningKey(keyPEM, certificatePEM []byte) (*SigningKey, error) {
	pair, err := tls.X509KeyPair(certificatePEM, keyPEM)
	if err != nil {
		return nil, &ArgumentError{Argument: "keyPEM, certificatePEM", Expected: "an unencrypted private key and its certificate in PEM", Err: err}
	}
	chain, err := ParseCertificates(certificatePEM)
	if err != nil {
		return nil, err
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, &ArgumentError{Argument: "keyPEM", Expected: "a key that signs"}
	}
	return NewSigningKey(signer, chain[0], chain[1:]...)
}

// ParseCertificates reads all certificates of a PEM text, in their order. It
// returns an *[ArgumentError] if there are none or one cannot be read.
func ParseCertificates(text []byte) ([]*x509.Certificate, error) {
	// encoding/pem passes over what it cannot read, and the next certificate would
	// take the place of a damaged one.
	began := bytes.Count(text, []byte("-----BEGIN CERTIFICATE-----"))
	var chain []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, &ArgumentError{Argument: "certificate", Expected: "X.509 in PEM", Err: err}
		}
		chain = append(chain, cert)
	}
	if len(chain) == 0 {
		return nil, &ArgumentError{Argument: "certificate", Expected: "X.509 in PEM", Found: "no PEM block of type CERTIFICATE"}
	}
	if len(chain) != began {
		return nil, &ArgumentError{Argument: "certificate", Expected: "X.509 in PEM", Found: fmt.Sprintf("%d certificates begin, and %d can be read", began, len(chain))}
	}
	return chain, nil
}

// Certificate returns the certificate of the key.
func (k *SigningKey) Certificate() *x509.Certificate { return k.chain[0] }

// Format prints which key this is, and nothing of the private one, whatever the
// verb. The receiver is a value so that a copy keeps its secret too.
func (k SigningKey) Format(w fmt.State, _ rune) {
	if k.algorithm == nil {
		_, _ = io.WriteString(w, "SigningKey(none)")
		return
	}
	_, _ = fmt.Fprintf(w, "SigningKey(%s, %s)", k.algorithm.name, k.chain[0].Subject)
}

// sign returns a signature in the form of a JWS (RFC 7518, sections 3.3 and 3.4).
func (k *SigningKey) sign(signed []byte) ([]byte, error) {
	signature, err := k.signer.Sign(rand.Reader, k.algorithm.digest(signed), k.algorithm.hash)
	if err != nil {
		return nil, fmt.Errorf("azattestation: sign with the key of %s: %w", k.chain[0].Subject, err)
	}
	if k.algorithm.curve != nil {
		if signature, err = concatenated(signature, coordinateSize(k.algorithm.curve)); err != nil {
			return nil, fmt.Errorf("azattestation: sign with the key of %s: %w", k.chain[0].Subject, err)
		}
	}
	// A signer that signs something else, or with another key, is found here rather
	// than by the service.
	if err := k.algorithm.verify(k.chain[0].PublicKey, signed, signature); err != nil {
		return nil, fmt.Errorf("azattestation: sign with the key of %s: %w", k.chain[0].Subject, err)
	}
	return signature, nil
}

// concatenated makes r and s of equal length of an ASN.1 signature.
func concatenated(der []byte, size int) ([]byte, error) {
	var both struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &both)
	if err != nil || len(rest) > 0 {
		return nil, errors.New("the signature is not ASN.1 of r and s")
	}
	if both.R.Sign() <= 0 || both.S.Sign() <= 0 || both.R.BitLen() > 8*size || both.S.BitLen() > 8*size {
		return nil, errors.New("the signature is out of the range of its curve")
	}
	signature := make([]byte, 2*size)
	both.R.FillBytes(signature[:size])
	both.S.FillBytes(signature[size:])
	return signature, nil
}
