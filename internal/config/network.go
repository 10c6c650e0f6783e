package config

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// network checks where the service listens and what it does there.
func (k *checker) network() {
	host, ok := k.address("listen", k.Listen)
	if k.DataDir == "" {
		k.fault("dataDir", "empty, want a folder")
	}
	t := k.TLS
	k.oneOf("tls.minVersion", t.MinVersion, "1.2", "1.3")
	k.networks()
	if !k.BehindProxy {
		for path, name := range map[string]string{"tls.certificateFile": t.CertificateFile, "tls.keyFile": t.KeyFile} {
			if name == "" && !k.isDevelopment {
				k.fault(path, "missing, want a PEM file (or behindProxy: true)")
			}
		}
		return
	}
	for path, name := range map[string]string{"tls.certificateFile": t.CertificateFile, "tls.keyFile": t.KeyFile, "tls.clientCAFile": t.ClientCAFile} {
		if name != "" {
			k.fault(path, "contradicts behindProxy, where the proxy does TLS")
		}
	}
	if ok && !isLoopback(host) && len(k.TrustedProxies) == 0 {
		k.fault("behindProxy", "plain HTTP on %s without trustedProxies, want listen on loopback, or the networks of the proxies", k.Listen)
	}
}

// networks checks the networks whose headers are believed.
func (k *checker) networks() {
	for i, text := range k.TrustedProxies {
		path := at("trustedProxies", i)
		prefix, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			k.fault(path, "%s, want a network such as 10.0.0.0/8, or one address as 10.0.0.1/32", quoted(text))
		case prefix.Masked() != prefix:
			k.fault(path, "%s, want %s: the bits beyond the mask are not zero", quoted(text), prefix.Masked())
		case prefix.Bits() == 0:
			k.fault(path, "%s is everybody, and anybody could then say who the caller is", quoted(text))
		}
	}
	k.isUnique("trustedProxies", k.TrustedProxies)
}

// address demands host:port, the host empty or an address or localhost. It
// returns the host, and whether it is one.
func (k *checker) address(path, text string) (string, bool) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		k.fault(path, "%s, want host:port such as 127.0.0.1:8443", quoted(text))
		return "", false
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		k.fault(path, "%s, want a port from 0 to 65535", quoted(text))
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && !isHostName(host) {
		k.fault(path, "%s, want an address or a name before the port", quoted(text))
		return "", false
	}
	return host, true
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// isHostName says that a text is a name as clients spell it: in lower case.
func isHostName(text string) bool {
	if len(text) == 0 || len(text) > 253 {
		return false
	}
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

// urlRules say which URLs a key takes.
type urlRules struct {
	schemes []string
	// isExact demands the one spelling that clients compare: nothing to unescape,
	// no slash at the end.
	isExact bool
}

// url demands a URL, and returns it, nil if it is none. What stands before @ may be
// a password, and after ? a key, so such URLs are not repeated.
func (k *checker) url(path, text string, rules urlRules) *url.URL {
	if text == "" {
		k.fault(path, "missing, want a URL")
		return nil
	}
	if strings.ContainsAny(text, "@?#") {
		k.fault(path, "holds @, ? or #, want scheme, host, port and path alone")
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		k.fault(path, "%s, want %s://host", quoted(text), rules.schemes[0])
		return nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case !slices.Contains(rules.schemes, u.Scheme):
		k.fault(path, "%s, want the scheme %s", quoted(text), listed(rules.schemes))
	case u.Port() != "" && (err != nil || port == 0), strings.HasSuffix(u.Host, ":"):
		k.fault(path, "%s, want a port from 1 to 65535", quoted(text))
	case !isURLHost(u):
		k.fault(path, "%s, want a host name in lower case, or an address", quoted(text))
	case rules.isExact && strings.HasSuffix(text, "/"):
		k.fault(path, "%s, want no slash at the end", quoted(text))
	case rules.isExact && !isExactPath(u.Path), rules.isExact && text != u.Scheme+"://"+u.Host+u.Path:
		k.fault(path, "%s, want a path of letters, digits and -._~ in segments that are not empty, . or ..", quoted(text))
	default:
		return u
	}
	return nil
}

func isURLHost(u *url.URL) bool {
	addr, err := netip.ParseAddr(u.Hostname())
	if strings.HasPrefix(u.Host, "[") {
		return err == nil && addr.Is6() && addr.Zone() == "" && addr.String() == u.Hostname()
	}
	return err == nil && addr.Is4() || isHostName(u.Hostname())
}

// isExactPath says that a path is spelt in the one way that needs no escapes.
func isExactPath(path string) bool {
	if path == "" {
		return true
	}
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if segment == "" || segment == "." || segment == ".." || strings.ContainsFunc(segment, func(r rune) bool {
			isLetter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
			return !isLetter && (r < '0' || r > '9') && !strings.ContainsRune("-._~", r)
		}) {
			return false
		}
	}
	return true
}
