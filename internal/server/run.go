package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Run serves the listener until the context ends, and closes it. Over TLS it
// speaks HTTP/2 and HTTP/1.1; without TLS, which [Config] must allow, HTTP/1.1
// alone.
//
// When the context ends, /readyz says no, for [Limits.Linger] new requests are
// still served, and those in flight have [Limits.Drain] to finish. Run returns
// nil if all did. Otherwise their connections are closed, their contexts end,
// and Run returns an error.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	// Serve closes the listener too, unless it never came so far.
	defer func() { _ = listener.Close() }()
	if s.tls == nil && !s.isPlain {
		return &ConfigError{"TLS", "missing, want a certificate, or PlainHTTP to serve without"}
	}
	h := s.newHTTPServer()
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
		// Whoever is still connected has had its time; closing cannot fail in
		// a way that anybody could mend.
		_ = h.Close()
		s.awaitHandlers()
	}
	if served := <-stopped; !errors.Is(served, http.ErrServerClosed) {
		return fmt.Errorf("server: %w", served)
	}
	if err != nil {
		return fmt.Errorf("server: requests were cut off after %s: %w", s.limits.Drain, err)
	}
	return nil
}

// awaitHandlers gives handlers whose connections were closed, and whose contexts
// have ended, a moment to notice: what they use may go away after Run.
func (s *Server) awaitHandlers() {
	idle := make(chan struct{})
	go func() {
		s.handlers.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-time.After(abortTime):
	}
}

// abortTime is how long a handler may take to notice that its context has ended.
const abortTime = 2 * time.Second

// broken ends a server whose listener failed: no connection may outlive Run.
func (s *Server) broken(h *http.Server, err error) error {
	// What could go wrong with closing is told by err already.
	_ = h.Close()
	s.awaitHandlers()
	return fmt.Errorf("server: %w", err)
}

func (s *Server) newHTTPServer() *http.Server {
	h := &http.Server{
		Handler: s,
		// OPTIONS * is answered, limited and logged as everything is.
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            s.limits.ReadHeader,
		ReadTimeout:                  s.limits.Read,
		WriteTimeout:                 s.limits.Write,
		IdleTimeout:                  s.limits.Idle,
		MaxHeaderBytes:               s.limits.HeaderBytes,
		// What goes wrong before there is a request, such as a TLS handshake,
		// is the client's doing as a rule.
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	if s.tls != nil {
		// The server adds to it.
		h.TLSConfig = s.tls.Clone()
	}
	return h
}
