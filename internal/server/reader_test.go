package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/instance"
)

func TestNoHeaderChoosesTheInstance(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.others = []instance.Settings{{Name: "fabrikam", URL: "https://fabrikam.example", Mode: instance.AAD, Algorithm: "ES256"}}
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	for _, header := range []string{"tenantName", "X-Forwarded-Host", "X-Original-Host", "Forwarded"} {
		_, claims := tokenOf(t, do(t, s, http.MethodGet, contoso+policyPath, "", name, value, header, "fabrikam.example"))
		if claims["iss"] != contoso {
			t.Errorf("%s: issuer %v", header, claims["iss"])
		}
	}
}

// Whoever asks and does not read fills the buffers between us, and is cut off then.
func TestWhoDoesNotReadIsCutOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.PlainHTTP = true
	f.config.Limits.Write = 200 * time.Millisecond
	s := f.server(t)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Run(ctx, listener) }()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // what is asked here is whether the other end closed it
	request := strings.Repeat("GET /certs HTTP/1.1\r\nHost: contoso.example\r\n\r\n", 200)
	if err := conn.SetWriteDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = io.WriteString(conn, request)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection of one who does not read lives on")
	}
	stop()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
