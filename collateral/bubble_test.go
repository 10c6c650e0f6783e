package collateral

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
)

// fakeSource is a source whose answers a test sets. It counts.
type fakeSource struct {
	mu      sync.Mutex
	answer  func(context.Context, Query) (*dcap.Collateral, error)
	queries []Query
	running int
	most    int // at once
}

func (s *fakeSource) Collateral(ctx context.Context, q Query) (*dcap.Collateral, error) {
	s.mu.Lock()
	s.queries = append(s.queries, q)
	s.running++
	s.most = max(s.most, s.running)
	answer := s.answer
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.running--
		s.mu.Unlock()
	}()
	return answer(ctx, q)
}

func (s *fakeSource) set(answer func(context.Context, Query) (*dcap.Collateral, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *fakeSource) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queries)
}

// issuing gives new collateral at each call, issued now and valid for so long.
func issuing(life time.Duration) func(context.Context, Query) (*dcap.Collateral, error) {
	return func(_ context.Context, q Query) (*dcap.Collateral, error) {
		return recipe{platform: q.Platform, number: q.TCBEvaluationDataNumber, issued: q.At.Truncate(time.Second), life: life}.collateral(), nil
	}
}

func failing(err error) func(context.Context, Query) (*dcap.Collateral, error) {
	return func(context.Context, Query) (*dcap.Collateral, error) { return nil, err }
}

// bubble is a test by a fake clock, with a cache before a source.
type bubble struct {
	*testing.T
	cache  *Cache
	source *fakeSource
}

// inBubble runs a test at day0 by a fake clock.
func inBubble(t *testing.T, c CacheConfig, f func(bubble)) {
	t.Helper()
	pki() // made outside the bubble
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(day0))
		source := &fakeSource{answer: issuing(days(30))}
		cache, err := NewCache(source, c)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := cache.Close(); err != nil {
				t.Error(err)
			}
		}()
		f(bubble{t, cache, source})
	})
}

// get asks for the platform as of now.
func get(tb testing.TB, c Source, p dcap.Platform) *dcap.Collateral {
	tb.Helper()
	got, err := c.Collateral(tb.Context(), Query{Platform: p, At: time.Now()})
	if err != nil {
		tb.Fatal(err)
	}
	return got
}

func expectCalls(tb testing.TB, s *fakeSource, want int) {
	tb.Helper()
	synctest.Wait()
	if got := s.calls(); got != want {
		tb.Fatalf("the source was asked %d times, want %d", got, want)
	}
}
