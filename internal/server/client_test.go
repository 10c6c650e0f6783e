package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestOnlyTrustedProxiesSayWhoTheClientIs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"no proxy":                          {"192.0.2.7:1", nil, "192.0.2.7"},
		"a stranger claims to be one":       {"192.0.2.7:1", []string{"203.0.113.1"}, "192.0.2.7"},
		"a proxy says so":                   {"10.0.0.1:1", []string{"203.0.113.1"}, "203.0.113.1"},
		"the client wrote the first":        {"10.0.0.1:1", []string{"198.51.100.9, 203.0.113.1"}, "203.0.113.1"},
		"two proxies":                       {"10.0.0.1:1", []string{"198.51.100.9, 203.0.113.1, 10.0.0.2"}, "203.0.113.1"},
		"two fields":                        {"10.0.0.1:1", []string{"198.51.100.9", "203.0.113.1"}, "203.0.113.1"},
		"a proxy that says nothing":         {"10.0.0.1:1", nil, "10.0.0.1"},
		"no address":                        {"10.0.0.1:1", []string{"unknown"}, "10.0.0.1"},
		"no address behind a real one":      {"10.0.0.1:1", []string{"unknown, 203.0.113.1"}, "203.0.113.1"},
		"no address before a proxy of ours": {"10.0.0.1:1", []string{"unknown, 10.0.0.2"}, "10.0.0.2"},
		"IPv4 in IPv6":                      {"[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.1"}, "203.0.113.1"},
		"all are proxies":                   {"10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.config.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
			lines := f.logged(t)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/certs", http.NoBody)
			r.RemoteAddr = tt.peer
			for _, field := range tt.forwarded {
				r.Header.Add("X-Forwarded-For", field)
			}
			f.server(t).ServeHTTP(httptest.NewRecorder(), r)
			logged := lines()
			if got := logged[len(logged)-1]["remote"]; got != tt.want {
				t.Errorf("client %v, want %s", got, tt.want)
			}
		})
	}
}

func TestPlainHTTPIsForProxiesAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.PlainHTTP = true
	f.config.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	s := f.server(t)
	for peer, status := range map[string]int{
		"127.0.0.1:1": http.StatusOK, "[::1]:1": http.StatusOK, "10.1.2.3:1": http.StatusOK, "[::ffff:10.1.2.3]:1": http.StatusOK,
		"192.0.2.1:1": http.StatusForbidden, "[2001:db8::1]:1": http.StatusForbidden, "@": http.StatusOK,
	} {
		for path, want := range map[string]int{"/certs": status, "/readyz": http.StatusOK} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
			r.RemoteAddr = peer
			r.Header.Set("X-Forwarded-For", "10.0.0.1")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s from %q: status %d, want %d", path, peer, w.Code, want)
			}
		}
	}
}
