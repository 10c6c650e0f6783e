package tpm

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
)

// chainFor reads certificates, the first of which must be for a key. Nobody has
// verified them: that is for whoever trusts their root.
func chainFor(key crypto.PublicKey, ders [][]byte) ([]*x509.Certificate, error) {
	if len(ders) == 0 {
		return nil, errors.New("no certificate")
	}
	chain := make([]*x509.Certificate, 0, len(ders))
	for i, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", i+1, err)
		}
		chain = append(chain, c)
	}
	if !equal(key, chain[0].PublicKey) {
		return nil, fmt.Errorf("the first certificate, of %s, is for another key", chain[0].Subject)
	}
	return chain, nil
}
