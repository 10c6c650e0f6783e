package token

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// checkURL accepts exactly the texts that [NewIssuer] describes. Clients
// compare issuers as strings, so only one spelling of a URL is allowed.
func checkURL(raw string) error {
	refuse := func(problem string) error { return &URLError{URL: raw, Problem: problem} }
	if raw == "" {
		return &URLError{Problem: "empty, want an https URL"}
	}
	if len(raw) > maxURLLength {
		return &URLError{Problem: strconv.Itoa(len(raw)) + " bytes, want at most " + strconv.Itoa(maxURLLength)}
	}
	if strings.ContainsRune(raw, '@') {
		return &URLError{Problem: "names a user, want host, port and path only"}
	}
	u, err := url.Parse(raw)
	if err != nil {
		return refuse("not a URL, want https://host")
	}
	if strings.ContainsAny(raw, "?#") {
		return refuse("has a query or a fragment, want none")
	}
	if strings.HasSuffix(raw, "/") {
		return refuse("ends in a slash, want none")
	}
	switch {
	case u.Scheme == "http" && isLoopback(u.Hostname()):
	case u.Scheme == "http":
		return refuse("uses http, want https: plain http is for localhost only")
	case u.Scheme != "https":
		return refuse("want the scheme https")
	}
	if !isHost(u) {
		return refuse("want a host name or address in lower case, and a port from 1 to 65535 if any")
	}
	if !isPath(u.Path) {
		return refuse("want a path of letters, digits and -._~ in segments that are not empty, . or ..")
	}
	if raw != u.Scheme+"://"+u.Host+u.Path {
		return refuse("not in its plain form " + u.Scheme + "://" + u.Host + u.Path)
	}
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

func isHost(u *url.URL) bool {
	host := u.Hostname()
	if strings.HasPrefix(u.Host, "[") {
		addr, err := netip.ParseAddr(host)
		if err != nil || !addr.Is6() || addr.Zone() != "" || addr.String() != host {
			return false
		}
		host = "[" + host + "]"
	} else if host == "" || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
		return false
	}
	if u.Host == host {
		return true
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0 && u.Host == host+":"+strconv.FormatUint(port, 10)
}

func isPath(path string) bool {
	if path == "" {
		return true
	}
	segments := strings.Split(path, "/")
	for _, s := range segments[1:] {
		if s == "" || s == "." || s == ".." {
			return false
		}
		for _, c := range []byte(s) {
			isLetter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
			isDigit := c >= '0' && c <= '9'
			if !isLetter && !isDigit && strings.IndexByte("-._~", c) < 0 {
				return false
			}
		}
	}
	return segments[0] == ""
}

// CheckURL returns a *[URLError] for a text that [NewIssuer] would refuse as the
// URL of an instance.
func CheckURL(url string) error { return checkURL(url) }
