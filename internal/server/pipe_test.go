package server_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/azattest/azattest/internal/server"
)

// pipeListener hands out connections in memory, whose time-outs follow the fake
// clock of testing/synctest.
type pipeListener struct {
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

var _ net.Listener = (*pipeListener)(nil)

func newPipeListener() *pipeListener {
	return &pipeListener{accepted: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (*pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// dial connects to whoever accepts.
func (l *pipeListener) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.accepted <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, errors.New("connection refused")
	}
}

// served is a server that runs on a pipe, with a client.
type served struct {
	listener *pipeListener
	client   *http.Client
	// shutDown ends the context of Run.
	shutDown context.CancelFunc
	// stopped gets what Run returned.
	stopped chan error
}

func serve(t *testing.T, s *server.Server) *served {
	t.Helper()
	listener := newPipeListener()
	ctx, cancel := context.WithCancel(t.Context())
	r := &served{listener: listener, shutDown: cancel, stopped: make(chan error, 1)}
	r.client = &http.Client{Transport: &http.Transport{DialContext: listener.dial}}
	go func() { r.stopped <- s.Run(ctx, listener) }()
	return r
}

// stop shuts the server down and returns what Run said.
func (r *served) stop() error {
	r.client.CloseIdleConnections()
	r.shutDown()
	return <-r.stopped
}

// connect opens a connection for a client that keeps to no rules.
func (r *served) connect(t *testing.T) net.Conn {
	t.Helper()
	c, err := r.listener.dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
