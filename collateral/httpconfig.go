package collateral

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Provisioning services that speak the same API. A PCCS of one's own is a
// fourth; its URL is usually https://<host>:8081.
const (
	// IntelPCS is Intel's own service, the origin of all collateral.
	IntelPCS = "https://api.trustedservices.intel.com"
	// AzureTHIM is Azure's copy (Trusted Hardware Identity Management). It holds
	// TCB info back until Azure's hosts are updated, so that it may be past its
	// nextUpdate.
	AzureTHIM = "https://global.acccache.azure.net"

	// intelRootCRL is where the distribution point in Intel's root certificate
	// leads. Intel's PCS itself does not serve the list.
	intelRootCRL = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
)

// Which of the collateral that is in force a service shall give: Intel
// publishes new TCB info early, and makes it the standard after platforms had
// time to be updated.
const (
	UpdateStandard = "standard"
	UpdateEarly    = "early"
)

// HTTPConfig configures [NewHTTP]. The zero value asks Intel. Printing it or
// logging it does not show the subscription key.
type HTTPConfig struct {
	// BaseURL of the service, with or without the path
	// /sgx/certification/v4; empty for [IntelPCS].
	BaseURL string
	// RootCRLURL is where the root CA's revocation list is fetched. If empty it
	// is Intel's distribution point for [IntelPCS], and rootcacrl of any other
	// service, or again Intel's distribution point if that service has none.
	RootCRLURL string
	// Update is [UpdateStandard] or [UpdateEarly]; empty for the service's own
	// default, which is standard.
	Update string
	// TCBEvaluationDataNumber pins the number that is fetched, 0 for the current
	// one. It excludes Update. A query for a higher number goes before it.
	TCBEvaluationDataNumber int
	// SubscriptionKey is sent to BaseURL, and only there, as
	// Ocp-Apim-Subscription-Key. No part of the collateral needs it today.
	SubscriptionKey string
	// Timeout of one request, body included; 0 for 15 seconds.
	Timeout time.Duration
	// MaxBytes bounds the body of an answer; 0 for 4 MiB, which is also the
	// most. Parts that are small have smaller bounds of their own.
	MaxBytes int64
	// Retries after a failure that may pass; 0 for 3, negative for none.
	Retries int
	// UserAgent of the requests; empty for "azattest".
	UserAgent string
	// RootCAs are the certificate authorities of TLS, for a PCCS with a
	// certificate of its own; nil for the system's.
	RootCAs *x509.CertPool
	// Transport replaces the whole transport. It excludes RootCAs.
	Transport http.RoundTripper
	// AllowHTTP allows http URLs other than to the loopback interface. What is
	// fetched is signed, so that an attacker on the path can only withhold it or
	// replace it by older collateral that is still valid.
	AllowHTTP bool
	// Clock says what the time is, to read dates in Retry-After; nil for
	// time.Now.
	Clock func() time.Time
}

const (
	defaultTimeout   = 15 * time.Second
	defaultRetries   = 3
	defaultUserAgent = "azattest"
)

// Validate reports what NewHTTP would refuse.
func (c HTTPConfig) Validate() error {
	if _, err := c.baseURL(); err != nil {
		return err
	}
	if c.RootCRLURL != "" {
		if _, err := c.parseURL("root CRL URL", c.RootCRLURL); err != nil {
			return err
		}
	}
	switch {
	case c.Update != "" && c.Update != UpdateStandard && c.Update != UpdateEarly:
		return fmt.Errorf("collateral HTTP source: update %q, want %q, %q or nothing", c.Update, UpdateStandard, UpdateEarly)
	case c.Update != "" && c.TCBEvaluationDataNumber != 0:
		return errors.New("collateral HTTP source: update and a TCB evaluation data number exclude each other, give one of them")
	case c.TCBEvaluationDataNumber < 0:
		return fmt.Errorf("collateral HTTP source: TCB evaluation data number %d, want 0 or more", c.TCBEvaluationDataNumber)
	case c.Timeout < 0:
		return fmt.Errorf("collateral HTTP source: timeout %s, want 0 or more", c.Timeout)
	case c.MaxBytes < 0:
		return fmt.Errorf("collateral HTTP source: at most %d bytes, want 0 or more", c.MaxBytes)
	case c.Transport != nil && c.RootCAs != nil:
		return errors.New("collateral HTTP source: a transport and root CAs exclude each other, give one of them")
	case strings.ContainsFunc(c.SubscriptionKey, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("collateral HTTP source: the subscription key holds characters that a header cannot, such as a line end")
	}
	return nil
}

// String shows the configuration without its secret.
func (c HTTPConfig) String() string {
	base, err := c.baseURL()
	if err != nil {
		return "collateral HTTP source (invalid)"
	}
	return "collateral HTTP source " + base
}

// GoString is String, so that %#v shows no secret either.
func (c HTTPConfig) GoString() string { return c.String() }

// LogValue logs String.
func (c HTTPConfig) LogValue() slog.Value { return slog.StringValue(c.String()) }

// baseURL returns the URL before /sgx/… and /tdx/….
func (c HTTPConfig) baseURL() (string, error) {
	if c.BaseURL == "" {
		return IntelPCS, nil
	}
	u, err := c.parseURL("base URL", c.BaseURL)
	if err != nil {
		return "", err
	}
	base := strings.TrimRight(u, "/")
	for _, tee := range []string{"/sgx", "/tdx"} {
		if before, ok := strings.CutSuffix(base, tee+apiPath); ok {
			return before, nil
		}
	}
	return base, nil
}

// parseURL checks a URL. Errors do not repeat it: it may hold a password.
func (c HTTPConfig) parseURL(what, text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", fmt.Errorf("collateral HTTP source: the %s is no URL, want one like %s", what, IntelPCS)
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http", u.Host == "", u.Opaque != "":
		return "", fmt.Errorf("collateral HTTP source: the %s has scheme %q and host %q, want one like %s", what, u.Scheme, u.Host, IntelPCS)
	case u.User != nil:
		return "", fmt.Errorf("collateral HTTP source: the %s holds a user name or password: leave it out, it would show in errors", what)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", fmt.Errorf("collateral HTTP source: the %s has a query or a fragment, want scheme, host and path alone", what)
	case u.Scheme == "http" && !c.AllowHTTP && !isLoopback(u.Hostname()):
		return "", fmt.Errorf("collateral HTTP source: the %s is http to %s: use https, or allow http explicitly", what, u.Host)
	}
	return u.String(), nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// transport returns the round tripper to use.
func (c HTTPConfig) transport() http.RoundTripper {
	if c.Transport != nil {
		return c.Transport
	}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.RootCAs},
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    len(setParts),
		IdleConnTimeout:        30 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}
