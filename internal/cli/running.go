package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"

	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/server"
	"github.com/azattest/azattest/internal/telemetry"
)

// running is a service that listens.
type running struct {
	ready
	stop    context.CancelFunc
	stopped chan struct{} // closed once err is set
	err     error
	parts   *parts
}

// parts are what a service is made of, besides its server: what must run beside
// it, and what must be closed after it.
type parts struct {
	runs    []func(ctx context.Context) error
	closers []io.Closer
	// sources are what the numbers ask.
	sources telemetry.Sources
}

// closeLater remembers what is to be closed; what came last is closed first.
func (p *parts) closeLater(c io.Closer) { p.closers = append(p.closers, c) }

// closerFunc is a function to be called at the end.
type closerFunc func() error

// Close calls it.
func (f closerFunc) Close() error { return f() }

func (p *parts) close() error {
	var errs []error
	for _, c := range slices.Backward(p.closers) {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// runBeside runs the parts for as long as serve takes, then lets them end: requests in
// flight still need them when its context is over.
func (p *parts) runBeside(ctx context.Context, serve func() error) error {
	beside, end := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	for _, run := range p.runs {
		group.Go(func() {
			// They log what goes wrong, and end with the context alone.
			_ = run(beside)
		})
	}
	err := serve()
	end()
	group.Wait()
	return err
}

// startService starts what flags describe, in the background.
func startService(ctx context.Context, s Streams, o *serveOptions, log *slog.Logger) (*running, error) {
	return startConfigured(ctx, s, o.runOptions(o.flagged()), log)
}

// startConfigured starts the service in the background. The port is opened before
// the rest is put together, because with --dev it may be part of the issuer's URL.
func startConfigured(ctx context.Context, s Streams, o runOptions, log *slog.Logger) (*running, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.config.Listen)
	if err != nil {
		return nil, withHint(fmt.Errorf("listen: %w", err), "choose another --listen address; port 0 takes a free one")
	}
	at := ready{Instances: map[string]string{}}
	nameEndpoints(o.config, listener, &at)
	p := new(parts)
	edge, err := assemble(ctx, s, o, log, p, &at)
	if err != nil {
		// The listener has served nobody, and what is closed here has done nothing.
		_ = listener.Close()
		_ = p.close()
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	r := &running{ready: at, stop: stop, stopped: make(chan struct{}), parts: p}
	go func() {
		r.err = r.run(ctx, edge, listener)
		close(r.stopped)
	}()
	return r, nil
}

// nameEndpoints fills in the URL of an instance that has none yet: where it
// listens.
func nameEndpoints(c *config.Config, listener net.Listener, at *ready) {
	for n := range c.Instances {
		i := &c.Instances[n]
		if i.URL == "" {
			i.URL = "https://" + listener.Addr().String()
		}
		at.Instances[i.Name] = i.URL
	}
	if len(c.Instances) > 0 {
		at.Endpoint = c.Instances[0].URL
		return
	}
	at.Endpoint = "https://" + listener.Addr().String()
	if c.BehindProxy {
		at.Endpoint = "http://" + listener.Addr().String()
	}
}

// run serves until the context ends.
func (r *running) run(ctx context.Context, edge *server.Server, listener net.Listener) error {
	return r.parts.runBeside(ctx, func() error { return edge.Run(ctx, listener) })
}

// wait returns when the service has stopped, nil after an orderly shutdown.
func (r *running) wait() error {
	<-r.stopped
	return r.err
}

// close stops the service and waits until it has.
func (r *running) close() {
	r.stop()
	<-r.stopped
	// What is lost is a background refresh; what was stored is stored.
	_ = r.parts.close()
}
