package cli

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/azattest/azattest/internal/server"
	"github.com/azattest/azattest/keyrelease"
)

// vaultCertificates are those of a vault. Pairs are of the moment: files are read
// again when they change.
type vaultCertificates struct {
	// tls is the server's, served its pair; both nil for plain HTTP.
	tls    *tls.Config
	served func(context.Context) *tls.Certificate
	// signer signs responses, with the pair signing.
	signer  func(context.Context) (*keyrelease.Signer, error)
	signing func(context.Context) *tls.Certificate
}

// certificates are the server's for TLS, none for plain HTTP, and what signs
// responses: the same pair, unless the configuration names another.
func (v *vaultParts) certificates(s Streams, at *ready) (*vaultCertificates, error) {
	c := new(vaultCertificates)
	var file string // whence the pair that signs is
	switch {
	case v.dev:
		var names []string
		if u, err := url.Parse(v.config.URL); err == nil && strings.HasSuffix(u.Hostname(), ".localhost") {
			names = append(names, u.Hostname())
		}
		made, caFile, err := devTLS(v.config.DataDir, s.Now(), names...)
		if err != nil {
			return nil, err
		}
		c.tls, at.CAFile = made, caFile
		c.served, file = func(context.Context) *tls.Certificate { return &made.Certificates[0] }, "the certificate of --dev"
	case !v.config.BehindProxy:
		certificate, err := v.openPair(v.config.TLS.CertificateFile, v.config.TLS.KeyFile, v.config.TLS.ClientCAFile)
		if err != nil {
			return nil, fmt.Errorf("TLS certificate: %w", err)
		}
		c.tls, c.served, file = certificate.TLS(), certificate.Pair, v.config.TLS.CertificateFile
	}
	c.signing = c.served
	if own := v.config.Signing; own.CertificateFile != "" {
		certificate, err := v.openPair(own.CertificateFile, own.KeyFile, "")
		if err != nil {
			return nil, fmt.Errorf("signing certificate: %w", err)
		}
		c.signing, file = certificate.Pair, own.CertificateFile
	}
	u, err := url.Parse(v.config.URL)
	if err != nil {
		return nil, err
	}
	c.signer = responseSigner(c.signing, u.Hostname())
	// What cannot sign is told now, not to who wants a key.
	if _, err := c.signer(context.Background()); err != nil {
		return nil, &refusedError{fmt.Errorf("%s: %w", file, err)}
	}
	return c, nil
}

func (v *vaultParts) openPair(certificate, key, clientCAs string) (*server.Certificate, error) {
	files := server.CertificateFiles{Certificate: certificate, Key: key, ClientCAs: clientCAs, Log: v.log}
	if v.config.TLS.MinVersion == "1.3" {
		files.MinVersion = tls.VersionTLS13
	}
	c, err := server.OpenCertificate(files)
	if err != nil {
		return nil, err
	}
	v.parts.runs = append(v.parts.runs, reloadOnHangup(c))
	return c, nil
}

// responseSigner signs with the pair of the moment, for a host: whoever receives a
// response looks whether the certificate is for it.
func responseSigner(pair func(context.Context) *tls.Certificate, host string) func(context.Context) (*keyrelease.Signer, error) {
	type made struct {
		of     *tls.Certificate
		signer *keyrelease.Signer
	}
	var last atomic.Pointer[made]
	return func(ctx context.Context) (*keyrelease.Signer, error) {
		now := pair(ctx)
		if m := last.Load(); m != nil && m.of == now {
			return m.signer, nil
		}
		key, ok := now.PrivateKey.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("a private key of type %T, want one that signs", now.PrivateKey)
		}
		var chain []*x509.Certificate
		for _, der := range now.Certificate {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				return nil, err
			}
			chain = append(chain, c)
		}
		signer, err := keyrelease.NewSigner(key, chain)
		if err != nil {
			return nil, err
		}
		if err := signer.Certificate().VerifyHostname(host); err != nil {
			return nil, fmt.Errorf("the certificate is not for the host of url, so nobody would take a response: %w", err)
		}
		last.Store(&made{now, signer})
		return signer, nil
	}
}
