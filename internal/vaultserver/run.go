package vaultserver

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/azattest/azattest/internal/edge"
)

// Run serves the listener until the context ends, and closes it. New requests are
// then served for [Limits.Linger] while /readyz says no, and those in flight have
// [Limits.Drain] to finish. It returns nil if all did.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	if s.config.TLS == nil && !s.config.PlainHTTP {
		_ = listener.Close()
		return &ConfigError{"TLS", "missing, want a certificate, or PlainHTTP to serve without"}
	}
	h := &http.Server{
		Handler: s, ReadHeaderTimeout: s.limits.ReadHeader, ReadTimeout: s.limits.Read, WriteTimeout: s.limits.Write, IdleTimeout: s.limits.Idle,
		MaxHeaderBytes: s.limits.HeaderBytes, ErrorLog: slog.NewLogLogger(s.config.Log.Handler(), slog.LevelDebug),
	}
	if s.config.TLS != nil {
		h.TLSConfig = s.config.TLS.Clone()
	}
	err := edge.Server{
		HTTP: h, Linger: s.limits.Linger, Drain: s.limits.Drain, Handlers: &s.handlers, Abort: abortTime, Draining: func() { s.isDraining.Store(true) },
	}.Run(ctx, listener)
	if err != nil {
		return fmt.Errorf("vaultserver: %w", err)
	}
	return nil
}
