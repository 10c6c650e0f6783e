package cli

import (
	"cmp"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/internal/server"
	"github.com/azattest/azattest/internal/throttle"
	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/internal/vaultserver"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/store"
)

// vaultParts puts a vault together.
type vaultParts struct {
	config *config.KeyRelease
	dev    bool
	log    *slog.Logger
	parts  *parts
}

// shared is what the configuration has in common with that of an attestation service.
func (v *vaultParts) shared() *config.Config {
	c := v.config
	return &config.Config{
		DataDir: c.DataDir, TLS: c.TLS, BehindProxy: c.BehindProxy, TrustedProxies: c.TrustedProxies, Store: c.Store, Auth: c.Auth,
		// A key that went out without a trace is one that nobody can call back.
		Audit: config.Audit{Dir: cmp.Or(c.Audit.Dir, filepath.Join(c.DataDir, "audit"))},
		Keys:  config.KeyRing{WrappingKeyFile: c.Keys.WrappingKeyFile, WrappingKey: c.Keys.WrappingKey, PreviousWrappingKeyFiles: c.Keys.PreviousWrappingKeyFiles},
	}
}

func (v *vaultParts) assemble(ctx context.Context, s Streams, at *ready) (*vaultserver.Server, error) {
	c := v.shared()
	records, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	v.parts.closeLater(records)
	if err := store.CheckComplete(ctx, records); err != nil {
		return nil, err
	}
	if err := v.makeWrappingKey(c); err != nil {
		return nil, err
	}
	secrets, err := v.secrets(c)
	if err != nil {
		return nil, err
	}
	keys, err := vault.Open(vault.Config{Store: records, Secrets: secrets, Clock: s.Now})
	if err != nil {
		return nil, err
	}
	v.tellUnreadable(ctx, keys)
	verifier, err := v.verifier(s)
	if err != nil {
		return nil, err
	}
	callers, err := v.openAuth(s.Now)
	if err != nil {
		return nil, err
	}
	v.parts.closeLater(callers)
	trail, err := openAudit(c, s.Now, v.log, v.parts)
	if err != nil {
		return nil, err
	}
	proxies, err := proxiesOf(c)
	if err != nil {
		return nil, err
	}
	tlsConfig, signer, err := v.certificates(s, at)
	if err != nil {
		return nil, err
	}
	held := make([]keyrelease.HeldForm, len(v.config.Release.HeldData))
	for i, form := range v.config.Release.HeldData {
		held[i] = keyrelease.HeldForm(form)
	}
	return vaultserver.New(vaultserver.Config{
		Vault: keys, Auth: callers, Audit: trail, Limits: v.limits(), TLS: tlsConfig, PlainHTTP: v.config.BehindProxy, TrustedProxies: proxies, Log: v.log, Clock: s.Now,
		Release: keyrelease.Config{Verifier: verifier, Signer: signer, Vault: v.config.URL, HeldData: held, RequireNonce: v.config.Release.RequireNonce, Now: s.Now},
		Ready:   answers(records),
	})
}

// tellUnreadable looks whether the wrapping key opens what is there, before somebody
// needs it. One record that was damaged is no reason to serve none of the others.
func (v *vaultParts) tellUnreadable(ctx context.Context, keys *vault.Vault) {
	_, _, err := keys.List(ctx, "", 1)
	if e, ok := errors.AsType[*vault.SealError](err); ok {
		v.log.LogAttrs(ctx, slog.LevelError, "a key does not open: is it the right wrapping key? Name earlier ones in keys.previousWrappingKeyFiles", slog.String("cause", e.Error()))
	}
}

// answers reports whether the store does.
func answers(records store.Store) func(context.Context) bool {
	return func(ctx context.Context) bool {
		_, err := records.Get(ctx, "keyrelease/ready")
		return err == nil || errors.Is(err, store.ErrNotFound)
	}
}

func (v *vaultParts) limits() vaultserver.Limits {
	l := v.config.Limits
	limits := vaultserver.Limits{
		BodyBytes: l.BodyBytes, HeaderBytes: l.HeaderBytes, Concurrent: l.Concurrent, Request: l.Request, ReadHeader: l.ReadHeader, Read: l.Read, Write: l.Write, Idle: l.Idle,
		Linger: v.config.Shutdown.Linger, Drain: v.config.Shutdown.Drain,
	}
	if l.RatePerCaller != 0 {
		limits.Caller = throttle.Limit{PerSecond: l.RatePerCaller, Burst: l.Burst}
	}
	return limits
}

