package telemetry

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// exporter takes spans that ended and sends them in batches. Unlike the library's
// own it starts no goroutine, and counts what it drops.
type exporter struct {
	client  sdk.SpanExporter
	idle    func() // closes connections that nobody uses
	queue   chan sdk.ReadOnlySpan
	dropped prometheus.Counter
	failed  prometheus.Counter
	log     *slog.Logger
}

var _ sdk.SpanProcessor = (*exporter)(nil)

func newExporter(c Config, m *Metrics) (*exporter, error) {
	endpoint, err := c.Tracing.url()
	if err != nil {
		return nil, err
	}
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		transport = new(http.Transport)
	}
	transport = transport.Clone()
	headers := maps.Clone(c.Tracing.Headers)
	if headers == nil {
		// Those of the environment are not meant for whom we send to.
		headers = map[string]string{}
	}
	// It does not dial yet, so there is nothing to cancel.
	client, err := otlptracehttp.New(context.Background(),
		otlptracehttp.WithEndpointURL(endpoint),
		otlptracehttp.WithHeaders(headers),
		otlptracehttp.WithTimeout(exportTime),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: true, InitialInterval: time.Second, MaxInterval: exportTime, MaxElapsedTime: retryTime,
		}),
		otlptracehttp.WithHTTPClient(&http.Client{
			Transport: transport, Timeout: exportTime,
			// A redirect would take the headers to somebody else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}))
	if err != nil {
		return nil, fmt.Errorf("telemetry: exporter: %w", err)
	}
	return &exporter{
		client: client, idle: transport.CloseIdleConnections, queue: make(chan sdk.ReadOnlySpan, maxQueue),
		dropped: m.dropped, failed: m.failed, log: c.Log,
	}, nil
}

// provider makes spans that go to the exporter.
func (e *exporter) provider(c Config) *sdk.TracerProvider {
	ratio := sdk.TraceIDRatioBased(c.Tracing.Ratio)
	limits := sdk.NewSpanLimits()
	limits.AttributeCountLimit, limits.AttributeValueLengthLimit = maxAttributes, maxAttribute
	return sdk.NewTracerProvider(
		sdk.WithSpanProcessor(e),
		sdk.WithRawSpanLimits(limits),
		sdk.WithSampler(sdk.ParentBased(ratio, sdk.WithRemoteParentSampled(ratio))),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", cmp.Or(c.Tracing.Service, "azattest")),
			attribute.String("service.version", c.Version),
		)),
	)
}

// OnStart does nothing.
func (e *exporter) OnStart(context.Context, sdk.ReadWriteSpan) {}

// OnEnd takes a span, if there is room.
func (e *exporter) OnEnd(s sdk.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	select {
	case e.queue <- s:
	default:
		e.dropped.Inc()
	}
}

// Shutdown does nothing: run does it.
func (e *exporter) Shutdown(context.Context) error { return nil }

// ForceFlush does nothing: run does it.
func (e *exporter) ForceFlush(context.Context) error { return nil }

// run sends batches until the context ends, and then what is left.
func (e *exporter) run(ctx context.Context) {
	sending, cancel := lingering(ctx)
	defer cancel()
	tick := time.NewTicker(batchTime)
	defer tick.Stop()
	batch := make([]sdk.ReadOnlySpan, 0, maxBatch)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			batch = e.send(sending, batch)
		case s := <-e.queue:
			if batch = append(batch, s); len(batch) == maxBatch {
				batch = e.send(sending, batch)
			}
		}
	}
	for len(e.queue) > 0 {
		if batch = append(batch, <-e.queue); len(batch) == maxBatch {
			batch = e.send(sending, batch)
		}
	}
	e.send(sending, batch)
	if err := e.client.Shutdown(sending); err != nil {
		e.log.LogAttrs(sending, slog.LevelWarn, "traces: shutdown", slog.String("error", err.Error()))
	}
	e.idle()
}

// lingering returns a context that ends flushTime after ctx does.
func lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-late.Done():
		case <-time.After(flushTime):
			cancel()
		}
	})
	return late, func() { stop(); cancel() }
}

// send sends a batch, and returns it emptied. What nobody takes is dropped.
func (e *exporter) send(ctx context.Context, batch []sdk.ReadOnlySpan) []sdk.ReadOnlySpan {
	if len(batch) == 0 {
		return batch
	}
	if err := e.client.ExportSpans(ctx, batch); err != nil {
		e.failed.Inc()
		e.dropped.Add(float64(len(batch)))
		e.log.LogAttrs(ctx, slog.LevelWarn, "traces: spans were not sent",
			slog.Int("spans", len(batch)), slog.String("error", err.Error()))
	}
	clear(batch)
	return batch[:0]
}
