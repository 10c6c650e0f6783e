package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/azattest/azattest/store"
)

// Bench measures a store: commits, reads, and how long after a commit on one
// handle Wait returns on another. Data is as for [RunShared]. Beside the mean it
// reports the median and the 99th percentile, in microseconds.
func Bench(b *testing.B, data func(b *testing.B) func(b *testing.B) store.Store) {
	b.Helper()
	value := pattern(4 << 10) // a policy
	b.Run("Commit", func(b *testing.B) {
		s := data(b)(b)
		i := 0
		Measure(b, func() {
			i++
			if _, err := s.Commit(b.Context(), store.Put(fmt.Sprintf("k%d", i%1000), value, store.Any)); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("Get", func(b *testing.B) {
		s := data(b)(b)
		if _, err := s.Commit(b.Context(), store.Put("a", value, 0)); err != nil {
			b.Fatal(err)
		}
		Measure(b, func() {
			if _, err := s.Get(b.Context(), "a"); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("Wait", func(b *testing.B) {
		open := data(b)
		benchWait(b, open(b), open(b))
	})
}

// Measure calls do b.N times and reports how the times are distributed.
func Measure(b *testing.B, do func()) {
	b.Helper()
	times := make([]time.Duration, 0, b.N)
	for b.Loop() {
		begin := time.Now()
		do()
		times = append(times, time.Since(begin))
	}
	report(b, times)
}

func report(b *testing.B, times []time.Duration) {
	b.Helper()
	if len(times) == 0 {
		return
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Nanoseconds())/1000, "p50-µs")
	b.ReportMetric(float64(times[len(times)*99/100].Nanoseconds())/1000, "p99-µs")
}

// benchWait measures from the end of a commit to the return of Wait elsewhere.
func benchWait(b *testing.B, writer, waiter store.Store) {
	b.Helper()
	type seen struct {
		at  time.Time
		err error
	}
	news := make(chan seen)
	ctx := b.Context()
	go func() {
		defer close(news)
		var known int64
		for {
			revision, err := waiter.Wait(ctx, known)
			select {
			case news <- seen{time.Now(), err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
			known = revision
		}
	}()
	var times []time.Duration
	for b.Loop() {
		if _, err := writer.Commit(ctx, store.Put("a", nil, store.Any)); err != nil {
			b.Fatal(err)
		}
		committed := time.Now()
		n := <-news
		if n.err != nil {
			b.Fatal(n.err)
		}
		// It may be seen before the writer is told.
		times = append(times, max(0, n.at.Sub(committed)))
	}
	report(b, times)
	// Commits come at any moment between two looks.
	if err := waiter.Close(); err != nil {
		b.Fatal(err)
	}
	for range news {
		// Until the goroutine has ended.
		continue
	}
}
