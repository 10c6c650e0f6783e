// Package server is the HTTP edge of the service: routes, limits, headers, the
// log, and the one place where errors become answers. It decides nothing about
// evidence.
//
// Which function do I want? [New] makes a [Server], which is an [http.Handler];
// [Server.Run] serves a listener with time-outs, TLS and an orderly end. Tests
// use the handler, everybody else uses Run.
//
// One handler file holds one group of routes; errors.go is the only mapping from
// internal errors to HTTP. Every route, header and code is in docs/service.md,
// and what differs from Microsoft's service in docs/maa-divergences.md.
package server

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/wire"
	"github.com/azattest/azattest/token"
)

// Config is what a server is made of.
type Config struct {
	// Attest does the work. Required.
	Attest *attest.Service
	// Issuer says who the instance is and which keys it publishes. Required.
	Issuer *token.Issuer
	// TLS holds the certificate with which Run serves. Versions below TLS 1.2 are
	// refused.
	TLS *tls.Config
	// PlainHTTP lets Run serve without TLS: on loopback, or behind a proxy that
	// does it.
	PlainHTTP bool
	// Log takes one line for each request. Required.
	Log *slog.Logger
	// Version is the value of the header x-ms-maa-service-version; "azattest" if
	// it is empty.
	Version string
	// TerseErrors keeps the reasons of refusals to the log. Clients then read no
	// more than the sentences of the real service.
	TerseErrors bool
	// ExplainDenials lets clients read which claims the policy turned down, with
	// their values. Whoever may attest can find out with it what the policy asks
	// for, so it is not the default. It excludes TerseErrors.
	ExplainDenials bool
	// Ready reports whether requests may come, for /readyz; nil means always. It
	// must be safe for concurrent use, and quick.
	Ready func() bool
	// Limits bound requests; fields that are zero take their defaults.
	Limits Limits
}

// ConfigError says why a [Config] makes no server.
type ConfigError struct {
	// Field is the field of Config.
	Field string
	// Problem is what is wrong with it, and what would be right.
	Problem string
}

func (e *ConfigError) Error() string { return "server: config: " + e.Field + ": " + e.Problem }

func (c Config) validate() error {
	switch {
	case c.Attest == nil:
		return &ConfigError{"Attest", "missing, want the service that does the work"}
	case c.Issuer == nil:
		return &ConfigError{"Issuer", "missing, want the one that signs the tokens"}
	case c.Log == nil:
		return &ConfigError{"Log", "missing, want a logger"}
	case c.Version != "" && !isToken(c.Version):
		return &ConfigError{"Version", fmt.Sprintf("%q, want at most %d visible ASCII characters", wire.Clip(c.Version), maxEchoedID)}
	case c.TerseErrors && c.ExplainDenials:
		return &ConfigError{"ExplainDenials", "set beside TerseErrors, want one of them"}
	case c.TLS != nil && c.PlainHTTP:
		return &ConfigError{"PlainHTTP", "set beside TLS, want one of them"}
	}
	if err := checkTLS(c.TLS); err != nil {
		return err
	}
	return c.Limits.validate()
}

func checkTLS(c *tls.Config) error {
	switch {
	case c == nil:
		return nil
	case c.MinVersion != 0 && c.MinVersion < tls.VersionTLS12:
		return &ConfigError{"TLS", fmt.Sprintf("lets clients use %s, want TLS 1.2 or newer", tls.VersionName(c.MinVersion))}
	case len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil:
		return &ConfigError{"TLS", "has no certificate, want one for the host of the issuer's URL"}
	}
	return nil
}

// Server serves one instance. It is safe for concurrent use.
type Server struct {
	attest *attest.Service
	log    *slog.Logger
	limits Limits
	tls    *tls.Config
	// isPlain says that Run may do without TLS.
	isPlain  bool
	isTerse  bool
	explains bool
	version  string
	// base is the path of the issuer's URL, below which all routes stand too.
	base string
	// hsts is the value of Strict-Transport-Security, empty for none.
	hsts    string
	ready   func() bool
	uploads places
	work    places
	certs   document
	openID  document
	mux     *http.ServeMux
	// handlers are those under way.
	handlers sync.WaitGroup
	// isDraining is set once the shutdown begins.
	isDraining atomic.Bool
}

var _ http.Handler = (*Server)(nil)

// New makes a server. It returns a *[ConfigError] if the configuration is
// incomplete or contradicts itself.
func New(c Config) (*Server, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	instance, err := url.Parse(c.Issuer.URL())
	if err != nil {
		return nil, fmt.Errorf("server: the issuer's URL: %w", err)
	}
	algorithm := string(c.Issuer.Ring().Current().Algorithm())
	openID, err := newDocument(wire.NewOpenIDConfiguration(c.Issuer.URL(), algorithm))
	if err != nil {
		return nil, err
	}
	limits := c.Limits.orDefaults()
	s := &Server{
		attest:   c.Attest,
		log:      c.Log,
		limits:   limits,
		tls:      c.TLS,
		isPlain:  c.PlainHTTP,
		isTerse:  c.TerseErrors,
		explains: c.ExplainDenials,
		version:  cmp.Or(c.Version, product),
		base:     instance.Path,
		ready:    c.Ready,
		uploads:  make(places, limits.Uploads),
		work:     make(places, limits.Concurrent),
		certs:    documentOf(c.Issuer.Ring().JWKS()),
		openID:   openID,
	}
	if c.TLS != nil && isPublicName(instance.Hostname()) {
		s.hsts = hstsYear
	}
	s.mux = s.routes()
	return s, nil
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.observe(w, r) }