// vaultSecretPurpose keeps the secrets of a vault apart from all that the same
// wrapping key makes.
const vaultSecretPurpose = "azattest key release" //nolint:gosec // G101: it says what for, and is no secret

// makeWrappingKey makes the wrapping key of a server with --dev in its data directory,
// unless there is one, or the configuration has another.
func (v *vaultParts) makeWrappingKey(c *config.Config) error {
	file := v.wrappingKeyFile(c)
	if file == "" {
		return nil
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return nil // else whoever reads it says why not
	}
	if err := writeFile(file, []byte(keyring.GenerateWrappingKey()+"\n")); err != nil {
		return fmt.Errorf("wrapping key: %w", err)
	}
	return nil
}

// wrappingKeyFile is the wrapping key that --dev has if the configuration has none,
// "" if that is not so.
func (v *vaultParts) wrappingKeyFile(c *config.Config) string {
	if !v.dev || c.Keys.WrappingKeyFile != "" || !c.Keys.WrappingKey.IsZero() {
		return ""
	}
	return filepath.Join(c.DataDir, "wrapping.key")
}

// secrets seal the keys of the vault.
func (v *vaultParts) secrets(c *config.Config) ([][]byte, error) {
	if file := v.wrappingKeyFile(c); file != "" {
		c.Keys.WrappingKeyFile = file
	}
	wrapping, err := wrappingOf(c)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, withHint(errors.Unwrap(err), "name the server's --config, which says where its wrapping key is; for a new vault 'azattest keys wrapping-key --out FILE' makes one. A new one opens nothing that another one sealed")
	}
	if err != nil {
		return nil, err
	}
	if wrapping == nil {
		return nil, &refusedError{errors.New("keys.wrappingKeyFile: missing, want the key that encrypts the vault; make it with azattest keys wrapping-key")}
	}
	return wrapping.Secrets(vaultSecretPurpose)
}

// openAuth says who the callers are that the configuration knows, and with --dev
// those of azattest dev-token.
func (v *vaultParts) openAuth(now func() time.Time) (*auth.Authenticator, error) {
	given := v.config.Auth
	c := auth.Config{Leeway: given.Leeway, Clock: now, Log: v.log}
	if err := addIssuers(&c, given, auth.EntraVault); err != nil {
		return nil, err
	}
	addBindings(&c, given)
	if v.dev {
		development, err := auth.OpenDevelopmentIssuer(v.config.DataDir)
		if err != nil {
			return nil, fmt.Errorf("development issuer: %w", err)
		}
		c.Issuers = append(c.Issuers, development.VaultIssuer())
		c.Bindings = append(c.Bindings, development.VaultBindings()...)
	}
	return auth.New(c)
}

// certificates are the server's for TLS, nil for plain HTTP, and what signs
// responses: the same pair, unless the configuration names another.
func (v *vaultParts) certificates(s Streams, at *ready) (*tls.Config, func(context.Context) (*keyrelease.Signer, error), error) {
	var pair func(context.Context) *tls.Certificate
	var served *tls.Config
	switch {
	case v.dev:
		var names []string
		if u, err := url.Parse(v.config.URL); err == nil && strings.HasSuffix(u.Hostname(), ".localhost") {
			names = append(names, u.Hostname())
		}
		made, caFile, err := devTLS(v.config.DataDir, s.Now(), names...)
		if err != nil {
			return nil, nil, err
		}
		served, at.CAFile = made, caFile
		pair = func(context.Context) *tls.Certificate { return &made.Certificates[0] }
	case !v.config.BehindProxy:
		certificate, err := v.openPair(v.config.TLS.CertificateFile, v.config.TLS.KeyFile, v.config.TLS.ClientCAFile)
		if err != nil {
			return nil, nil, fmt.Errorf("TLS certificate: %w", err)
		}
		served, pair = certificate.TLS(), certificate.Pair
	}
	if own := v.config.Signing; own.CertificateFile != "" {
		certificate, err := v.openPair(own.CertificateFile, own.KeyFile, "")
		if err != nil {
			return nil, nil, fmt.Errorf("signing certificate: %w", err)
		}
		pair = certificate.Pair
	}
	u, err := url.Parse(v.config.URL)
	if err != nil {
		return nil, nil, err
	}
	signer := responseSigner(pair, u.Hostname())
	// What cannot sign is told now, not to who wants a key.
	if _, err := signer(context.Background()); err != nil {
		return nil, nil, &refusedError{fmt.Errorf("%s: %w", cmp.Or(v.config.Signing.CertificateFile, v.config.TLS.CertificateFile, "the certificate"), err)}
	}
	return served, signer, nil
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
