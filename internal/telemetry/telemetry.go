// Package telemetry counts, times and traces what the service does, and counts and
// times what a vault does. It knows names, sizes and times; evidence, tokens, keys,
// policies and credentials never come here.
//
// Which function do I want? [New] makes a [Telemetry]. [Telemetry.Metrics] has one
// method for each thing that happens, and [Telemetry.Handler] shows the numbers to
// Prometheus. [Telemetry.Tracer] begins a span for each request, which does
// nothing and costs nothing unless [Tracing.Endpoint] says where spans go;
// [Telemetry.Run] sends them there. A vault has [NewVaultMetrics], and no spans.
//
// Labels hold names from lists that are given to either, and whatever stands in none
// of them becomes "other": clients cannot make the numbers grow. Each metric and
// span is in docs/telemetry.md.
package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// ConfigError says why a [Config] makes no telemetry, or a [VaultConfig] none.
type ConfigError struct {
	// Field is the field of it.
	Field string
	// Problem is what is wrong with it, and what would be right.
	Problem string
}

func (e *ConfigError) Error() string { return "telemetry: config: " + e.Field + ": " + e.Problem }

// Config says what is measured of the attestation service, and where it goes.
type Config struct {
	// Version and Revision are of the program.
	Version, Revision string
	// Routes are all that the service has, Types the kinds of attestation, and
	// Codes those of errors. No others come into labels and spans.
	Routes, Types, Codes []string
	// Tracing says where spans go.
	Tracing Tracing
	// Clock is for ages; nil means [time.Now].
	Clock func() time.Time
	// Log takes what goes wrong in the background; nil means that nobody wants to
	// know.
	Log *slog.Logger
}

func (c Config) validate() error {
	if err := checkNames(map[string][]string{"Routes": c.Routes, "Types": c.Types, "Codes": c.Codes}); err != nil {
		return err
	}
	return c.Tracing.validate()
}

// checkNames refuses lists, by fields of a Config, that are too long.
func checkNames(lists map[string][]string) error {
	for field, names := range lists {
		if len(names) > maxNames {
			return &ConfigError{field, fmt.Sprintf("%d names, want at most %d: each is a line of every scrape", len(names), maxNames)}
		}
	}
	return nil
}

// Telemetry holds the numbers and the way of the spans. It is safe for concurrent
// use.
type Telemetry struct {
	metrics  *Metrics
	tracer   *Tracer
	exporter *exporter // nil if spans go nowhere
	handler  http.Handler
}

// New makes telemetry with numbers of its own. It returns a *[ConfigError] if the
// configuration makes no sense.
func New(c Config) (*Telemetry, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	numbers := newRegistry("maa_build_info", c.Version, c.Revision)
	names := newNames(c)
	t := &Telemetry{metrics: newMetrics(numbers, c, names), tracer: &Tracer{names: names}, handler: numbers.page(c.Log)}
	if c.Tracing.Endpoint == "" {
		return t, nil
	}
	e, err := newExporter(c, t.metrics)
	if err != nil {
		return nil, err
	}
	t.exporter = e
	t.tracer.tracer = e.provider(c).Tracer(scope)
	return t, nil
}

// Metrics returns the numbers.
func (t *Telemetry) Metrics() *Metrics { return t.metrics }

// Tracer returns what begins spans.
func (t *Telemetry) Tracer() *Tracer { return t.tracer }

// Handler returns the page that Prometheus reads, as OpenMetrics or in its older
// text format. The numbers tell who attests how often: serve them where clients
// cannot read them.
func (t *Telemetry) Handler() http.Handler { return t.handler }

// Run sends spans until the context ends, and then has some seconds for those
// that wait. End it after the server, whose last requests have spans too. It
// returns nil.
func (t *Telemetry) Run(ctx context.Context) error {
	if t.exporter == nil {
		<-ctx.Done()
		return nil
	}
	t.exporter.run(ctx)
	return nil
}
