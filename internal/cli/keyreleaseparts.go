package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/throttle"
	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/internal/vaultserver"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/store"
)

// vaultParts puts a vault together.
type vaultParts struct {
	config *config.KeyRelease
	// configFile is where the configuration stands, "" if flags say all of it.
	configFile string
	dev        bool
	log        *slog.Logger
	parts      *parts
}

// shared is what the configuration has in common with that of an attestation service.
func (v *vaultParts) shared() *config.Config {
	c := v.config
	return &config.Config{
		DataDir: c.DataDir, TLS: c.TLS, BehindProxy: c.BehindProxy, TrustedProxies: c.TrustedProxies, Store: c.Store.Store(), Auth: c.Auth,
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
	certificates, err := v.certificates(s, at)
	if err != nil {
		return nil, err
	}
	numbers, err := v.metrics(ctx, s.Now, certificates)
	if err != nil {
		return nil, err
	}
	held := make([]keyrelease.HeldForm, len(v.config.Release.HeldData))
	for i, form := range v.config.Release.HeldData {
		held[i] = keyrelease.HeldForm(form)
	}
	return vaultserver.New(vaultserver.Config{
		Vault: keys, Auth: callers, Audit: trail, Metrics: numbers, Limits: v.limits(), TLS: certificates.tls, PlainHTTP: v.config.BehindProxy, TrustedProxies: proxies, Log: v.log, Clock: s.Now,
		Release: keyrelease.Config{Verifier: verifier, Signer: certificates.signer, Vault: v.config.URL, HeldData: held, RequireNonce: v.config.Release.RequireNonce, Now: s.Now},
		Ready:   answers(records),
	})
}

// tellUnreadable looks whether the wrapping key opens what is there, before somebody
// needs it. One record that was damaged is no reason to serve none of the others.
func (v *vaultParts) tellUnreadable(ctx context.Context, keys *vault.Vault) {
	_, _, err := keys.List(ctx, "", 1)
	if e, ok := errors.AsType[*vault.SealError](err); ok {
		v.log.LogAttrs(ctx, slog.LevelError, "a key does not open: is it the right wrapping key? Name earlier ones in keys.previousWrappingKeyFiles", slog.String("cause", e.Error()))
	} else if err != nil {
		v.log.LogAttrs(ctx, slog.LevelWarn, "whether keys open is not known: they cannot be listed now", slog.String("cause", err.Error()))
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
