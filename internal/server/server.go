// Package server is the HTTP edge of the service: routes, limits, headers and
// the one place where errors become answers. It decides nothing about evidence.
//
// One handler file holds one group of routes; errors.go is the only mapping from
// internal errors to HTTP.
package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
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
	// TLS holds the certificate; nil serves plain HTTP.
	TLS *tls.Config
	// Log takes one line for each request. Required.
	Log *slog.Logger
	// Version goes into the header x-ms-maa-service-version.
	Version string
	// Limits bound requests; zero fields take their defaults.
	Limits Limits
}

// Server serves one instance. It is safe for concurrent use.
type Server struct {
	attest  *attest.Service
	log     *slog.Logger
	tls     *tls.Config
	version string
	limits  Limits
	slots   chan struct{}
	certs   document
	openID  document
	handler http.Handler
	// isDraining is set once shutdown begins, for /readyz.
	isDraining atomic.Bool
}

// New makes a server. It returns an error if the configuration is incomplete.
func New(c Config) (*Server, error) {
	if c.Attest == nil || c.Issuer == nil || c.Log == nil {
		return nil, errors.New("server: config: want Attest, Issuer and Log")
	}
	limits := c.Limits.orDefaults()
	algorithm := string(c.Issuer.Ring().Current().Algorithm())
	openID, err := newDocument(wire.NewOpenIDConfiguration(c.Issuer.URL(), algorithm))
	if err != nil {
		return nil, err
	}
	s := &Server{
		attest:  c.Attest,
		log:     c.Log,
		tls:     c.TLS,
		version: cmp.Or(c.Version, "azattest"),
		limits:  limits,
		slots:   make(chan struct{}, limits.Concurrent),
		certs:   documentOf(c.Issuer.Ring().JWKS()),
		openID:  openID,
	}
	s.handler = s.observe(s.routes())
	return s, nil
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Run serves the listener until the context ends, then lets requests in flight
// finish. It closes the listener. It returns nil after an orderly shutdown.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	h := &http.Server{
		Handler:           s,
		TLSConfig:         s.tls,
		ReadHeaderTimeout: s.limits.ReadHeader,
		ReadTimeout:       s.limits.Read,
		WriteTimeout:      s.limits.Write,
		IdleTimeout:       s.limits.Idle,
		MaxHeaderBytes:    s.limits.HeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	go func() {
		if s.tls != nil {
			stopped <- h.ServeTLS(listener, "", "")
			return
		}
		stopped <- h.Serve(listener)
	}()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	s.isDraining.Store(true)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.Drain)
	defer cancel()
	err := h.Shutdown(drain)
	if err != nil {
		// Whoever is still connected has had its time.
		_ = h.Close()
	}
	if served := <-stopped; !errors.Is(served, http.ErrServerClosed) {
		return served
	}
	return err
}
