package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/azattest/azattest/internal/edge"
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
	if s.tls == nil && !s.isPlain {
		_ = listener.Close()
		return &ConfigError{"TLS", "missing, want a certificate, or PlainHTTP to serve without"}
	}
	err := edge.Server{
		HTTP: s.newHTTPServer(), Linger: s.limits.Linger, Drain: s.limits.Drain, Handlers: &s.handlers, Abort: abortTime,
		Draining: func() { s.isDraining.Store(true) },
	}.Run(ctx, listener)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}

// abortTime is how long a handler may take to notice that its context has ended.
const abortTime = 2 * time.Second

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
