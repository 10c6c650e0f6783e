package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// certificateCollector makes metrics of how long the certificates of a vault hold.
type certificateCollector struct {
	tls, signing func() (time.Time, bool)
	clock        func() time.Time
}

var _ prometheus.Collector = (*certificateCollector)(nil)

var (
	vaultTLSDesc = prometheus.NewDesc("keyrelease_tls_certificate_expiry_seconds",
		"Time until the server's TLS certificate expires, negative once it has.", nil, nil)
	vaultSigningDesc = prometheus.NewDesc("keyrelease_signing_certificate_expiry_seconds",
		"Time until the certificate that signs released keys expires, negative once it has.", nil, nil)
)

// Describe names the metrics.
func (c *certificateCollector) Describe(to chan<- *prometheus.Desc) {
	to <- vaultTLSDesc
	to <- vaultSigningDesc
}

// Collect asks for the certificates of the moment.
func (c *certificateCollector) Collect(to chan<- prometheus.Metric) {
	now := c.clock()
	until(to, vaultTLSDesc, now, c.tls)
	until(to, vaultSigningDesc, now, c.signing)
}
