package testport_test

import (
	"net"
	"strconv"
	"testing"

	"github.com/azattest/azattest/internal/testport"
)

// Ports differ, though nobody has listened on them yet, and then somebody can.
func TestFree(t *testing.T) {
	t.Parallel()
	seen := make(map[int]bool)
	for range 50 {
		port := testport.Free(t)
		if seen[port] {
			t.Fatalf("%d twice", port)
		}
		seen[port] = true
	}
	for port := range seen {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
	}
}
