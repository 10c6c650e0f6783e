package vaultserver

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// probe answers those who look whether the server is there.
func (s *Server) probe(w http.ResponseWriter, r *http.Request) bool {
	ready := r.URL.Path == "/readyz"
	if r.URL.Path != "/healthz" && !ready || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	status, text := http.StatusOK, "ok\n"
	switch {
	case !ready:
	case s.isDraining.Load():
		status, text = http.StatusServiceUnavailable, "draining\n"
	case s.config.Ready != nil && !s.config.Ready(r.Context()):
		status, text = http.StatusServiceUnavailable, "the store does not answer\n"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// Whoever has gone does not hear of it.
	_, _ = w.Write([]byte(text))
	return true
}

// clientAddress returns who sent the request: the peer, or whom the proxies that are
// trusted say. What others write into X-Forwarded-For is not looked at.
func (s *Server) clientAddress(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address := peer.Addr().Unmap()
	isProxy := func() bool {
		return slices.ContainsFunc(s.config.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(address) })
	}
	// Each proxy appends whom it heard from; whatever stands before the last one that is
	// no proxy of ours was written by the client.
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil || !isProxy() {
			break
		}
		address = next.Unmap()
	}
	return address.String()
}
