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
	"cmp"
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
	work, managing chan struct{}
	// making are the places of those who make a key: RSA ones take a processor for
	// seconds, whatever becomes of the request.
	making   chan struct{}
	uploads  chan struct{}
	throttle *throttle.Throttle
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
	s := &Server{config: c, limits: c.Limits.withDefaults()}
	s.work, s.managing = make(chan struct{}, s.limits.Concurrent), make(chan struct{}, s.limits.Concurrent)
	s.uploads = make(chan struct{}, s.limits.Concurrent)
	s.unauthorized = throttle.New(throttle.Limit{PerSecond: 10, Burst: 100}, throttle.Limit{}, time.Now)
	s.making = make(chan struct{}, runtime.GOMAXPROCS(0))
	s.throttle = throttle.New(s.limits.Caller, throttle.Limit{}, time.Now)
	release := c.Release
	release.Keys, release.Record = c.Vault, s.recordRelease
	releaser, err := keyrelease.NewReleaser(release)
	if err != nil {
		return nil, err
	}
	s.releases = keyrelease.NewHandler(releaser)
	s.releases.Refused = func(r *http.Request, err error) { noteOf(r.Context()).refused(err) }
	return s, nil
}

// Limits bound what callers can make the server do. Zero fields have the defaults
// that stand behind them.
type Limits struct {
	// BodyBytes of a request, but for a release's (1 MiB); HeaderBytes (32 KiB).
	BodyBytes   int64
	HeaderBytes int
	// Concurrent are releases at once, apart from them everything else, and apart from
	// both bodies of more than 16 KiB that are received (256 each).
	Concurrent int
	// Request is how long one may take (30 s), ReadHeader and Read until when its header
	// (10 s) and all of it (20 s) must have come, Write until when the answer must be gone
	// (60 s), Idle how long a connection may wait for another request (2 min).
	Request, ReadHeader, Read, Write, Idle time.Duration
	// Caller bounds how often one caller may ask. Zero: as often as it likes.
	Caller throttle.Limit
	// Linger is how long the server goes on after it was told to stop, so that balancers
	// notice; Drain how long requests then have (30 s).
	Linger, Drain time.Duration
}

func (l Limits) withDefaults() Limits {
	return Limits{
		BodyBytes: cmp.Or(l.BodyBytes, 1<<20), HeaderBytes: cmp.Or(l.HeaderBytes, 32<<10), Concurrent: cmp.Or(l.Concurrent, 256),
		Request: cmp.Or(l.Request, 30*time.Second), ReadHeader: cmp.Or(l.ReadHeader, 10*time.Second), Read: cmp.Or(l.Read, 20*time.Second),
		Write: cmp.Or(l.Write, time.Minute), Idle: cmp.Or(l.Idle, 2*time.Minute), Caller: l.Caller, Linger: l.Linger, Drain: cmp.Or(l.Drain, 30*time.Second),
	}
}

func (l Limits) check() error {
	if min(l.BodyBytes, int64(l.HeaderBytes), int64(l.Concurrent), int64(l.Request), int64(l.ReadHeader), int64(l.Read), int64(l.Write), int64(l.Idle), int64(l.Linger), int64(l.Drain)) < 0 {
		return &ConfigError{"Limits", "a negative number, want 0 for the default or more"}
	}
	if err := l.Caller.Check(); err != nil {
		return &ConfigError{"Limits.Caller", err.Error()}
	}
	return nil
}
