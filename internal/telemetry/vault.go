package telemetry

import (
	"cmp"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// VaultConfig says what is measured of a vault.
type VaultConfig struct {
	// Version and Revision are of the program.
	Version, Revision string
	// Operations are all that a vault is asked for, and Codes those of errors. No
	// others come into labels.
	Operations, Codes []string
	// TLSCertificate and SigningCertificate return until when the certificates hold,
	// of the server and of what signs released keys, and false if nobody knows. They
	// are asked when the numbers are read, so they must be quick and safe for
	// concurrent use. Nil: there is none.
	TLSCertificate, SigningCertificate func() (time.Time, bool)
	// Clock is for how long they hold; nil means [time.Now].
	Clock func() time.Time
	// Log takes what goes wrong in the background; nil means that nobody wants to
	// know.
	Log *slog.Logger
}

// VaultMetrics count what happens in a vault. They are safe for concurrent use.
type VaultMetrics struct {
	operations, outcomes set
	handler              http.Handler

	inFlight    prometheus.Gauge
	requests    *prometheus.CounterVec
	durations   map[string]prometheus.Observer // by operation
	releases    *prometheus.CounterVec
	rateLimited *prometheus.CounterVec
	audit       prometheus.Counter
}

// NewVaultMetrics makes numbers of their own. It returns a *[ConfigError] if the
// configuration makes no sense.
func NewVaultMetrics(c VaultConfig) (*VaultMetrics, error) {
	if err := checkNames(map[string][]string{"Operations": c.Operations, "Codes": c.Codes}); err != nil {
		return nil, err
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	r := newRegistry("keyrelease_build_info", c.Version, c.Revision)
	operations := newSet(c.Operations...).with(Probe)
	m := &VaultMetrics{
		operations: operations, outcomes: newSet(c.Codes...).with(Released),
		handler:     r.page(c.Log),
		inFlight:    r.gauge("keyrelease_requests_in_flight", "Requests that are being served."),
		requests:    r.counters("keyrelease_requests_total", "Requests that were answered.", "operation", "status"),
		durations:   r.histograms("keyrelease_request_duration_seconds", "Time from a request's header to the end of its answer.", requestBuckets, "operation", operations.with(other)),
		releases:    r.counters("keyrelease_releases_total", "Requests for the release of a key by what came of them: released, or the code of the error.", "outcome"),
		rateLimited: r.counters("keyrelease_rate_limited_requests_total", "Requests that were refused because there were too many.", "by"),
		audit:       r.counter("keyrelease_audit_failures_total", "Requests of which the audit trail did not take the record."),
	}
	// They begin at 0, so that the first one shows as a rise.
	for outcome := range m.outcomes {
		m.releases.WithLabelValues(outcome)
	}
	for by := range vaultLimits {
		m.rateLimited.WithLabelValues(by)
	}
	for operation := range operations {
		for _, failed := range vaultFailures {
			m.requests.WithLabelValues(operation, status(failed))
		}
	}
	r.MustRegister(&certificateCollector{tls: c.TLSCertificate, signing: c.SigningCertificate, clock: c.Clock})
	return m, nil
}

// vaultFailures are the statuses of a vault that cannot do what it should.
var vaultFailures = []int{http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// Handler returns the page that Prometheus reads, as [Telemetry.Handler] does. The
// numbers tell how often keys are asked for: serve them where clients cannot read them.
func (m *VaultMetrics) Handler() http.Handler { return m.handler }

// Probe stands for an operation where somebody looks whether the server is there.
const Probe = "probe"

// VaultRequest is a request to a vault that was answered.
type VaultRequest struct {
	// Operation as in [VaultConfig.Operations], or [Probe]. Empty if it asked for
	// nothing that there is.
	Operation string
	Status    int
	Took      time.Duration
}

// RequestBegan counts a request in.
func (m *VaultMetrics) RequestBegan() { m.inFlight.Inc() }

// RequestEnded counts a request out.
func (m *VaultMetrics) RequestEnded(r VaultRequest) {
	m.inFlight.Dec()
	operation := m.operations.label(cmp.Or(r.Operation, other))
	m.requests.WithLabelValues(operation, status(r.Status)).Inc()
	m.durations[operation].Observe(r.Took.Seconds())
}

// Released is the outcome of a request by which a key was released. All others are
// codes of errors.
const Released = "released"

// ReleaseEnded counts a request for the release of a key. The outcome is [Released] or
// the code of the error.
func (m *VaultMetrics) ReleaseEnded(outcome string) {
	m.releases.WithLabelValues(m.outcomes.label(cmp.Or(outcome, other))).Inc()
}

// LimitUploads are large bodies that are received at once. A vault has places for them
// beside those of [LimitConcurrency].
const LimitUploads Limit = "uploads"

var vaultLimits = newSet(string(LimitCaller), string(LimitConcurrency), string(LimitUploads))

// RateLimited counts a request that was refused because there were too many.
func (m *VaultMetrics) RateLimited(by Limit) {
	m.rateLimited.WithLabelValues(vaultLimits.label(cmp.Or(string(by), other))).Inc()
}

// AuditFailed counts a request of which the audit trail did not take the record.
func (m *VaultMetrics) AuditFailed() { m.audit.Inc() }
