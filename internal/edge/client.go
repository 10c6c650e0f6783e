package edge

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ClientAddress returns who sent the request: the peer, or whom the proxies that
// are trusted say. What others write into X-Forwarded-For is not looked at.
func ClientAddress(r *http.Request, proxies []netip.Prefix) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if len(proxies) == 0 || !isProxy(host, proxies) {
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
		if !isProxy(host, proxies) {
			break
		}
	}
	return host
}

// IsNear reports whether the peer is this machine or one of the proxies: those to whom
// plain HTTP may be spoken.
func IsNear(r *http.Request, proxies []netip.Prefix) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		// A socket that is no network's: whoever reaches it is on this machine.
		return true
	}
	return address.Unmap().IsLoopback() || isProxy(host, proxies)
}

func isProxy(host string, proxies []netip.Prefix) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(address.Unmap()) })
}
