package server

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddress returns who sent the request: the peer, or whom the proxies that
// are trusted say. What others write into X-Forwarded-For is not looked at.
func (s *Server) clientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if len(s.proxies) == 0 || !s.isProxy(host) {
		return host
	}
	// Each proxy appends whom it heard from; the last one that is no proxy of ours
	// is the client. Whatever stands before it was written by the client.
	var hops []string
	for _, field := range r.Header.Values("X-Forwarded-For") {
		hops = append(hops, strings.Split(field, ",")...)
	}
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		address, err := netip.ParseAddr(hop)
		if err != nil {
			break
		}
		host = address.Unmap().String()
		if !s.isProxy(host) {
			break
		}
	}
	return host
}

func (s *Server) isProxy(host string) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(s.proxies, func(p netip.Prefix) bool { return p.Contains(address.Unmap()) })
}
