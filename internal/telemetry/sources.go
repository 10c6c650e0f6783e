package telemetry

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sources are asked when the numbers are read. Each may be nil; they must be quick
// and safe for concurrent use.
type Sources struct {
	// StoreStaleness returns how long it is since this process was certain to know
	// the newest state of the store.
	StoreStaleness func() time.Duration
	// SigningKeys returns the keys that sign now, one for each algorithm.
	SigningKeys func() []SigningKey
	// Collateral returns until when all collateral in use holds, and false
	// if there is none.
	Collateral func() (time.Time, bool)
	// TLSCertificate returns until when the server's certificate holds, and false
	// if it has none.
	TLSCertificate func() (time.Time, bool)
	// EnrollmentAuthority returns until when TPMs can be enrolled, and false if none
	// are.
	EnrollmentAuthority func() (time.Time, bool)
}

// SigningKey is a key that signs tokens.
type SigningKey struct {
	// Algorithm as in a token's header.
	Algorithm string
	// Created is when it was made, Expires when it signs no more; zero as long as no
	// other one is to follow.
	Created, Expires time.Time
}

// SetSources says whom to ask. It replaces what was set before.
func (m *Metrics) SetSources(s Sources) { m.sources.current.Store(&s) }

// sourceCollector makes metrics of what the sources say.
type sourceCollector struct {
	clock   func() time.Time
	current atomic.Pointer[Sources]
}

var _ prometheus.Collector = (*sourceCollector)(nil)

var (
	stalenessDesc = prometheus.NewDesc("maa_store_staleness_seconds",
		"Time since this process was certain to know the newest state of the store.", nil, nil)
	keyAgeDesc = prometheus.NewDesc("maa_signing_key_age_seconds",
		"Age of the key that signs tokens.", []string{"algorithm"}, nil)
	keyExpiryDesc = prometheus.NewDesc("maa_signing_key_expiry_seconds",
		"Time until the key that signs tokens expires, negative once it has.", []string{"algorithm"}, nil)
	collateralDesc = prometheus.NewDesc("maa_collateral_expiry_seconds",
		"Time until the first collateral in use expires, negative once it has.", nil, nil)
	certificateDesc = prometheus.NewDesc("maa_tls_certificate_expiry_seconds",
		"Time until the server's TLS certificate expires, negative once it has.", nil, nil)
	authorityDesc = prometheus.NewDesc("maa_enrollment_authority_expiry_seconds",
		"Time until the authority that enrolls TPMs expires, negative once it has.", nil, nil)
)

// Describe names the metrics.
func (c *sourceCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{stalenessDesc, keyAgeDesc, keyExpiryDesc, collateralDesc, certificateDesc, authorityDesc} {
		to <- d
	}
}

// algorithms are those that keys can have.
var algorithms = newSet("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")

// Collect asks the sources.
func (c *sourceCollector) Collect(to chan<- prometheus.Metric) {
	s := c.current.Load()
	if s == nil {
		return
	}
	now := c.clock()
	gauge := func(d *prometheus.Desc, value time.Duration, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value.Seconds(), labels...)
	}
	if s.StoreStaleness != nil {
		gauge(stalenessDesc, s.StoreStaleness())
	}
	if s.SigningKeys != nil {
		seen := make(map[string]bool)
		for _, k := range s.SigningKeys() {
			// Two with one label would spoil the whole page.
			if label := algorithms.label(k.Algorithm); !seen[label] {
				seen[label] = true
				gauge(keyAgeDesc, now.Sub(k.Created), label)
				if !k.Expires.IsZero() {
					gauge(keyExpiryDesc, k.Expires.Sub(now), label)
				}
			}
		}
	}
	until(to, collateralDesc, now, s.Collateral)
	until(to, certificateDesc, now, s.TLSCertificate)
	until(to, authorityDesc, now, s.EnrollmentAuthority)
}

// until tells how long it is until something ends, and nothing if there is no end.
func until(to chan<- prometheus.Metric, d *prometheus.Desc, now time.Time, end func() (time.Time, bool)) {
	if end == nil {
		return
	}
	if ends, ok := end(); ok {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, ends.Sub(now).Seconds())
	}
}
