package keyring_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/simulator"
	"github.com/azattest/azattest/token"
)

// BenchmarkGeneration is what every request pays.
func BenchmarkGeneration(b *testing.B) {
	k := newFixture(b).open(b)
	ring(b, k, contoso, token.ES256)
	b.ReportAllocs()
	for b.Loop() {
		k.Generation()
	}
}

// BenchmarkRing is what a changed instance pays: its certificates are there.
func BenchmarkRing(b *testing.B) {
	k := newFixture(b).open(b)
	ring(b, k, contoso, token.RS256)
	b.ReportAllocs()
	for b.Loop() {
		ring(b, k, contoso, token.RS256)
	}
}

// BenchmarkCertify is what a new instance pays.
func BenchmarkCertify(b *testing.B) {
	k := newFixture(b).open(b)
	ring(b, k, contoso, token.RS256)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		ring(b, k, fmt.Sprintf("https://instance-%d.example", n), token.RS256)
	}
}

// BenchmarkInstances holds the rings of 1,000 instances, each with the key that
// signs and a previous one, and reports what they keep of the heap.
func BenchmarkInstances(b *testing.B) {
	platform, err := simulator.New(simulator.Config{})
	if err != nil {
		b.Fatal(err)
	}
	report := func(_ context.Context, data [64]byte) ([]byte, error) {
		quote, err := platform.Quote(simulator.Report{ReportData: data})
		return token.OpenEnclaveReport(quote), err
	}
	for name, report := range map[string]func(context.Context, [64]byte) ([]byte, error){"plain": nil, "withReport": report} {
		b.Run(name, func(b *testing.B) {
			c := newFixture(b).config()
			c.Report = report
			const instances = 1000
			for b.Loop() {
				b.StopTimer()
				before := heap()
				k := open(b, c)
				ring(b, k, contoso, token.RS256)
				if len(k.Keys()) < 2 {
					if _, err := k.Rotate(b.Context(), token.RS256, 0); err != nil {
						b.Fatal(err)
					}
				}
				rings := make([]*token.Ring, instances)
				b.StartTimer()
				for i := range rings {
					rings[i] = ring(b, k, fmt.Sprintf("https://instance-%d.example", i), token.RS256)
				}
				b.StopTimer()
				b.ReportMetric(float64(heap()-before)/instances, "heap-B/instance")
				keep(k, rings)
				b.StartTimer()
			}
		})
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func keep(k *keyring.Keyring, rings []*token.Ring) {
	runtime.KeepAlive(k)
	runtime.KeepAlive(rings)
}
