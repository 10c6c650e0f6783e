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
}

func TestRunEndsInOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.PlainHTTP = true
	f.config.Limits.Linger = 50 * time.Millisecond
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
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); {
		// It goes on for a moment, and tells balancers.
		if got := get("/readyz"); got != http.StatusOK {
			break
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
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

// Only proxies that are trusted say who the client is.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		proxies []netip.Prefix
		peer    string
		headers []string
		want    string
	}{
		"nobody is trusted":   {nil, "192.0.2.1:1", []string{"198.51.100.1"}, "192.0.2.1"},
		"a proxy":             {[]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, "192.0.2.1:1", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		"two proxies":         {[]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, "192.0.2.1:1", []string{"203.0.113.9", "198.51.100.1, 192.0.2.7"}, "198.51.100.1"},
		"nonsense":            {[]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, "192.0.2.1:1", []string{"evil\" caller=admin"}, "192.0.2.1"},
		"not from the proxy":  {[]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, "198.51.100.7:1", []string{"203.0.113.9"}, "198.51.100.7"},
		"no address of a net": {nil, "@", nil, "@"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.config.TrustedProxies = tt.proxies
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/keys"+apiVersion, http.NoBody)
			r.RemoteAddr = tt.peer
			r.Header.Set("Authorization", f.bearer(t, auth.KeyReader))
			for _, h := range tt.headers {
				r.Header.Add("X-Forwarded-For", h)
			}
			f.server(t).ServeHTTP(httptest.NewRecorder(), r)
			if log := f.logged.String(); !strings.Contains(log, `"remote":"`+tt.want+`"`) {
				t.Errorf("log %s", log)
			}
		})
	}
}
