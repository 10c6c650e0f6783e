package cli

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/azattest/azattest/azattestation"
)

// keyInWords names the type and size of a certificate's key.
func keyInWords(c *x509.Certificate) string {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	}
	return c.PublicKeyAlgorithm.String()
}

func certificatePEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// loadCertificate reads the one certificate of a PEM file.
func loadCertificate(s Streams, name string) (*x509.Certificate, error) {
	raw, err := readInput(s, name)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	certs, err := azattestation.ParseCertificates(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", name, plain(err))
	}
	if len(certs) != 1 {
		return nil, withHint(fmt.Errorf("%s: %d certificates, want one", name, len(certs)), "give each a file of its own")
	}
	return certs[0], nil
}
