package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"github.com/azattest/azattest/internal/server"
	"github.com/azattest/azattest/token"
)

// running is a service that listens.
type running struct {
	ready
	stop    context.CancelFunc
	stopped chan struct{} // closed once err is set
	err     error
	source  *source
}

// startService starts the service in the background. The port is opened before
// the rest is put together, because with --dev it is part of the issuer's URL.
func startService(ctx context.Context, s Streams, o *serveOptions, log *slog.Logger) (*running, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return nil, withHint(fmt.Errorf("listen: %w", err), "choose another --listen address; port 0 takes a free one")
	}
	at := ready{Endpoint: o.url}
	if at.Endpoint == "" {
		at.Endpoint = "https://" + listener.Addr().String()
	}
	edge, src, err := assemble(s, o, log, &at)
	if err != nil {
		// The listener has served nobody.
		_ = listener.Close()
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	r := &running{ready: at, stop: stop, stopped: make(chan struct{}), source: src}
	go func() {
		r.err = edge.Run(ctx, listener)
		close(r.stopped)
	}()
	return r, nil
}

// assemble puts the server together for the endpoint at, and fills in the CA
// file that clients need.
func assemble(s Streams, o *serveOptions, log *slog.Logger, at *ready) (*server.Server, *source, error) {
	policies, err := loadPolicies(s, o.policySGX, o.policyOE)
	if err != nil {
		return nil, nil, err
	}
	tlsConfig, caFile, err := o.tlsConfig(s.Now())
	if err != nil {
		return nil, nil, err
	}
	at.CAFile = caFile
	src, roots, err := o.trust(log, s.Now)
	if err != nil {
		return nil, nil, err
	}
	service, issuer, err := newInstance(instanceConfig{
		url: at.Endpoint, dataDir: o.dataDir, algorithm: token.Algorithm(o.algorithm), keyBits: o.keyBits,
		source: src, roots: roots, acceptStale: o.acceptStale,
		acceptedTCB: o.tcb, azureDefaultTCB: o.azureDefault, policies: policies,
		tokenLifetime: o.tokenLifetime, now: s.Now, verifyAt: o.at.Time,
	})
	if err != nil {
		src.Close()
		return nil, nil, err
	}
	edge, err := server.New(server.Config{
		Attest: service, Issuer: issuer, TLS: tlsConfig, PlainHTTP: o.plainHTTP, Log: log, Version: "azattest/" + release,
		TerseErrors: o.terse, ExplainDenials: o.explain, Limits: server.Limits{Linger: o.linger},
	})
	if err != nil {
		src.Close()
		return nil, nil, err
	}
	return edge, src, nil
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
	r.source.Close()
}
