package enroll

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
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
// the next. Whether it is valid now is for [Issuer.Check] to say. Errors quote nothing
// of the key.
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

// String names the issuer, without its key.
func (i *Issuer) String() string { return i.chain[0].Subject.String() }

// GoString keeps the key out of %#v.
func (i *Issuer) GoString() string { return i.String() }

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

// Check refuses an issuer whose certificates nobody would accept at a time. It issues
// one and verifies it as those will who are shown one: what is wrong is found before
// the first client finds it.
func (i *Issuer) Check(now time.Time) error {
	if err := i.checkTime(now); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	name, err := directoryName(nil, "trial")
	if err != nil {
		return err
	}
	der, err := i.issue(key.Public(), name, now, time.Minute)
	if err != nil {
		return err
	}
	leaf, err := tpm.ParseCertificate(der)
	if err != nil {
		return err
	}
	judges, err := tpm.NewAuthorities(tpm.Config{Roots: []*x509.Certificate{i.Certificate()}})
	if err != nil {
		return err
	}
	if _, err := judges.VerifyAIK(leaf, nil, now); err != nil {
		return fmt.Errorf("its certificates do not hold: %w", err)
	}
	return nil
}

// Expires returns until when certificates can be issued: the end of the first of the
// chain to end.
func (i *Issuer) Expires() time.Time {
	end := i.chain[0].NotAfter
	for _, c := range i.chain[1:] {
		if c.NotAfter.Before(end) {
			end = c.NotAfter
		}
	}
	return end
}

// checkTime refuses an issuer that is not valid at a time with a *[PeriodError].
func (i *Issuer) checkTime(now time.Time) error {
	for _, c := range i.chain {
		switch {
		case now.Before(c.NotBefore):
			return periodError("the certificate of authority %q begins at %s, and it is %s", c.Subject, c.NotBefore.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
		case now.After(c.NotAfter):
			return periodError("the certificate of authority %q ended at %s: make another one", c.Subject, c.NotAfter.UTC().Format(time.RFC3339))
		}
	}
	return nil
}
