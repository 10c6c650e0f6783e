package vaultserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Run serves the listener until the context ends, and closes it. New requests are
// then served for [Limits.Linger] while /readyz says no, and those in flight have
// [Limits.Drain] to finish. It returns nil if all did.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	defer func() { _ = listener.Close() }()
	if s.config.TLS == nil && !s.config.PlainHTTP {
		return &ConfigError{"TLS", "missing, want a certificate, or PlainHTTP to serve without"}
	}
	h := &http.Server{
		Handler: s, ReadHeaderTimeout: s.limits.ReadHeader, ReadTimeout: s.limits.Read, WriteTimeout: s.limits.Write, IdleTimeout: s.limits.Idle,
		MaxHeaderBytes: s.limits.HeaderBytes, ErrorLog: slog.NewLogLogger(s.config.Log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	go func() {
		if s.config.TLS == nil {
			stopped <- h.Serve(listener)
			return
		}
		h.TLSConfig = s.config.TLS.Clone()
		stopped <- h.ServeTLS(listener, "", "")
	}()
	select {
	case err := <-stopped:
		return s.broken(h, err)
	case <-ctx.Done():
	}
	s.isDraining.Store(true)
	select {
	case err := <-stopped:
		return s.broken(h, err)
	case <-time.After(s.limits.Linger):
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.Drain)
	defer cancel()
	err := h.Shutdown(drain)
	if err != nil {
		_ = h.Close()
	}
	if served := <-stopped; !errors.Is(served, http.ErrServerClosed) {
		return fmt.Errorf("vaultserver: %w", served)
	}
	s.handlers.Wait()
	if err != nil {
		return fmt.Errorf("vaultserver: requests were cut off after %s: %w", s.limits.Drain, err)
	}
	return nil
}

// broken ends a server whose listener failed: no connection may outlive Run.
func (s *Server) broken(h *http.Server, err error) error {
	_ = h.Close()
	s.handlers.Wait()
	return fmt.Errorf("vaultserver: %w", err)
}
