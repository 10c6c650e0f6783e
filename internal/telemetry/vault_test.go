package telemetry

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func newVaultConfig() VaultConfig {
	return VaultConfig{
		Version: "1.2.3", Revision: "abcdef",
		Operations: []string{"KeyCreate", "KeyRelease"}, Codes: []string{"AccessDenied", "Throttled"},
		Clock: func() time.Time { return at },
	}
}

func mustNewVault(tb testing.TB, c VaultConfig) *VaultMetrics {
	tb.Helper()
	m, err := NewVaultMetrics(c)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// everythingOfAVault lets each metric have a value.
func everythingOfAVault(tb testing.TB) *VaultMetrics {
	tb.Helper()
	c := newVaultConfig()
	c.TLSCertificate = func() (time.Time, bool) { return at.Add(-time.Second), true }
	c.SigningCertificate = func() (time.Time, bool) { return at.Add(time.Minute), true }
	m := mustNewVault(tb, c)
	for range 4 {
		m.RequestBegan()
	}
	m.RequestEnded(VaultRequest{Operation: "KeyRelease", Status: 200, Took: 1500 * time.Microsecond})
	m.RequestEnded(VaultRequest{Operation: Probe, Status: 503})
	m.RequestEnded(VaultRequest{Status: 404})
	m.ReleaseEnded(Released)
	m.ReleaseEnded("AccessDenied")
	m.RateLimited(LimitUploads)
	m.AuditFailed()
	return m
}

func TestNumbersOfAVaultAreShown(t *testing.T) {
	t.Parallel()
	page, _ := scrape(t, everythingOfAVault(t), "")
	wantLines(t, page,
		`keyrelease_requests_total{operation="KeyRelease",status="200"} 1`,
		`keyrelease_requests_total{operation="probe",status="503"} 1`,
		`keyrelease_requests_total{operation="other",status="404"} 1`,
		`keyrelease_request_duration_seconds_bucket{operation="KeyRelease",le="0.001"} 0`,
		`keyrelease_request_duration_seconds_bucket{operation="KeyRelease",le="0.002"} 1`,
		`keyrelease_request_duration_seconds_count{operation="KeyCreate"} 0`,
		`keyrelease_requests_in_flight 1`,
		`keyrelease_releases_total{outcome="released"} 1`,
		`keyrelease_releases_total{outcome="AccessDenied"} 1`,
		// What has not happened yet is there: a rise from nothing is none.
		`keyrelease_releases_total{outcome="Throttled"} 0`,
		`keyrelease_rate_limited_requests_total{by="caller"} 0`,
		`keyrelease_rate_limited_requests_total{by="concurrency"} 0`,
		`keyrelease_rate_limited_requests_total{by="uploads"} 1`,
		`keyrelease_audit_failures_total 1`,
		`keyrelease_tls_certificate_expiry_seconds -1`,
		`keyrelease_signing_certificate_expiry_seconds 60`,
	)
	if !strings.Contains(page, `keyrelease_build_info{go_version="go`) || !strings.Contains(page, "go_goroutines ") {
		t.Error("nothing about the program itself")
	}
	if strings.Contains(page, "maa_") {
		t.Error("numbers of an attestation service stand among those of a vault")
	}
}

func TestAVaultShowsNothingOfCertificatesThatItLacks(t *testing.T) {
	t.Parallel()
	unknown := func() (time.Time, bool) { return at, false }
	for name, change := range map[string]func(*VaultConfig){
		"none": func(*VaultConfig) {}, "unknown": func(c *VaultConfig) { c.TLSCertificate, c.SigningCertificate = unknown, unknown },
	} {
		c := newVaultConfig()
		change(&c)
		if page, _ := scrape(t, mustNewVault(t, c), ""); strings.Contains(page, "certificate") {
			t.Errorf("%s: the end of a certificate is shown", name)
		}
	}
}

// What clients send makes no new lines.
func TestUnknownNamesMakeNoNumbersOfAVault(t *testing.T) {
	t.Parallel()
	m := mustNewVault(t, newVaultConfig())
	page := ""
	for round := range 2 {
		for n := range 200 {
			evil := fmt.Sprintf("evil%d", n)
			m.RequestBegan()
			m.RequestEnded(VaultRequest{Operation: evil, Status: n * 1000})
			m.ReleaseEnded(evil)
			m.RateLimited(Limit(evil))
		}
		m.ReleaseEnded("")
		m.RateLimited("")
		before := strings.Count(page, "\nkeyrelease_")
		page, _ = scrape(t, m, "")
		if strings.Contains(page, "evil") || strings.Contains(page, none) {
			t.Error("a name that is on no list is shown")
		}
		if after := strings.Count(page, "\nkeyrelease_"); round == 1 && after != before {
			t.Errorf("%d lines, %d before", after, before)
		}
	}
}

func TestConfigurationsOfAVaultThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*VaultConfig){
		"Operations": func(c *VaultConfig) { c.Operations = make([]string, maxNames+1) },
		"Codes":      func(c *VaultConfig) { c.Codes = make([]string, maxNames+1) },
	} {
		c := newVaultConfig()
		change(&c)
		_, err := NewVaultMetrics(c)
		if e, ok := errors.AsType[*ConfigError](err); !ok || e.Field != field {
			t.Errorf("error %v, want one of %s", err, field)
		}
	}
}
