package replicas_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// arrivals are calls that come so many per second, whether or not those before
// them were answered (an open loop). A latency counts from the moment at which a
// call was due: if service or generator fall behind, the wait is in it.
type arrivals struct {
	perSecond float64
	call      func(ctx context.Context, n int) error
	// random is nil for calls at even distances; otherwise they come without regard
	// to each other, in bursts and with gaps (a Poisson process).
	random *rand.Rand

	begun, due time.Time
	count      int
	open       sync.WaitGroup

	mu        sync.Mutex
	latencies []time.Duration
	last      time.Time // an answer came
	failures  []error
}

func newArrivals(perSecond float64, call func(ctx context.Context, n int) error) *arrivals {
	return &arrivals{perSecond: perSecond, call: call}
}

// atRandom makes them come at random moments, the same in each run.
func (a *arrivals) atRandom() {
	a.random = rand.New(rand.NewPCG(uint64(a.perSecond), 1)) //nolint:gosec // G404: it spreads load, it guards nothing
}

// next waits until the next call is due, and begins it.
func (a *arrivals) next(ctx context.Context) {
	if a.begun.IsZero() {
		a.begun = time.Now()
		a.due = a.begun
	}
	distance := 1.0
	if a.random != nil {
		distance = a.random.ExpFloat64()
	}
	a.due = a.due.Add(time.Duration(distance / a.perSecond * float64(time.Second)))
	time.Sleep(time.Until(a.due))
	due, n := a.due, a.count
	a.count++
	a.open.Go(func() {
		err := a.call(ctx, n)
		now := time.Now()
		a.mu.Lock()
		defer a.mu.Unlock()
		a.latencies, a.last = append(a.latencies, now.Sub(due)), now
		if err != nil {
			a.failures = append(a.failures, err)
		}
	})
}

// run begins call after call until it is told to stop, and waits for the answers.
func (a *arrivals) run(ctx context.Context, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			a.open.Wait()
			return
		default:
			a.next(ctx)
		}
	}
}

// report waits for the last answers, and says what came of the calls.
func (a *arrivals) report(b *testing.B, name string) {
	b.Helper()
	a.open.Wait()
	for _, err := range a.failures[:min(len(a.failures), 5)] {
		b.Error(err)
	}
	if len(a.latencies) == 0 {
		b.Fatalf("no call of %s was due: measure for longer", name)
	}
	if len(a.failures) > 0 {
		// Figures of a benchmark that fails are not shown.
		b.Errorf("%s: %d of %d calls failed, the median took %s", name, len(a.failures), len(a.latencies), quantile(a.latencies, 0.5))
	}
	b.ReportMetric(float64(len(a.latencies))/a.last.Sub(a.begun).Seconds(), name+"/s")
	b.ReportMetric(milliseconds(quantile(a.latencies, 0.5)), name+"-p50-ms")
	b.ReportMetric(milliseconds(quantile(a.latencies, 0.99)), name+"-p99-ms")
}

// quantile sorts the durations, of which there is one at least.
func quantile(all []time.Duration, q float64) time.Duration {
	slices.Sort(all)
	return all[int(q*float64(len(all)-1)+0.5)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
