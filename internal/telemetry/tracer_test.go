package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"
	collected "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	wire "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector takes spans as a real one does.
type collector struct {
	*httptest.Server
	status atomic.Int32

	mu     sync.Mutex
	spans  []*wire.Span
	header http.Header
	path   string
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := new(collector)
	c.status.Store(http.StatusOK)
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var sent collected.ExportTraceServiceRequest
		if err := proto.Unmarshal(raw, &sent); err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.header, c.path = r.Header, r.URL.Path
		if status := int(c.status.Load()); status != http.StatusOK {
			w.Header().Set("Location", c.URL+"/elsewhere")
			w.WriteHeader(status)
			return
		}
		for _, resource := range sent.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				c.spans = append(c.spans, scope.GetSpans()...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) taken() []*wire.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// traced is telemetry that sends to the collector, and the function that ends it.
func traced(t *testing.T, c *collector, ratio float64, change ...func(*Config)) (*Telemetry, func()) {
	t.Helper()
	config := newConfig()
	config.Tracing = Tracing{Endpoint: c.URL, Headers: map[string]string{"api-key": "hunter2"}, Ratio: ratio}
	for _, f := range change {
		f(&config)
	}
	from := mustNew(t, config)
	from.Metrics().SetInstances([]string{"contoso"})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = from.Run(ctx) })
	return from, func() { stop(); running.Wait() }
}

func header(traceparent string) http.Header {
	h := http.Header{}
	if traceparent != "" {
		h.Set("traceparent", traceparent)
		h.Set("tracestate", "vendor=1")
	}
	return h
}

const (
	traceID  = "4bf92f3577b34da6a3ce929d0e0e4736"
	parentID = "00f067aa0ba902b7"
)

// request plays the server.
func request(t *testing.T, from *Telemetry, traceparent string, o Outcome) {
	t.Helper()
	ctx, span := from.Tracer().Begin(t.Context(), header(traceparent))
	for _, phase := range []string{"parse", "collateral", "verify", "policy", "sign"} {
		from.Tracer().Phase(ctx, phase, time.Millisecond)
	}
	span.End(o)
}

func TestSpansContinueTheClientsTrace(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	from, stop := traced(t, c, 1)
	request(t, from, "00-"+traceID+"-"+parentID+"-01", Outcome{
		Request: Request{Instance: "contoso", Route: "/attest/sgxenclave", Method: "POST", Status: 500}, Type: "SgxEnclave", Code: "InvalidParameter",
	})
	stop()
	spans := c.taken()
	if len(spans) != 6 {
		t.Fatalf("%d spans, want one for the request and five for its phases", len(spans))
	}
	root := spans[len(spans)-1]
	for i, s := range spans {
		parent := root.GetSpanId()
		if i == len(spans)-1 {
			parent = []byte("\x00\xf0\x67\xaa\x0b\xa9\x02\xb7")
		}
		if fmt.Sprintf("%x", s.GetTraceId()) != traceID || !slices.Equal(s.GetParentSpanId(), parent) || s.GetTraceState() != "vendor=1" {
			t.Errorf("%s: trace %x, parent %x, state %q", s.GetName(), s.GetTraceId(), s.GetParentSpanId(), s.GetTraceState())
		}
		if took := time.Duration(s.GetEndTimeUnixNano() - s.GetStartTimeUnixNano()); parent != nil && s != root && took != time.Millisecond {
			t.Errorf("%s took %s, want 1ms", s.GetName(), took)
		}
	}
	if root.GetStatus().GetCode() != wire.Status_STATUS_CODE_ERROR || root.GetKind() != wire.Span_SPAN_KIND_SERVER {
		t.Errorf("status %v, kind %v", root.GetStatus(), root.GetKind())
	}
	if c.path != "/v1/traces" || c.header.Get("api-key") != "hunter2" {
		t.Errorf("sent to %s with headers %v", c.path, c.header)
	}
}

// The list of spans is complete, and so are their attributes.
func TestEverySpanIsDocumented(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	from, stop := traced(t, c, 1)
	request(t, from, "", Outcome{
		Request: Request{Instance: "contoso", Route: "/attest/sgxenclave", Method: "POST", Status: 400}, Type: "SgxEnclave", Code: "InvalidParameter",
	})
	stop()
	var phases, attributes []string
	for _, s := range c.taken() {
		if s.GetKind() == wire.Span_SPAN_KIND_INTERNAL {
			phases = append(phases, s.GetName())
			if len(s.GetAttributes()) > 0 {
				t.Errorf("%s has attributes", s.GetName())
			}
			continue
		}
		if s.GetName() != "POST /attest/sgxenclave" {
			t.Errorf("a request is called %s", s.GetName())
		}
		for _, a := range s.GetAttributes() {
			attributes = append(attributes, a.GetKey())
		}
	}
	slices.Sort(attributes)
	want := []string{"METHOD ROUTE such as POST /attest/sgxenclave server " + strings.Join(attributes, " ")}
	if diff := cmp.Diff(want, documented(t, "METHOD")); diff != "" {
		t.Errorf("docs/telemetry.md (-sent +documented):\n%s", diff)
	}
	if diff := cmp.Diff([]string{strings.Join(phases, " ") + " internal "}, documented(t, "parse")); diff != "" {
		t.Errorf("docs/telemetry.md (-sent +documented):\n%s", diff)
	}
}

