package replicas_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// connections are kept ones of HTTP/1.1 that carry prepared requests. They ask of
// the machine as little as a client can: net/http's takes a quarter of what the
// service takes, on the same cores.
type connections struct {
	address string
	config  *tls.Config

	mu   sync.Mutex
	idle []*connection
}

type connection struct {
	net.Conn
	answers *bufio.Reader
}

func newConnections(b *testing.B, s *subject) *connections {
	b.Helper()
	c := &connections{address: s.address, config: s.tls.Clone()}
	c.config.ServerName = "localhost"
	b.Cleanup(func() {
		for _, one := range c.idle {
			_ = one.Close()
		}
	})
	return c
}

// request prepares one.
func (s *subject) request(method, path string, body []byte) []byte {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s%s HTTP/1.1\r\nHost: localhost\r\n", method, path, apiVersion)
	if strings.HasPrefix(path, "/attest") {
		text.WriteString("Content-Type: application/json\r\n")
	} else {
		fmt.Fprintf(&text, "Content-Type: text/plain\r\nAuthorization: %s\r\n", s.bearer)
	}
	fmt.Fprintf(&text, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return []byte(text.String())
}

// send sends a prepared request on a connection that nobody uses, and wants it to
// succeed.
func (c *connections) send(ctx context.Context, request []byte) error {
	one, err := c.take(ctx)
	if err != nil {
		return err
	}
	if err := one.exchange(request); err != nil {
		_ = one.Close()
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = append(c.idle, one)
	return nil
}

func (c *connections) take(ctx context.Context) (*connection, error) {
	c.mu.Lock()
	if last := len(c.idle) - 1; last >= 0 {
		one := c.idle[last]
		c.idle = c.idle[:last]
		c.mu.Unlock()
		return one, nil
	}
	c.mu.Unlock()
	dialer := tls.Dialer{Config: c.config}
	conn, err := dialer.DialContext(ctx, "tcp", c.address)
	if err != nil {
		return nil, err
	}
	return &connection{conn, bufio.NewReaderSize(conn, 16<<10)}, nil
}

// exchange reads of the answer what tells that it is one, and where it ends.
func (c *connection) exchange(request []byte) error {
	if _, err := c.Write(request); err != nil {
		return err
	}
	status, err := c.line()
	if err != nil {
		return err
	}
	length := -1
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		if line == "" {
			break
		}
		if name, value, _ := strings.Cut(line, ": "); textproto.CanonicalMIMEHeaderKey(name) == "Content-Length" {
			if length, err = strconv.Atoi(value); err != nil {
				return err
			}
		}
	}
	switch {
	case length < 0:
		return fmt.Errorf("an answer without a length: %s", status)
	case status != "HTTP/1.1 200 OK":
		text, _ := io.ReadAll(io.LimitReader(c.answers, int64(length)))
		return fmt.Errorf("%s: %s", status, text)
	}
	_, err = c.answers.Discard(length)
	return err
}

func (c *connection) line() (string, error) {
	text, err := c.answers.ReadSlice('\n')
	return strings.TrimRight(string(text), "\r\n"), err
}
