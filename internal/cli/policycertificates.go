package cli

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/azattest/azattest/internal/policytoken"
)

// policyCertificates reads the PEM files of the certificates that make an instance
// isolated. One that may not be listed is refused by the name of its file, and so
// are all of them together if none may sign: nobody could ever change the instance.
func policyCertificates(names []string, now time.Time) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	var useless error
	hasSigner := false
	for _, name := range names {
		text, err := os.ReadFile(filepath.Clean(name))
		if err != nil {
			return nil, fmt.Errorf("policy management certificate: %w", err)
		}
		found, err := parsePolicyCertificates(text, now)
		if err != nil {
			return nil, fmt.Errorf("policy management certificate %s: %w", name, err)
		}
		all = append(all, found...)
		why := cannotSign(found, now)
		hasSigner = hasSigner || why == nil
		if useless == nil && why != nil {
			useless = fmt.Errorf("policy management certificate %s cannot sign: %w", name, why)
		}
	}
	if len(all) > 0 && !hasSigner {
		return nil, withHint(&refusedError{useless}, "give one of an authority of its own (CA:TRUE) too, or one that another authority issued")
	}
	return all, nil
}

// parsePolicyCertificates reads PEM that holds certificates and nothing else.
func parsePolicyCertificates(text []byte, now time.Time) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("a PEM block %s, want certificates and nothing else", clean(block.Type))
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		if err := policytoken.CheckCertificate(c, now); err != nil {
			return nil, &refusedError{errors.New(saidOfToken(err))}
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errors.New("no certificate in PEM")
	}
	return all, nil
}

// cannotSign says why none of the certificates can sign, nil if one can.
func cannotSign(all []*x509.Certificate, now time.Time) error {
	var why error
	for _, c := range all {
		err := policytoken.CheckSigner(c, now)
		if err == nil {
			return nil
		}
		if why == nil {
			why = errors.New(saidOfToken(err))
		}
	}
	return why
}
