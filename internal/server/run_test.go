package server_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azattest/azattest/internal/server"
)

// plain returns a fixture whose server may do without TLS.
func plain(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.config.PlainHTTP = true
	return f
}

// answerOf is an answer read to its end, or why there is none.
type answerOf struct {
	status int
	text   string
	err    error
}

func (r *served) get(path string) answerOf { return r.do(http.MethodGet, path, "") }

func (r *served) attest() answerOf { return r.do(http.MethodPost, sgxPath, body) }

// do is not bound to the test's context: what ends a request here is the server.
func (r *served) do(method, path, text string) answerOf {
	request, err := http.NewRequestWithContext(context.Background(), method, "http://contoso.example"+path, strings.NewReader(text))
	if err != nil {
		return answerOf{err: err}
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := r.client.Do(request)
	if err != nil {
		return answerOf{err: err}
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	return answerOf{status: response.StatusCode, text: string(answer), err: err}
}

func TestRunServesUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, plain(t).server(t))
		if got := s.attest(); got.err != nil || got.status != http.StatusOK {
			t.Errorf("got %+v, want a token", got)
		}
		if got := s.get("/readyz"); got.status != http.StatusOK {
			t.Errorf("got %+v, want ready", got)
		}
		if err := s.stop(); err != nil {
			t.Errorf("orderly end: %v", err)
		}
		if got := s.get("/healthz"); got.err == nil {
			t.Errorf("got %+v after the end", got)
		}
	})
}

func TestRunLetsRequestsInFlightFinish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := plain(t)
		f.config.Limits.Drain, f.config.Limits.Linger = 20*time.Second, 5*time.Second
		entered := make(chan struct{})
		f.verifier.verify = func(ctx context.Context) error {
			close(entered)
			select {
			// Less than a directory that nobody runs may be out of date by.
			case <-time.After(8 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		s := serve(t, f.server(t))
		answered := make(chan answerOf, 1)
		go func() { answered <- s.attest() }()
		<-entered
		begin := time.Now()
		s.shutDown()
		synctest.Wait()
		// Balancers ask on connections of their own, and are told to go away.
		if got := s.get("/readyz"); got.status != http.StatusServiceUnavailable || got.text != `{"status":"draining"}` {
			t.Errorf("got %+v, want draining", got)
		}
		if got := s.get("/healthz"); got.status != http.StatusOK {
			t.Errorf("got %+v, want health all the same", got)
		}
		if err := s.stop(); err != nil {
			t.Errorf("orderly end: %v", err)
		}
		if got := <-answered; got.err != nil || got.status != http.StatusOK {
			t.Errorf("got %+v, want the token", got)
		}
		if took := time.Since(begin); took < 8*time.Second || took > 25*time.Second {
			t.Errorf("the end took %s, want little more than the request", took)
		}
		s.client.CloseIdleConnections()
	})
}

func TestRunCutsOffWhoDoesNotFinish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := plain(t)
		f.config.Limits.Drain, f.config.Limits.Request = 2*time.Second, time.Hour
		f.config.Limits.Write = 2 * time.Hour
		entered, left := make(chan struct{}), make(chan error, 1)
		f.verifier.verify = func(ctx context.Context) error {
			close(entered)
			<-ctx.Done()
			left <- ctx.Err()
			return ctx.Err()
		}
		s := serve(t, f.server(t))
		answered := make(chan answerOf, 1)
		go func() { answered <- s.attest() }()
		<-entered
		begin := time.Now()
		if err := s.stop(); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "cut off after 2s") {
			t.Errorf("error %v, want one that says who was cut off", err)
		}
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("the end took %s, want 2s", took)
		}
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the attestation ended with %v, want it canceled", err)
		}
		if got := <-answered; got.err == nil {
			t.Errorf("got %+v, want nothing", got)
		}
	})
}

func TestRunRefusesToServeWithoutTLS(t *testing.T) {
	t.Parallel()
	listener := newPipeListener()
	err := newFixture(t).server(t).Run(t.Context(), listener)
	if refusal, ok := errors.AsType[*server.ConfigError](err); !ok || refusal.Field != "TLS" {
		t.Errorf("error %v, want a *server.ConfigError of TLS", err)
	}
	if _, err := listener.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is still open: %v", err)
	}
}

func TestRunReportsABrokenListener(t *testing.T) {
	t.Parallel()
	listener := newPipeListener()
	_ = listener.Close()
	if err := plain(t).server(t).Run(t.Context(), listener); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v, want %v", err, net.ErrClosed)
	}
}

