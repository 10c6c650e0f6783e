// Package edge is what each HTTP server of ours does at its edge, whatever it serves:
// [Server.Run] listens until it is told to stop, [ClientAddress] says who is calling,
// [RequestID] names a request, [ReadBody] reads what it brings, [Places] bound how many
// there are at once, [Watched] remembers how one was answered.
package edge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is a server that is to run.
type Server struct {
	// HTTP is it. With a TLSConfig it speaks TLS.
	HTTP *http.Server
	// Linger is how long it goes on once it is told to stop, and Drain how long requests
	// in flight then have.
	Linger, Drain time.Duration
	// Handlers are those at work. One whose connection was closed has Abort to notice:
	// what it uses may go away after Run.
	Handlers *sync.WaitGroup
	Abort    time.Duration
	// Draining is called when the server is told to stop.
	Draining func()
}

// Run serves the listener until the context ends, and closes it. It returns nil if all
// requests were finished then; otherwise their connections are closed.
func (s Server) Run(ctx context.Context, listener net.Listener) error {
	// Serve closes the listener too, unless it never came so far.
	defer func() { _ = listener.Close() }()
	stopped := make(chan error, 1)
	go func() {
		if s.HTTP.TLSConfig != nil {
			stopped <- s.HTTP.ServeTLS(listener, "", "")
			return
		}
		stopped <- s.HTTP.Serve(listener)
	}()
	select {
	case err := <-stopped:
		return s.broken(err)
	case <-ctx.Done():
	}
	s.Draining()
	select {
	case err := <-stopped:
		return s.broken(err)
	case <-time.After(s.Linger):
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Drain)
	defer cancel()
	err := s.HTTP.Shutdown(drain)
	if err != nil {
		// Whoever is still connected has had its time; closing cannot fail in a way that
		// anybody could mend.
		_ = s.HTTP.Close()
		s.await()
	}
	if served := <-stopped; !errors.Is(served, http.ErrServerClosed) {
		return served
	}
	if err != nil {
		return fmt.Errorf("requests were cut off after %s: %w", s.Drain, err)
	}
	return nil
}

// await gives handlers whose connections were closed a moment to notice.
func (s Server) await() {
	idle := make(chan struct{})
	go func() {
		s.Handlers.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-time.After(s.Abort):
	}
}

// broken ends a server whose listener failed: no connection may outlive Run.
func (s Server) broken(err error) error {
	// What could go wrong with closing is told by err already.
	_ = s.HTTP.Close()
	s.await()
	return err
}
