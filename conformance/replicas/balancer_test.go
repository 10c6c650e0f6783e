package replicas_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// balancer hands connections to replicas in turn, and knows nothing of what is
// said on them. One that does not answer is passed over.
type balancer struct {
	listener net.Listener

	mu       sync.Mutex
	replicas []string
	next     int
	open     sync.WaitGroup
}

func newBalancer(tb testing.TB) *balancer {
	tb.Helper()
	l, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	b := &balancer{listener: l}
	go b.accept()
	tb.Cleanup(func() {
		_ = l.Close()
		b.open.Wait()
	})
	return b
}

func (b *balancer) port() string {
	_, port, _ := net.SplitHostPort(b.listener.Addr().String())
	return port
}

// to says which replicas there are.
func (b *balancer) to(addresses ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.replicas = addresses
}

func (b *balancer) accept() {
	for {
		client, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.open.Go(func() { b.carry(client) })
	}
}

func (b *balancer) carry(client net.Conn) {
	defer client.Close() //nolint:errcheck // nobody is left to be told
	replica := b.dial()
	if replica == nil {
		return
	}
	defer replica.Close() //nolint:errcheck // see above
	var both sync.WaitGroup
	for from, to := range map[net.Conn]net.Conn{client: replica, replica: client} {
		both.Go(func() {
			_, _ = io.Copy(to, from)
			// Whichever side ends, ends both.
			_ = client.Close()
			_ = replica.Close()
		})
	}
	both.Wait()
}

func (b *balancer) dial() net.Conn {
	b.mu.Lock()
	replicas, first := b.replicas, b.next
	b.next++
	b.mu.Unlock()
	dialer := net.Dialer{Timeout: time.Second}
	for i := range replicas {
		c, err := dialer.DialContext(context.Background(), "tcp", replicas[(first+i)%len(replicas)])
		if err == nil {
			return c
		}
	}
	return nil
}
