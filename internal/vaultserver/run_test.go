package vaultserver_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/vaultserver"
)

func TestProbes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	answers := true
	f.config.Ready = func(context.Context) bool { return answers }
	s := f.server(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		if w := f.do(t, s, "", http.MethodGet, path, nil); w.Code != http.StatusOK || w.Body.String() != "ok\n" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	answers = false
	if w := f.do(t, s, "", http.MethodGet, "/readyz", nil); w.Code != http.StatusServiceUnavailable {
		t.Errorf("ready without a store: %d", w.Code)
	}
	if w := f.do(t, s, "", http.MethodGet, "/healthz", nil); w.Code != http.StatusOK {
		t.Errorf("not healthy without a store: %d", w.Code)
	}
	answers = true
	if err := f.config.Audit.Close(); err != nil {
		t.Fatal(err)
	}
	// Nothing is released by a server that cannot write it down: balancers ask others.
	if w := f.do(t, s, "", http.MethodGet, "/readyz", nil); w.Code != http.StatusServiceUnavailable || w.Body.String() != "the audit trail cannot be written\n" {
		t.Errorf("ready without a trail: %d %s", w.Code, w.Body)
	}
	if log := f.logged.String(); strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("a probe wakes somebody: %s", log)
	}
}

func TestRunEndsInOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.PlainHTTP = true
	f.config.Limits.Linger = 500 * time.Millisecond
	s := f.server(t)
	listener := must[net.Listener](t)(new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0"))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, listener) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) int {
		r := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+path, http.NoBody))
		response, err := client.Do(r)
		if err != nil {
			return 0
		}
		defer func() { _ = response.Body.Close() }()
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Error(err)
		}
		return response.StatusCode
	}
	if got := get("/readyz"); got != http.StatusOK {
		t.Errorf("ready: %d", got)
	}
	stop()
	// It goes on for a moment, and tells balancers.
	drained, served := 0, 0
	for {
		ready := get("/readyz")
		if ready == 0 {
			break
		}
		if ready == http.StatusServiceUnavailable {
			drained++
			if get("/healthz") == http.StatusOK {
				served++
			}
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if drained == 0 || served == 0 {
		t.Errorf("%d times not ready, and then %d times served, want some of both", drained, served)
	}
}

func TestRunWantsACertificate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	listener := must[net.Listener](t)(new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0"))
	if e, ok := errors.AsType[*vaultserver.ConfigError](s.Run(t.Context(), listener)); !ok || e.Field != "TLS" {
		t.Errorf("got %v", e)
	}
}

// Behind a proxy that does TLS, nobody else speaks plain HTTP.
func TestPlainHTTPIsForProxiesAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.PlainHTTP = true
	f.config.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	s := f.server(t)
	for peer, want := range map[string]int{"127.0.0.1:1": http.StatusOK, "10.1.2.3:1": http.StatusOK, "@": http.StatusOK, "192.0.2.1:1": http.StatusForbidden, "[2001:db8::1]:1": http.StatusForbidden} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/keys"+apiVersion, http.NoBody)
		r.RemoteAddr = peer
		r.Header.Set("Authorization", f.bearer(t, auth.KeyReader))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: status %d, want %d: %s", peer, w.Code, want, w.Body)
		}
	}
}
