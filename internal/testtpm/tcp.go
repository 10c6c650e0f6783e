package testtpm

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// ListenTCP lets the TPM be reached over TCP on loopback, as a swtpm with --server
// type=tcp can be, until the test ends. It returns the address, host:port.
func (t *TPM) ListenTCP(tb testing.TB) string {
	tb.Helper()
	// A swtpm takes no port of the system's choice, so a port is passed on.
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // It listens at once, or not at all.
	if err != nil {
		tb.Fatalf("testtpm: %v", err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			// The TPM serves one connection at a time.
			if err := t.pass(conn); err != nil {
				tb.Errorf("testtpm: %v", err)
			}
		}
	})
	tb.Cleanup(func() {
		if err := listener.Close(); err != nil {
			tb.Errorf("testtpm: %v", err)
		}
		serving.Wait()
	})
	return listener.Addr().String()
}

// pass answers one command.
func (t *TPM) pass(conn net.Conn) error {
	command := make([]byte, maxResponse)
	n, err := conn.Read(command)
	if errors.Is(err, io.EOF) {
		return conn.Close()
	}
	if err == nil {
		var answer []byte
		if answer, err = t.Send(command[:n]); err == nil {
			_, err = conn.Write(answer)
		}
	}
	return errors.Join(err, conn.Close())
}
