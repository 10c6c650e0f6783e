package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
)

const (
	privateKeyBlock  = "PRIVATE KEY"
	certificateBlock = "CERTIFICATE"
)

// MarshalPEM returns the key as a file for the data directory: the private key
// as PKCS#8 (RFC 5958), not encrypted, then the certificate, both as PEM. Guard
// it like the key it is. If the signer is anything but a key of crypto/rsa or
// crypto/ecdsa, MarshalPEM returns a *[NotExportableError].
func (k *Key) MarshalPEM() ([]byte, error) {
	switch k.signer.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey:
	default:
		return nil, &NotExportableError{Signer: fmt.Sprintf("%T", k.signer)}
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.signer)
	if err != nil {
		return nil, &KeyError{Part: "private key", Problem: "cannot be encoded as PKCS#8"}
	}
	file := pem.EncodeToMemory(&pem.Block{Type: privateKeyBlock, Bytes: der})
	return append(file, pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: k.certificate.Raw})...), nil
}

// ParseKey reads a file of the form that [Key.MarshalPEM] writes: one private
// key and its certificate, in either order, and nothing else. It returns a
// *[KeyError] for any other file, and if the key is weak, does not fit the
// algorithm, or is not the one that certificate names and is signed by.
func ParseKey(file []byte, a Algorithm) (*Key, error) {
	if len(file) > maxKeyFile {
		return nil, &KeyError{Part: "key file", Problem: fmt.Sprintf("%d bytes, want at most %d", len(file), maxKeyFile)}
	}
	keyDER, certificateDER, err := splitPEM(file)
	if err != nil {
		return nil, err
	}
	signer, err := parsePrivateKey(keyDER)
	if err != nil {
		return nil, err
	}
	if err := a.checkKey(signer.Public()); err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(certificateDER)
	if err != nil {
		return nil, &KeyError{Part: "certificate", Problem: "not an X.509 certificate", Err: err}
	}
	if err := checkCertificate(certificate, signer.Public(), a); err != nil {
		return nil, err
	}
	return newKey(signer, a, certificate), nil
}

// splitPEM finds the two blocks of a key file. What is refused is never quoted:
// it may be a key.
func splitPEM(file []byte) ([]byte, []byte, error) {
	refuse := func(problem string) ([]byte, []byte, error) {
		return nil, nil, &KeyError{Part: "key file", Problem: problem}
	}
	pemBegin := []byte("-----BEGIN ")
	var key, certificate *pem.Block
	for rest := bytes.TrimSpace(file); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		block, after := pem.Decode(rest)
		if block == nil {
			return refuse("holds something besides PEM blocks, want a private key and its certificate")
		}
		// The decoder passes over text and broken blocks in silence.
		taken := rest[:len(rest)-len(after)]
		rest = after
		switch {
		case !bytes.HasPrefix(taken, pemBegin) || bytes.Count(taken, pemBegin) != 1:
			return refuse("holds something besides PEM blocks, or a broken one, want a private key and its certificate")
		case len(block.Headers) > 0:
			return refuse("holds a PEM block with headers, want none: encrypted keys are not supported")
		case block.Type == privateKeyBlock && key == nil:
			key = block
		case block.Type == certificateBlock && certificate == nil:
			certificate = block
		case block.Type == privateKeyBlock || block.Type == certificateBlock:
			return refuse("holds more than one block of type " + block.Type + ", want one")
		case block.Type == "RSA PRIVATE KEY" || block.Type == "EC PRIVATE KEY":
			return refuse("holds a block of type " + block.Type + ", want PKCS#8: convert it with openssl pkcs8 -topk8 -nocrypt")
		default:
			return refuse("holds a PEM block of another type, want " + privateKeyBlock + " and " + certificateBlock)
		}
	}
	if key == nil {
		return refuse("holds no block of type " + privateKeyBlock)
	}
	if certificate == nil {
		return refuse("holds no block of type " + certificateBlock)
	}
	return key.Bytes, certificate.Bytes, nil
}

// parsePrivateKey reads PKCS#8. The decoders' errors are dropped: they have seen
// the key.
func parsePrivateKey(der []byte) (crypto.Signer, error) {
	if len(der) > maxPrivateKey {
		return nil, &KeyError{Part: "private key", Problem: fmt.Sprintf("%d bytes, want at most %d", len(der), maxPrivateKey)}
	}
	// The decoder passes over bytes after the key.
	if rest, err := asn1.Unmarshal(der, new(asn1.RawValue)); err != nil || len(rest) > 0 {
		return nil, &KeyError{Part: "private key", Problem: "not a valid key in PKCS#8"}
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, &KeyError{Part: "private key", Problem: "not a valid key in PKCS#8"}
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, &KeyError{Part: "private key", Problem: fmt.Sprintf("a %T, which does not sign, want an RSA or P-256 key", parsed)}
	}
	return signer, nil
}

func checkCertificate(c *x509.Certificate, pub crypto.PublicKey, a Algorithm) error {
	refuse := func(problem string, err error) error {
		return &KeyError{Part: "certificate", Problem: problem, Err: err}
	}
	if key, ok := pub.(interface{ Equal(crypto.PublicKey) bool }); !ok || !key.Equal(c.PublicKey) {
		return refuse("made for another key than the one beside it", nil)
	}
	if want := a.certificateAlgorithm(); c.SignatureAlgorithm != want {
		return refuse(fmt.Sprintf("signed with %s, want %s: the file was not made for %s", c.SignatureAlgorithm, want, a), nil)
	}
	if !bytes.Equal(c.RawSubject, c.RawIssuer) {
		return refuse("issued by somebody else, want a self-signed one", nil)
	}
	if err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
		return refuse("not signed by its own key", err)
	}
	if err := checkURL(c.Subject.CommonName); err != nil {
		return refuse("names no instance of the service", err)
	}
	if report := reportOf(c); report != nil {
		return checkReport(report, c.RawSubjectPublicKeyInfo)
	}
	return nil
}
