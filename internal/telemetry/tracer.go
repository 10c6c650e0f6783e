package telemetry

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// scope names who makes the spans.
const scope = "github.com/azattest/azattest"

// Tracer begins spans. Without an endpoint it does nothing, and allocates nothing.
type Tracer struct {
	names  *names
	tracer trace.Tracer // nil if spans go nowhere
}

// Span is that of a request. The zero value does nothing.
type Span struct {
	names *names
	span  trace.Span // nil for a span that is none
}

// Begin begins the span of a request. It continues the client's trace if the
// headers traceparent and tracestate name one (W3C Trace Context), and begins one
// otherwise. The context leads [Tracer.Phase] to the span.
func (t *Tracer) Begin(ctx context.Context, header http.Header) (context.Context, Span) {
	if t.tracer == nil {
		return ctx, Span{}
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(header))
	ctx, span := t.tracer.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer)) //nolint:spancheck // End of the Span that is returned ends it
	return ctx, Span{names: t.names, span: span}                                          //nolint:spancheck // see above
}

// Phase adds the span of a phase that ends now, below that of the request in the
// context; phases are those of attest.Phase.
func (t *Tracer) Phase(ctx context.Context, phase string, took time.Duration) {
	if t.tracer == nil {
		return
	}
	if parent := trace.SpanFromContext(ctx); !parent.IsRecording() {
		return
	}
	end := time.Now()
	_, span := t.tracer.Start(ctx, phases.label(phase), trace.WithTimestamp(end.Add(-took)))
	span.End(trace.WithTimestamp(end))
}

// Outcome is what a span says of its request, beside its times.
type Outcome struct {
	Request
	// Type of attestation, and Code of the error; empty if there is none.
	Type, Code string
}

// End ends the span.
func (s Span) End(o Outcome) {
	if s.span == nil {
		return
	}
	if s.span.IsRecording() {
		method, route := s.names.methods.label(o.Method), s.names.routes.label(o.Route)
		s.span.SetName(method + " " + route)
		s.span.SetAttributes(
			attribute.String("http.request.method", method),
			attribute.String("http.route", route),
			attribute.Int("http.response.status_code", o.Status),
			attribute.String("maa.instance", s.names.instance(o.Instance)),
		)
		if o.Type != "" {
			s.span.SetAttributes(attribute.String("maa.attestation_type", s.names.types.label(o.Type)))
		}
		if o.Code != "" {
			s.span.SetAttributes(attribute.String("maa.code", s.names.outcomes.label(o.Code)))
		}
		if o.Status >= http.StatusInternalServerError {
			s.span.SetStatus(codes.Error, "")
		}
	}
	s.span.End()
}
