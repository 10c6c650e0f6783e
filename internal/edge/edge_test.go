package edge_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/edge"
)

// Only proxies that are trusted say who the client is.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	ours := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	for name, tt := range map[string]struct {
		proxies []netip.Prefix
		peer    string
		headers []string
		want    string
	}{
		"nobody is trusted":   {nil, "192.0.2.1:1", []string{"198.51.100.1"}, "192.0.2.1"},
		"a proxy":             {ours, "192.0.2.1:1", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		"two proxies":         {ours, "192.0.2.1:1", []string{"203.0.113.9", "198.51.100.1, 192.0.2.7"}, "198.51.100.1"},
		"nonsense":            {ours, "192.0.2.1:1", []string{"evil\" caller=admin"}, "192.0.2.1"},
		"not from the proxy":  {ours, "198.51.100.7:1", []string{"203.0.113.9"}, "198.51.100.7"},
		"no address of a net": {nil, "@", nil, "@"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = tt.peer
		for _, h := range tt.headers {
			r.Header.Add("X-Forwarded-For", h)
		}
		if got := edge.ClientAddress(r, tt.proxies); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestIsNear(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for peer, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "10.1.2.3:1": true, "[::ffff:10.1.2.3]:1": true, "@": true, "192.0.2.1:1": false, "[2001:db8::1]:1": false} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = peer
		if got := edge.IsNear(r, proxies); got != want {
			t.Errorf("%s: %t", peer, got)
		}
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	const theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	if got := edge.RequestID(theirs); got != theirs {
		t.Errorf("%s, want the client's", got)
	}
	for _, bad := range []string{"", "00", strings.Replace(theirs, "0af7", "0AF7", 1), "00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01", theirs + "x"} {
		if got := edge.RequestID(bad); got == bad || len(got) != len(theirs) || edge.RequestID(got) != got {
			t.Errorf("%q becomes %s", bad, got)
		}
	}
}

func TestIsToken(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"a-1": true, strings.Repeat("a", edge.MaxEchoedID): true, "": false, "a b": false, "ü": false, "a\n": false, strings.Repeat("a", edge.MaxEchoedID+1): false} {
		if got := edge.IsToken(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
