package tpm_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"sync"
	"testing"

	collect "github.com/azattest/azattest/collect/tpm"
	"github.com/azattest/azattest/internal/testtpm"
)

// Who gives up on a TPM that takes a command and never answers is not kept waiting.
func TestOpenOfASilentTPMCanBeGivenUp(t *testing.T) {
	t.Parallel()
	dir := testtpm.SocketDir(t)
	for network, address := range map[string]string{"unix": filepath.Join(dir, "tpm"), "tcp": "127.0.0.1:0"} {
		listener := must[net.Listener](t)(net.Listen(network, address))
		ctx, cancel := context.WithCancel(t.Context())
		var serving sync.WaitGroup
		serving.Go(func() { keepSilent(t, listener, cancel) })
		name := network + ":" + listener.Addr().String()
		_, err := collect.Open(ctx, name)
		if _, ok := errors.AsType[*collect.Error](err); !ok || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want that it was canceled", name, err)
		}
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		serving.Wait()
	}
}

// keepSilent takes connections, and calls back after each command. It answers none.
func keepSilent(t *testing.T, listener net.Listener, asked func()) {
	t.Helper()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		if n, err := conn.Read(make([]byte, 4096)); err == nil && n > 0 {
			asked()
		}
		t.Cleanup(func() { _ = conn.Close() }) // the client has hung up
	}
}
