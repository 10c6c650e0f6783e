package server_test

import (
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/server"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	certificate := []tls.Certificate{{}}
	tests := map[string]struct {
		spoil func(c *server.Config)
		field string
	}{
		"no instances":           {func(c *server.Config) { c.Instances = nil }, "Instances"},
		"no log":                 {func(c *server.Config) { c.Log = nil }, "Log"},
		"version with a line":    {func(c *server.Config) { c.Version = "1\r\nX: y" }, "Version"},
		"version without end":    {func(c *server.Config) { c.Version = strings.Repeat("1", 200) }, "Version"},
		"terse and explaining":   {func(c *server.Config) { c.TerseErrors, c.ExplainDenials = true, true }, "ExplainDenials"},
		"TLS and plain HTTP":     {func(c *server.Config) { c.TLS = &tls.Config{Certificates: certificate}; c.PlainHTTP = true }, "PlainHTTP"},
		"TLS 1.1":                {func(c *server.Config) { c.TLS = &tls.Config{Certificates: certificate, MinVersion: tls.VersionTLS11} }, "TLS"}, //nolint:gosec // G402: refused, which is the point
		"TLS without any key":    {func(c *server.Config) { c.TLS = &tls.Config{MinVersion: tls.VersionTLS12} }, "TLS"},
		"body below nothing":     {func(c *server.Config) { c.Limits.BodyBytes = -1 }, "Limits.BodyBytes"},
		"places below nothing":   {func(c *server.Config) { c.Limits.Concurrent = -1 }, "Limits.Concurrent"},
		"time-out below nothing": {func(c *server.Config) { c.Limits.Drain = -time.Second }, "Limits.Drain"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newFixture(t).complete(t)
			tt.spoil(&c)
			s, err := server.New(c)
			refusal, ok := errors.AsType[*server.ConfigError](err)
			if !ok || s != nil {
				t.Fatalf("%v, %v, want a *server.ConfigError", s, err)
			}
			if refusal.Field != tt.field || !strings.Contains(err.Error(), tt.field) || !strings.Contains(err.Error(), "want") {
				t.Errorf("error %q of field %s, want one of %s that says what to do", err, refusal.Field, tt.field)
			}
		})
	}
}

func TestNewAccepts(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(c *server.Config){
		"the least":  func(*server.Config) {},
		"plain HTTP": func(c *server.Config) { c.PlainHTTP = true },
		"TLS 1.3 alone": func(c *server.Config) {
			c.TLS = &tls.Config{Certificates: []tls.Certificate{{}}, MinVersion: tls.VersionTLS13}
		},
		"Go's own minimum": func(c *server.Config) { c.TLS = &tls.Config{Certificates: []tls.Certificate{{}}} },
		"certificates anew": func(c *server.Config) {
			c.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }}
		}, //nolint:nilnil // never asked
	} {
		c := newFixture(t).complete(t)
		change(&c)
		if _, err := server.New(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
