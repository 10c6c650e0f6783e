package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// serveMetrics serves the page of numbers of either server on an address of its own,
// for it tells who attests, or asks for keys, how often. No address: it is not served.
func serveMetrics(ctx context.Context, address string, page http.Handler, log *slog.Logger, p *parts) error {
	if address == "" {
		return nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return withHint(fmt.Errorf("telemetry.metricsListen: %w", err), "choose another address; port 0 takes a free one")
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", page)
	s := &http.Server{
		Handler: mux, ReadHeaderTimeout: metricsTime, ReadTimeout: metricsTime, WriteTimeout: 2 * metricsTime, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	p.closeLater(closerFunc(func() error {
		// The server knows of the listener once it serves, and then has closed it.
		_ = listener.Close()
		return s.Close()
	}))
	p.runs = append(p.runs, func(ctx context.Context) error {
		defer context.AfterFunc(ctx, func() { _ = s.Close() })()
		err := s.Serve(listener)
		if !errors.Is(err, http.ErrServerClosed) {
			log.LogAttrs(ctx, slog.LevelError, "metrics are not served any more", slog.String("cause", err.Error()))
		}
		return err
	})
	return nil
}

// metricsTime is how long one who reads the numbers may take to ask.
const metricsTime = 10 * time.Second
