package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Issued is the outcome of an attestation that gave a token. All others are codes
// of errors.
const Issued = "Issued"

// Metrics count what happens in the attestation service. They are safe for concurrent use.
type Metrics struct {
	names *names

	inFlight    prometheus.Gauge
	requests    *prometheus.CounterVec
	durations   map[string]prometheus.Observer // by route
	phases      map[string]prometheus.Observer // by phase
	outcomes    *prometheus.CounterVec
	changes     *prometheus.CounterVec
	rateLimited *prometheus.CounterVec
	audit       prometheus.Counter
	dropped     prometheus.Counter
	failed      prometheus.Counter
	sources     *sourceCollector
}

// The upper bounds of histograms, in seconds. An attestation takes a millisecond
// or two, its phases less, and both take longer where collateral is fetched. A vault
// releases a key within some milliseconds, and makes an RSA key within seconds.
var (
	requestBuckets = []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30}
	phaseBuckets   = []float64{.00002, .00005, .0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30}
)

func newMetrics(r registry, c Config, n *names) *Metrics {
	m := &Metrics{
		names:       n,
		inFlight:    r.gauge("maa_requests_in_flight", "Requests that are being served."),
		requests:    r.counters("maa_requests_total", "Requests that were answered.", "instance", "route", "method", "status"),
		durations:   r.histograms("maa_request_duration_seconds", "Time from a request's header to the end of its answer.", requestBuckets, "route", n.routes.with(other, none)),
		phases:      r.histograms("maa_phase_duration_seconds", "Time of a phase of an attestation. The phase verify includes collateral.", phaseBuckets, "phase", phases.with(other, none)),
		outcomes:    r.counters("maa_attestations_total", "Attestations by what came of them: Issued, or the code of the error.", "instance", "type", "outcome"),
		changes:     r.counters("maa_changes_total", "Changes of policies, certificates, keys and instances.", "instance", "kind", "action", "outcome"),
		rateLimited: r.counters("maa_rate_limited_requests_total", "Requests that were refused because there were too many.", "by"),
		audit:       r.counter("maa_audit_failures_total", "Records that the audit trail did not take, each of them a refused request."),
		dropped:     r.counter("maa_trace_spans_dropped_total", "Spans that were not sent, because too many waited or nobody took them."),
		failed:      r.counter("maa_trace_export_failures_total", "Attempts to send spans that failed."),
		sources:     &sourceCollector{clock: c.Clock},
	}
	r.MustRegister(m.sources)
	return m
}

// SetInstances says which instances have numbers of their own; those of others
// are added up as "other". The numbers of instances that are gone go with them.
func (m *Metrics) SetInstances(instances []string) {
	if len(instances) > maxInstances {
		instances = instances[:maxInstances]
	}
	next := newSet(instances...)
	before := m.names.instances.Swap(&next)
	for name := range *before {
		if !next[name] {
			gone := prometheus.Labels{"instance": name}
			m.requests.DeletePartialMatch(gone)
			m.outcomes.DeletePartialMatch(gone)
			m.changes.DeletePartialMatch(gone)
		}
	}
}

// Request is a request that was answered.
type Request struct {
	// Instance it was for, empty if it was for none.
	Instance string
	// Route as in [Config.Routes], empty if there is none.
	Route  string
	Method string
	Status int
	Took   time.Duration
}

// RequestBegan counts a request in.
func (m *Metrics) RequestBegan() { m.inFlight.Inc() }

// RequestEnded counts a request out.
func (m *Metrics) RequestEnded(r Request) {
	m.inFlight.Dec()
	route := m.names.routes.label(r.Route)
	m.requests.WithLabelValues(m.names.instance(r.Instance), route, m.names.methods.label(r.Method), status(r.Status)).Inc()
	m.durations[route].Observe(r.Took.Seconds())
}

// Phase notes how long a phase of an attestation took; phases are those of
// attest.Phase.
func (m *Metrics) Phase(phase string, took time.Duration) {
	m.phases[phases.label(phase)].Observe(took.Seconds())
}

var phases = newSet("parse", "collateral", "verify", "policy", "sign")

// Attested counts an attestation. The outcome is [Issued] or the code of the error.
func (m *Metrics) Attested(instance, kind, outcome string) {
	m.outcomes.WithLabelValues(m.names.instance(instance), m.names.types.label(kind), m.names.outcomes.label(outcome)).Inc()
}

// ChangeKind is what was to be changed.
type ChangeKind string

// The kinds of changes.
const (
	ChangePolicy      ChangeKind = "policy"
	ChangeCertificate ChangeKind = "certificate"
	ChangeKey         ChangeKind = "key"
	ChangeInstance    ChangeKind = "instance"
)

// ChangeAction is what was to be done to it.
type ChangeAction string

// The actions.
const (
	ActionSet    ChangeAction = "set"
	ActionReset  ChangeAction = "reset"
	ActionAdd    ChangeAction = "add"
	ActionRemove ChangeAction = "remove"
	ActionRotate ChangeAction = "rotate"
	ActionRevoke ChangeAction = "revoke"
)

// ChangeOutcome is what came of it.
type ChangeOutcome string

// The outcomes of changes.
const (
	// ChangeDone: it was made.
	ChangeDone ChangeOutcome = "done"
	// ChangeRefused: the caller may not, or what was sent does not hold.
	ChangeRefused ChangeOutcome = "refused"
	// ChangeFailed: it could not be made, or nobody knows.
	ChangeFailed ChangeOutcome = "failed"
)

var (
	changeKinds    = newSet(string(ChangePolicy), string(ChangeCertificate), string(ChangeKey), string(ChangeInstance))
	changeActions  = newSet(string(ActionSet), string(ActionReset), string(ActionAdd), string(ActionRemove), string(ActionRotate), string(ActionRevoke))
	changeOutcomes = newSet(string(ChangeDone), string(ChangeRefused), string(ChangeFailed))
)

// Changed counts a change that was asked for.
func (m *Metrics) Changed(instance string, kind ChangeKind, action ChangeAction, outcome ChangeOutcome) {
	m.changes.WithLabelValues(m.names.instance(instance), changeKinds.label(string(kind)),
		changeActions.label(string(action)), changeOutcomes.label(string(outcome))).Inc()
}

// Limit is what there were too many of.
type Limit string

// The limits.
const (
	// LimitCaller: requests of one caller.
	LimitCaller Limit = "caller"
	// LimitInstance: requests to one instance.
	LimitInstance Limit = "instance"
	// LimitConcurrency: requests at once.
	LimitConcurrency Limit = "concurrency"
)

var limits = newSet(string(LimitCaller), string(LimitInstance), string(LimitConcurrency))

// RateLimited counts a request that was refused because there were too many.
func (m *Metrics) RateLimited(by Limit) {
	m.rateLimited.WithLabelValues(limits.label(string(by))).Inc()
}

// AuditFailed counts a record that the audit trail did not take.
func (m *Metrics) AuditFailed() { m.audit.Inc() }