func TestSlowClients(t *testing.T) {
	t.Parallel()
	const head = "POST " + sgxPath + " HTTP/1.1\r\nHost: contoso.example\r\nContent-Length: 19\r\n"
	tests := map[string]struct {
		sent   string
		after  time.Duration
		status int // 0 if the connection is closed without a word
	}{
		"no header":   {"", 10 * time.Second, 0},
		"half header": {head, 10 * time.Second, 0},
		"half body":   {head + "\r\n" + body[:5], 20 * time.Second, http.StatusRequestTimeout},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, plain(t).server(t))
				c := s.connect(t)
				begin := time.Now()
				if _, err := io.WriteString(c, tt.sent); err != nil {
					t.Fatal(err)
				}
				r := bufio.NewReader(c)
				response, err := http.ReadResponse(r, nil)
				if took := time.Since(begin); took != tt.after {
					t.Errorf("ended after %s, want %s", took, tt.after)
				}
				switch {
				case tt.status == 0 && err == nil:
					t.Errorf("status %d, want the connection closed", response.StatusCode)
				case tt.status != 0 && (err != nil || response.StatusCode != tt.status || response.Header.Get("X-Ms-Error-Code") != "RequestTimeout"):
					t.Errorf("answer %v, %v, want status %d", response, err, tt.status)
				}
				if response != nil {
					_, _ = io.Copy(io.Discard, response.Body)
					_ = response.Body.Close()
				}
				_ = c.Close()
				if err := s.stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestHeaderSize(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := plain(t)
		f.config.Limits.HeaderBytes = 1 << 10
		s := serve(t, f.server(t))
		c := s.connect(t)
		// The library stops to read where it has seen too much.
		go func() {
			_, _ = fmt.Fprintf(c, "GET /certs HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", strings.Repeat("x", 8<<10))
		}()
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %d, want %d", response.StatusCode, http.StatusRequestHeaderFieldsTooLarge)
		}
		_ = c.Close()
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestRunClosesConnectionsWhenTheListenerBreaks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, plain(t).server(t))
		c := s.connect(t)
		_ = s.listener.Close()
		if err := <-s.stopped; !errors.Is(err, net.ErrClosed) {
			t.Errorf("error %v, want %v", err, net.ErrClosed)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("reading gives %v, want the connection closed", err)
		}
		s.shutDown()
	})
}

// loopbackTLS returns a certificate for 127.0.0.1 and who trusts it.
func loopbackTLS(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	donor := httptest.NewTLSServer(http.NotFoundHandler())
	defer donor.Close()
	roots := x509.NewCertPool()
	roots.AddCert(donor.Certificate())
	return donor.TLS.Certificates[0], roots
}

func TestRunSpeaksHTTP2OverTLS(t *testing.T) {
	t.Parallel()
	certificate, roots := loopbackTLS(t)
	f := newFixture(t)
	given := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}
	f.config.TLS = given
	s := f.server(t)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Run(ctx, listener) }()
	for name, tt := range map[string]struct {
		isHTTP2 bool
		major   int
	}{"HTTP/1.1": {false, 1}, "HTTP/2": {true, 2}} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, ForceAttemptHTTP2: tt.isHTTP2}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+listener.Addr().String()+sgxPath, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "contoso.example"
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || response.ProtoMajor != tt.major {
			t.Errorf("%s: %s, status %d, %s, %v", name, response.Proto, response.StatusCode, text, err)
		}
		if got := response.Header.Get("Strict-Transport-Security"); got != "max-age=31536000" {
			t.Errorf("%s: Strict-Transport-Security %q", name, got)
		}
		if got := response.Header.Values("Server"); len(got) != 1 || got[0] != "azattest" {
			t.Errorf("%s: Server %q", name, got)
		}
		transport.CloseIdleConnections()
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if len(given.NextProtos) != 0 {
		t.Errorf("the operator's TLS configuration was changed: %v", given.NextProtos)
	}
}

func TestRunRefusesOldTLS(t *testing.T) {
	t.Parallel()
	certificate, roots := loopbackTLS(t)
	f := newFixture(t)
	f.config.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	s := f.server(t)
	go func() { stopped <- s.Run(ctx, listener) }()
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}} //nolint:gosec // G402: that it fails is the point
	if c, err := dialer.DialContext(t.Context(), "tcp", listener.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("TLS 1.1 was accepted")
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
