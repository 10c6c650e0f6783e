package auth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// metadataPath is where issuers describe themselves (OpenID Connect Discovery,
// section 4).
const metadataPath = "/.well-known/openid-configuration"

// publisher is an issuer that publishes its keys.
type publisher struct {
	issuer   string
	metadata string
	tenantID string
	client   *http.Client
}

// fetch asks for the keys: first where they are, then for themselves. Both are
// asked for each time, so that an issuer may move its keys.
func (p *publisher) fetch(ctx context.Context) (keySet, error) {
	raw, err := p.get(ctx, p.metadata)
	if err != nil {
		return nil, err
	}
	o, err := parseObject(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.metadata, err)
	}
	// Else whoever can answer at one URL could speak for another.
	if issuer, _ := o.text("issuer"); issuer != p.issuer {
		return nil, fmt.Errorf("%s: describes the issuer %q, want %q, to the letter", p.metadata, visible(issuer), p.issuer)
	}
	location, _ := o.text("jwks_uri")
	if err := checkURL(location, strings.HasPrefix(p.metadata, "http:")); err != nil {
		return nil, fmt.Errorf("%s: jwks_uri: %w", p.metadata, err)
	}
	if raw, err = p.get(ctx, location); err != nil {
		return nil, err
	}
	set, err := parseKeySet(raw, p.tenantID)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", location, err)
	}
	return set, nil
}

// get fetches one document.
func (p *publisher) get(ctx context.Context, location string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, location, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	res, err := p.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d, want 200", location, res.StatusCode)
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", location, err)
	}
	if len(raw) > maxDocument {
		return nil, fmt.Errorf("%s: more than %d bytes", location, maxDocument)
	}
	return raw, nil
}

// checkURL accepts https, and http to this machine if that is allowed.
func checkURL(raw string, allowsLoopback bool) error {
	if raw == "" {
		return errors.New("missing, want a URL")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.User != nil:
		return errors.New("a URL with a user name or a password, want none")
	case u.Host == "" || u.Hostname() == "":
		return fmt.Errorf("%q has no host", visible(raw))
	case u.Fragment != "" || strings.HasSuffix(raw, "#"):
		return fmt.Errorf("%q has a fragment, want none", visible(raw))
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && allowsLoopback && isLoopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%q is not https", visible(raw))
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// newTransport reaches issuers. It takes only certificates under roots, or the
// system's if there are none.
func newTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: fetchTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    fetchTimeout,
		ResponseHeaderTimeout:  fetchTimeout,
		MaxResponseHeaderBytes: maxDocument,
		MaxIdleConns:           1,
		IdleConnTimeout:        time.Minute,
		ForceAttemptHTTP2:      true,
	}
}

// clientOf makes a client that follows nobody elsewhere and keeps no cookies.
func clientOf(base *http.Client) *http.Client {
	return &http.Client{
		Transport:     base.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
