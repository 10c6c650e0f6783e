// Package vaultserver answers for a vault over HTTP as Azure Key Vault does about
// keys: they are made, imported, rotated, read, changed, deleted, and released to who
// is attested.
//
// Which function do I want? [New], then [Server.Run]; or the Server itself, which is
// a handler. [Operations] are what it serves.
//
// Everything but the probes wants a caller with a role: a key is released to who
// proves what it is, and asked for by who may ask. Errors have Key Vault's shape and
// codes. What a client sent stands in no log: names, sizes and codes do.
package vaultserver

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/azattest/azattest/internal/audit"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/edge"
	"github.com/azattest/azattest/internal/telemetry"
	"github.com/azattest/azattest/internal/throttle"
	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/keyrelease"
)

// Config is what a [Server] is made of.
type Config struct {
	// Vault keeps the keys. Required.
	Vault *vault.Vault
	// Release says which tokens count and what signs responses. Its Keys and Record are
	// the server's own; Vault is the URL by which clients know it. Required.
	Release keyrelease.Config
	// Auth says who calls. Required.
	Auth *auth.Authenticator
	// Audit is the trail of changes, releases and refusals of both. Nil: none is kept.
	Audit *audit.Trail
	// Limits bound what callers can make the server do; zero fields have defaults.
	Limits Limits
	// TLS is the server's; nil serves plain HTTP, which PlainHTTP must allow.
	TLS       *tls.Config
	PlainHTTP bool
	// TrustedProxies are those whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Log is told of each request. Required.
	Log *slog.Logger
	// Metrics count and time; nil does so for nobody. Its operations are [Operations],
	// its codes [Codes].
	Metrics *telemetry.VaultMetrics
	// Clock is the time of records; nil means time.Now.
	Clock func() time.Time
	// Ready reports whether the store answers; nil means always.
	Ready func(context.Context) bool
}

// ConfigError says why a Config makes no Server.
type ConfigError struct {
	// Field is the field of the Config.
	Field string
	// Problem is what is wrong with it, and what would be right.
	Problem string
}

func (e *ConfigError) Error() string { return "vaultserver: config: " + e.Field + ": " + e.Problem }

// Server answers for a vault. It is safe for concurrent use.
type Server struct {
	config   Config
	limits   Limits
	releases *keyrelease.Handler
	// uploads are the places of bodies of more than 16 KiB while they are received.
	// work are the places of releases, managing those of everything else: neither keeps
	// the other out.
	work, managing edge.Places
	// making are the places of those who make a key: RSA ones take a processor for
	// seconds, whatever becomes of the request.
	making   edge.Places
	uploads  edge.Places
	throttle *throttle.Throttle
	metrics  *telemetry.VaultMetrics
	// unauthorized bounds the records of refusals of callers who have no role.
	unauthorized *throttle.Throttle
	isDraining   atomic.Bool
	handlers     sync.WaitGroup
}

// New returns a server, or a *[ConfigError], also of package keyrelease.
func New(c Config) (*Server, error) {
	switch {
	case c.Vault == nil:
		return nil, &ConfigError{"Vault", "missing, want what keeps the keys"}
	case c.Auth == nil:
		return nil, &ConfigError{"Auth", "missing, want who says who calls"}
	case c.Log == nil:
		return nil, &ConfigError{"Log", "missing, want a logger"}
	}
	if err := c.Limits.check(); err != nil {
		return nil, err
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Metrics == nil {
		var err error
		if c.Metrics, err = telemetry.NewVaultMetrics(telemetry.VaultConfig{}); err != nil {
			return nil, err
		}
	}
	s := &Server{config: c, limits: c.Limits.withDefaults(), metrics: c.Metrics}
	s.work, s.managing = make(edge.Places, s.limits.Concurrent), make(edge.Places, s.limits.Concurrent)
	s.uploads = make(edge.Places, s.limits.Concurrent)
	s.unauthorized = throttle.New(throttle.Limit{PerSecond: unauthorizedPerSecond, Burst: unauthorizedAtOnce}, throttle.Limit{}, c.Clock)
	s.making = make(edge.Places, runtime.GOMAXPROCS(0))
	s.throttle = throttle.New(s.limits.Caller, throttle.Limit{}, c.Clock)
	release := c.Release
	release.Keys, release.Record = releasedKeys{c.Vault}, s.recordRelease
	releaser, err := keyrelease.NewReleaser(release)
	if err != nil {
		return nil, err
	}
	s.releases = keyrelease.NewHandler(releaser)
	s.releases.Refused = func(r *http.Request, err error) { noteOf(r.Context()).refused(err) }
	return s, nil
}
