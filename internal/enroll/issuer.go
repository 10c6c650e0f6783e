package enroll

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/azattest/azattest/evidence/tpm"
)

// Issuer is a certificate authority: its certificate, with those above it, and its
// private key. It is immutable and safe for concurrent use.
type Issuer struct {
	chain []*x509.Certificate // its own first
	key   crypto.Signer
}

// ParseIssuer reads the certificate of an authority, with those above it if it has
// any, and its private key, each in PEM: the certificate's own first, each signed by
// the next. Whether it is valid now is for [New] to say. Errors quote nothing of the
// key.
func ParseIssuer(certificates, key []byte) (*Issuer, error) {
	pair, err := tls.X509KeyPair(certificates, key)
	if err != nil {
		return nil, fmt.Errorf("enroll: authority: %s", strings.TrimPrefix(err.Error(), "tls: "))
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("enroll: authority: a key of type %T, want RSA or ECDSA", pair.PrivateKey)
	}
	if len(pair.Certificate) > maxChain {
		return nil, fmt.Errorf("enroll: authority: a chain of %d certificates, want at most %d", len(pair.Certificate), maxChain)
	}
	i := &Issuer{key: signer}
	for n, der := range pair.Certificate {
		c, err := tpm.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("enroll: authority: certificate %d: %w", n+1, err)
		}
		i.chain = append(i.chain, c)
	}
	if err := i.checkChain(); err != nil {
		return nil, fmt.Errorf("enroll: authority: %w", err)
	}
	return i, nil
}

// Certificate returns the authority's own, which is the one to trust: what else
// those above it have issued is not this authority's.
func (i *Issuer) Certificate() *x509.Certificate { return i.chain[0] }

// checkChain refuses what can issue nothing, whatever the time is.
func (i *Issuer) checkChain() error {
	own := i.chain[0]
	switch {
	case !own.BasicConstraintsValid || !own.IsCA:
		return errors.New("the certificate is not that of an authority: its basic constraints do not say CA:TRUE")
	case own.KeyUsage&x509.KeyUsageCertSign == 0:
		return errors.New("the certificate may not sign others: its key usage lacks keyCertSign")
	}
	if err := tpm.CheckKey(own.PublicKey); err != nil {
		return err
	}
	for n, c := range i.chain[1:] {
		if err := i.chain[n].CheckSignatureFrom(c); err != nil {
			return fmt.Errorf("certificate %d is not issued by the next one, want the authority's own first: %w", n+1, err)
		}
	}
	return nil
}

// check refuses an issuer that is not valid at a time.
func (i *Issuer) check(now time.Time) error {
	for _, c := range i.chain {
		switch {
		case now.Before(c.NotBefore):
			return fmt.Errorf("the certificate of authority %q begins at %s, and it is %s", c.Subject, c.NotBefore.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
		case now.After(c.NotAfter):
			return fmt.Errorf("the certificate of authority %q ended at %s: make another one", c.Subject, c.NotAfter.UTC().Format(time.RFC3339))
		}
	}
	return nil
}
