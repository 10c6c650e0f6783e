package telemetry

import (
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Tracing says where spans go. The zero value means nowhere.
type Tracing struct {
	// Endpoint is the URL of a collector that speaks OTLP over HTTP, such as
	// "https://collector.example:4318"; the path is /v1/traces unless it has one.
	// Plain http is for collectors that need no Headers, or that are on this
	// machine.
	Endpoint string
	// Headers go with each batch. Their values are secrets, and are never shown.
	Headers map[string]string
	// Ratio is the part of the traces that is recorded, from 0 to 1. Traces that
	// the client does not record are not recorded here either, and the client's
	// word that it does is not taken: anybody could say so.
	Ratio float64
	// Service is the name that the spans are kept under; "azattest" if it is empty.
	Service string
}

func (t Tracing) validate() error {
	if t.Endpoint == "" {
		if len(t.Headers) > 0 {
			return &ConfigError{"Tracing.Headers", "set without an endpoint, want both or none"}
		}
		return nil
	}
	u, err := url.Parse(t.Endpoint)
	switch {
	case err != nil:
		// The error holds the URL, and that perhaps a password.
		return &ConfigError{"Tracing.Endpoint", "no URL, want one like https://collector.example:4318"}
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return &ConfigError{"Tracing.Endpoint", "want a URL like https://collector.example:4318"}
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return &ConfigError{"Tracing.Endpoint", "has a user, a query or a fragment, want none; secrets go into Headers"}
	case u.Scheme == "http" && len(t.Headers) > 0 && !isLoopback(u.Hostname()):
		return &ConfigError{"Tracing.Endpoint", "would send Headers in the clear, want https"}
	case math.IsNaN(t.Ratio) || t.Ratio < 0 || t.Ratio > 1:
		return &ConfigError{"Tracing.Ratio", fmt.Sprintf("%g, want a number from 0 to 1", t.Ratio)}
	}
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// url returns the endpoint with its path.
func (t Tracing) url() (string, error) {
	u, err := url.Parse(t.Endpoint)
	if err != nil {
		return "", &ConfigError{"Tracing.Endpoint", "no URL"}
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/v1/traces"
	}
	return u.String(), nil
}

// String shows the names of headers, and none of their values.
func (t Tracing) String() string {
	names := make([]string, 0, len(t.Headers))
	for name := range t.Headers {
		names = append(names, name)
	}
	slices.Sort(names)
	return fmt.Sprintf("endpoint %q, headers %q, ratio %g, service %q", t.Endpoint, names, t.Ratio, t.Service)
}

// GoString does so too.
func (t Tracing) GoString() string { return t.String() }

// LogValue does so too.
func (t Tracing) LogValue() slog.Value { return slog.StringValue(t.String()) }
