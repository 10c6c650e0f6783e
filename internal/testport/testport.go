// Package testport finds ports for servers that tests start.
//
// Which function do I want? Listen on port 0 wherever the server can tell which it
// got. [Free] is for those whose port stands in a configuration before they start.
package testport

import (
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
)

// Ports that are asked for stand below those that systems give out for port 0 and for
// connections: nothing else takes one between here and the server's start.
const (
	first = 20_000
	count = 10_000
)

// asked is how many were.
var asked atomic.Int64

// Free returns a port of 127.0.0.1 that nobody listens on, another one each time.
func Free(tb testing.TB) int {
	tb.Helper()
	for range 100 {
		// Each process begins somewhere else: the tests of other packages run, too.
		port := first + (97*os.Getpid()+int(asked.Add(1)))%count
		l, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			tb.Fatal(err)
		}
		return port
	}
	tb.Fatalf("100 ports between %d and %d, none of them free", first, first+count-1)
	return 0
}
