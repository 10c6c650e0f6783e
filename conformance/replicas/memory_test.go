package replicas_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkInstances measures what a thousand instances with policies of their own
// cost in memory: that of a process that has started with them in its store and
// was asked once by each, less that of one that has a single instance and was
// asked as often. One operation is both.
func BenchmarkInstances(b *testing.B) {
	const many = 1000
	for b.Loop() {
		alone := measure(b, 1, many)
		all := measure(b, many, many)
		b.ReportMetric(alone.resident, "one-MiB")
		b.ReportMetric(all.resident, "all-MiB")
		b.ReportMetric(all.resident-alone.resident, "cost-MiB")
		b.ReportMetric(all.heap-alone.heap, "cost-heap-MiB")
	}
}

// memory is what a process uses, in MiB.
type memory struct{ resident, heap float64 }

// measure starts a service with so many instances and asks it so often.
func measure(b *testing.B, instances, requests int) memory {
	b.Helper()
	var list []any
	metrics := freeAddress(b)
	for i := range instances {
		list = append(list, map[string]any{"name": nameOf(i), "url": "https://localhost/" + nameOf(i)})
	}
	s := newSubject(b, map[string]any{"instances": list, "telemetry": map[string]any{"metricsListen": metrics}})
	each(b, instances, func(ctx context.Context, i int) error { return s.setPolicy(ctx, "/"+nameOf(i), policyText(i)) })
	// What setting them has cost is not what they cost.
	s.kill()
	s.start(b)
	s.client.CloseIdleConnections()
	each(b, requests, func(ctx context.Context, i int) error {
		_, err := s.attest(ctx, "/"+nameOf(i%instances))
		return err
	})
	return memory{resident(b, s.process()), heapOf(b, metrics)}
}

func nameOf(i int) string { return fmt.Sprintf("i%03d", i) }

// each calls with 0 to n-1, a few at a time.
func each(b *testing.B, n int, call func(ctx context.Context, i int) error) {
	b.Helper()
	var next atomic.Int64
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || b.Failed() {
					return
				}
				if err := call(b.Context(), i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
	if b.Failed() {
		b.FailNow()
	}
}

// heapOf reads the size of the heap, in MiB, from the page of metrics: what was
// alive after the last collection, which is half of what lets the next begin.
func heapOf(b *testing.B, address string) float64 {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		b.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // opened for reading only
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "\ngo_memstats_next_gc_bytes ")
	text, _, _ := strings.Cut(rest, "\n")
	bytes, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil {
		b.Fatalf("the page of metrics has no go_memstats_next_gc_bytes: %v", err)
	}
	return bytes / 2 / (1 << 20)
}