func TestSpansHoldNoNamesOfClients(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	from, stop := traced(t, c, 1)
	request(t, from, "", Outcome{Request: Request{Instance: "evil", Route: "/evil", Method: "EVIL", Status: 404}, Type: "evil", Code: "evil"})
	ctx, span := from.Tracer().Begin(t.Context(), nil)
	from.Tracer().Phase(ctx, "evil", 0)
	span.End(Outcome{})
	stop()
	spans := c.taken()
	if text := fmt.Sprint(spans); strings.Contains(strings.ToLower(text), "evil") || len(spans) != 8 {
		t.Errorf("%d spans: %s", len(spans), text)
	}
}

// What is recorded is for us to say, except that nobody is recorded who does not
// want to be.
func TestRatioDecidesWhatIsRecorded(t *testing.T) {
	t.Parallel()
	sampled, unsampled := "00-"+traceID+"-"+parentID+"-01", "00-"+traceID+"-"+parentID+"-00"
	for name, tt := range map[string]struct {
		ratio  float64
		parent string
		want   int
	}{
		"all": {1, sampled, 6}, "all, none asked": {1, "", 6}, "the client does not": {1, unsampled, 0},
		"none": {0, sampled, 0}, "none, none asked": {0, "", 0},
		"no trace": {1, "00-zz-1-01", 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCollector(t)
			from, stop := traced(t, c, tt.ratio)
			request(t, from, tt.parent, Outcome{Request: Request{Status: 200}})
			stop()
			if got := len(c.taken()); got != tt.want {
				t.Errorf("%d spans, want %d", got, tt.want)
			}
		})
	}
}

// A collector that is down costs spans, and no request anything. Nobody is sent on
// to elsewhere.
func TestSpansThatNobodyTakesAreCounted(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusBadRequest, http.StatusTemporaryRedirect} {
		c := newCollector(t)
		c.status.Store(int32(status))
		var logged strings.Builder
		from, stop := traced(t, c, 1, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&logged, nil)) })
		request(t, from, "", Outcome{Request: Request{Status: 200}})
		stop()
		page, _ := scrape(t, from, "")
		wantLines(t, page, "maa_trace_spans_dropped_total 6", "maa_trace_export_failures_total 1")
		if c.path != "/v1/traces" {
			t.Errorf("the spans went on to %s", c.path)
		}
		if got := logged.String(); !strings.Contains(got, "spans were not sent") || strings.Contains(got, "hunter2") {
			t.Errorf("logged %q", got)
		}
	}
}

func TestSpansBeyondTheQueueAreDropped(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	config := newConfig()
	config.Tracing = Tracing{Endpoint: c.URL, Ratio: 1}
	from := mustNew(t, config) // nobody runs it
	for range maxQueue + 10 {
		_, span := from.Tracer().Begin(t.Context(), nil)
		span.End(Outcome{Request: Request{Status: 200}})
	}
	page, _ := scrape(t, from, "")
	wantLines(t, page, "maa_trace_spans_dropped_total 10")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := from.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if got := len(c.taken()); got != maxQueue {
		t.Errorf("%d spans were sent at the end, want %d", got, maxQueue)
	}
}

func TestWithoutEndpointThereAreNoSpans(t *testing.T) {
	t.Parallel()
	from := mustNew(t, newConfig())
	ctx, span := from.Tracer().Begin(t.Context(), header("00-"+traceID+"-"+parentID+"-01"))
	from.Tracer().Phase(ctx, "parse", time.Second)
	span.End(Outcome{})
	if trace.SpanContextFromContext(ctx).IsValid() {
		t.Error("there is a span in the context")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := from.Run(ended); err != nil {
		t.Error(err)
	}
}

func TestNothingShowsTheHeaders(t *testing.T) {
	t.Parallel()
	c := Tracing{Endpoint: "https://collector.example", Headers: map[string]string{"api-key": "hunter2", "a": "b"}, Ratio: 0.5}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("config", slog.Any("tracing", c))
	for _, text := range []string{c.String(), fmt.Sprintf("%v", c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), logged.String()} {
		if strings.Contains(text, "hunter2") || !strings.Contains(text, "api-key") {
			t.Errorf("shown as %s", text)
		}
	}
}

// BenchmarkNoTracing is what a request pays where spans go nowhere.
func BenchmarkNoTracing(b *testing.B) {
	tracer := mustNew(b, newConfig()).Tracer()
	h := header("00-" + traceID + "-" + parentID + "-01")
	b.ReportAllocs()
	for b.Loop() {
		ctx, span := tracer.Begin(b.Context(), h)
		for range 5 {
			tracer.Phase(ctx, "parse", time.Millisecond)
		}
		span.End(Outcome{Request: Request{Status: 200}})
	}
}

// BenchmarkTracing is the same where spans are taken.
func BenchmarkTracing(b *testing.B) {
	for _, flag := range []string{"00", "01"} {
		b.Run("flags "+flag, func(b *testing.B) {
			c := newConfig()
			c.Tracing = Tracing{Endpoint: "http://127.0.0.1:9", Ratio: 1}
			tracer := mustNew(b, c).Tracer()
			h := header("00-" + traceID + "-" + parentID + "-" + flag)
			b.ReportAllocs()
			for b.Loop() {
				ctx, span := tracer.Begin(b.Context(), h)
				for range 5 {
					tracer.Phase(ctx, "parse", time.Millisecond)
				}
				span.End(Outcome{Request: Request{Status: 200}})
			}
		})
	}
}
