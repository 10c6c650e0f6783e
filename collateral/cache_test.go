package collateral

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
)

func TestCacheAsksOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{}, func(t bubble) {
		c, s := t.cache, t.source
		first := get(t, c, sgxProcessor)
		for range 10 {
			time.Sleep(time.Minute)
			if get(t, c, sgxProcessor) != first {
				t.Error("another pointer")
			}
		}
		expectCalls(t, s, 1)
		get(t, c, sgxPlatform)
		get(t, c, tdxPlatform)
		expectCalls(t, s, 3)
		for range 2 {
			if _, err := c.Collateral(t.Context(), Query{Platform: sgxProcessor, TCBEvaluationDataNumber: 16}); err != nil {
				t.Error(err)
			}
		}
		expectCalls(t, s, 4)
	})
}

func TestCacheAsksOnceForAllWhoWait(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{}, func(t bubble) {
		c, s := t.cache, t.source
		s.set(func(ctx context.Context, q Query) (*dcap.Collateral, error) {
			time.Sleep(time.Second)
			return issuing(days(30))(ctx, q)
		})
		// The one who came first goes away; the others must not notice.
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := c.Collateral(impatient, Query{Platform: sgxProcessor}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want that of the caller's context", err)
			}
		})
		synctest.Wait()
		var mu sync.Mutex
		got := map[*dcap.Collateral]int{}
		for range 20 {
			group.Go(func() {
				found := get(t, c, sgxProcessor)
				mu.Lock()
				got[found]++
				mu.Unlock()
			})
		}
		group.Wait()
		if len(got) != 1 {
			t.Errorf("%d different answers, want 1", len(got))
		}
		expectCalls(t, s, 1)
	})
}

func TestCacheKeepsWhatNobodyWaitedFor(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{}, func(t bubble) {
		c, s := t.cache, t.source
		s.set(func(ctx context.Context, q Query) (*dcap.Collateral, error) {
			time.Sleep(time.Second)
			return issuing(days(30))(ctx, q)
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := c.Collateral(ctx, Query{Platform: sgxProcessor}); err == nil {
			t.Error("no error")
		}
		time.Sleep(2 * time.Second)
		get(t, c, sgxProcessor)
		expectCalls(t, s, 1)
		ended, end := context.WithCancel(t.Context())
		end()
		if _, err := c.Collateral(ended, Query{Platform: sgxPlatform}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want that of the context", err)
		}
		expectCalls(t, s, 1)
	})
}

func TestCacheRemembersErrorsForAWhile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err   error
		pause time.Duration
	}{
		"not found":         {&NotFoundError{Source: "test"}, notFoundFor},
		"failure":           {errors.New("no network"), failedFor},
		"HTTP":              {&HTTPError{Status: 503}, failedFor},
		"asked to wait":     {fmt.Errorf("wrapped: %w", &HTTPError{Status: 429, RetryAfter: 2 * time.Minute}), 2 * time.Minute},
		"asked to wait on":  {&HTTPError{Status: 429, RetryAfter: 12 * time.Hour}, maxFailedFor},
		"gone for a moment": {&NotFoundError{Source: "test", Err: &HTTPError{Status: 404, RetryAfter: time.Second}}, notFoundFor},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, CacheConfig{}, func(t bubble) {
				c, s := t.cache, t.source
				s.set(failing(test.err))
				for range 3 {
					if _, err := c.Collateral(t.Context(), Query{Platform: sgxProcessor}); !errors.Is(err, test.err) {
						t.Errorf("error %v, want %v", err, test.err)
					}
				}
				expectCalls(t, s, 1)
				time.Sleep(test.pause - time.Nanosecond)
				if _, err := c.Collateral(t.Context(), Query{Platform: sgxProcessor}); err == nil {
					t.Error("no error")
				}
				expectCalls(t, s, 1)
				s.set(issuing(days(30)))
				time.Sleep(time.Nanosecond)
				get(t, c, sgxProcessor)
				expectCalls(t, s, 2)
			})
		})
	}
}

func TestCacheKeepsNothingOfAFailure(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{Dir: t.TempDir()}, func(t bubble) {
		c, s := t.cache, t.source
		s.set(func(context.Context, Query) (*dcap.Collateral, error) {
			return recipe{platform: sgxProcessor}.collateral(), errors.New("both")
		})
		if got, err := c.Collateral(t.Context(), Query{Platform: sgxProcessor}); err == nil || got != nil {
			t.Errorf("got %v, error %v", got, err)
		}
		s.set(func(context.Context, Query) (*dcap.Collateral, error) { return nil, nil })
		time.Sleep(failedFor)
		if got, err := c.Collateral(t.Context(), Query{Platform: sgxProcessor}); err == nil || got != nil {
			t.Errorf("got %v, error %v", got, err)
		}
		s.set(failing(errors.New("still not")))
		time.Sleep(failedFor)
		if got, err := c.Collateral(t.Context(), Query{Platform: sgxProcessor}); err == nil || got != nil {
			t.Errorf("got %v, error %v", got, err)
		}
	})
}

// Azure THIM gives collateral that is past its nextUpdate. It is for the
// verifier to refuse.
func TestCacheKeepsWhatTheSourceGaveExpired(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{}, func(t bubble) {
		c, s := t.cache, t.source
		s.set(func(_ context.Context, q Query) (*dcap.Collateral, error) {
			return recipe{platform: q.Platform, issued: day0.Add(-days(60))}.collateral(), nil
		})
		first := get(t, c, sgxProcessor)
		time.Sleep(30 * time.Minute)
		if get(t, c, sgxProcessor) != first {
			t.Error("another pointer")
		}
		expectCalls(t, s, 1)
		time.Sleep(time.Hour)
		expectCalls(t, s, 2) // the refresher, once
		time.Sleep(time.Hour)
		get(t, c, sgxProcessor)
		expectCalls(t, s, 3)
	})
}

func TestCacheKeepsWhatItCannotRead(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{Dir: t.TempDir()}, func(t bubble) {
		c, s := t.cache, t.source
		s.set(func(context.Context, Query) (*dcap.Collateral, error) {
			return dcap.NewCollateral(dcap.CollateralParts{TCBInfo: []byte("what is this")}), nil
		})
		first := get(t, c, sgxProcessor)
		if get(t, c, sgxProcessor) != first {
			t.Error("another pointer")
		}
		expectCalls(t, s, 1)
	})
}

func TestCacheKeepsTimesApart(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{}, func(t bubble) {
		c, s := t.cache, t.source
		past := day0.Add(-days(100))
		ask := func(at time.Time) *dcap.Collateral {
			got, err := c.Collateral(t.Context(), Query{Platform: sgxProcessor, At: at})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		old := ask(past)
		if got := describe(old, nil).Issued; !got.Equal(past) {
			t.Errorf("issued %s, want %s: the source was not asked for the past", got, past)
		}
		now := ask(time.Now())
		if now == old || !describe(now, nil).Issued.Equal(day0) {
			t.Error("an answer of the past serves a query of now")
		}
		expectCalls(t, s, 2)
		for _, near := range []time.Time{{}, time.Now().Add(-live), time.Now().Add(live)} {
			if ask(near) != now {
				t.Errorf("%s is not now", near)
			}
		}
		if ask(past) != old || ask(past.In(time.FixedZone("east", 3600))) != old {
			t.Error("the past was asked for again")
		}
		expectCalls(t, s, 2)
		ask(past.Add(time.Second))
		expectCalls(t, s, 3)
		if a, b := (key{at: time.Unix(1<<40, 0)}), (key{at: time.Unix(1<<41, 0)}); a.String() == b.String() {
			t.Error("two times have one name")
		}
		// Neither used nor due: the past is not refreshed, and is forgotten.
		time.Sleep(asIsFor + time.Second)
		expectCalls(t, s, 3)
		ask(past)
		expectCalls(t, s, 4)
	})
}

func TestCacheForgetsTheLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{MaxEntries: 2}, func(t bubble) {
		c, s := t.cache, t.source
		first := get(t, c, sgxProcessor)
		get(t, c, sgxPlatform)
		get(t, c, sgxProcessor)
		get(t, c, tdxPlatform)
		expectCalls(t, s, 3)
		if get(t, c, sgxProcessor) != first {
			t.Error("the one that was used was forgotten")
		}
		expectCalls(t, s, 3)
		get(t, c, sgxPlatform)
		expectCalls(t, s, 4)
	})
}

// Whoever sends quotes of platforms that nobody knows must not drive out the
// ones that are known, nor make the cache grow.
func TestCacheBoundsItsMisses(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{MaxEntries: 4}, func(t bubble) {
		c, s := t.cache, t.source
		known := get(t, c, sgxProcessor)
		s.set(failing(&NotFoundError{Source: "test"}))
		for i := range byte(100) {
			p := sgxPlatform
			p.FMSPC[5] = i
			if _, err := c.Collateral(t.Context(), Query{Platform: p}); err == nil {
				t.Error("no error")
			}
		}
		if n := len(c.misses); n > 4 {
			t.Errorf("%d misses kept, want at most 4", n)
		}
		if get(t, c, sgxProcessor) != known {
			t.Error("the known platform was forgotten")
		}
		expectCalls(t, s, 101)
	})
}

func TestCacheBoundsItsFetches(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{MaxFetches: 3}, func(t bubble) {
		c, s := t.cache, t.source
		s.set(func(ctx context.Context, q Query) (*dcap.Collateral, error) {
			time.Sleep(time.Second)
			return issuing(days(30))(ctx, q)
		})
		platform := func(i byte) dcap.Platform {
			p := sgxPlatform
			p.FMSPC[5] = i
			return p
		}
		ask := func() {
			var group sync.WaitGroup
			for i := range byte(12) {
				group.Go(func() { get(t, c, platform(i)) })
			}
			group.Wait()
		}
		begin := time.Now()
		ask()
		if took := time.Since(begin); took != 4*time.Second {
			t.Errorf("took %s, want 4 s for 12 fetches of 1 s, 3 at once", took)
		}
		ask() // from memory, so that all are refreshed
		time.Sleep(25 * time.Hour)
		expectCalls(t, s, 24)
		if s.most != 3 {
			t.Errorf("%d fetches at once, want 3", s.most)
		}
	})
}

func TestCacheBoundsAFetch(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{FetchTimeout: 7 * time.Second}, func(t bubble) {
		c, s := t.cache, t.source
		s.set(func(ctx context.Context, _ Query) (*dcap.Collateral, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		begin := time.Now()
		if _, err := c.Collateral(t.Context(), Query{Platform: sgxProcessor}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want a timeout", err)
		}
		if took := time.Since(begin); took != 7*time.Second {
			t.Errorf("took %s, want 7 s", took)
		}
	})
}

func TestCacheCloseEndsEverything(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{MaxFetches: 1}, func(t bubble) {
		c, s := t.cache, t.source
		get(t, c, sgxPlatform)
		s.set(func(ctx context.Context, _ Query) (*dcap.Collateral, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		var group sync.WaitGroup
		for _, p := range []dcap.Platform{sgxProcessor, tdxPlatform} { // one fetches, one waits for the slot
			group.Go(func() {
				if got, err := c.Collateral(t.Context(), Query{Platform: p}); !errors.Is(err, errClosed) {
					t.Errorf("got %v, error %v, want that the cache is closed", got, err)
				}
			})
		}
		synctest.Wait()
		for range 2 {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		group.Wait()
		if got, err := c.Collateral(t.Context(), Query{Platform: sgxPlatform}); !errors.Is(err, errClosed) {
			t.Errorf("got %v, error %v, want that the cache is closed", got, err)
		}
		if len(c.misses) > 0 {
			t.Errorf("closing counts as a failure: %v", c.misses)
		}
		// What is left over of a flight does nothing.
		if got, err := c.fetch(key{platform: sgxProcessor}); !errors.Is(err, errClosed) {
			t.Errorf("got %v, error %v, want that the cache is closed", got, err)
		}
	})
}

func TestNewCacheRefuses(t *testing.T) {
	t.Parallel()
	source := &fakeSource{}
	for name, test := range map[string]struct {
		source Source
		config CacheConfig
		want   string
	}{
		"no source": {nil, CacheConfig{}, "no source"},
		"entries":   {source, CacheConfig{MaxEntries: -1}, "-1 entries"},
		"fetches":   {source, CacheConfig{MaxFetches: -1}, "-1 fetches"},
		"refresh":   {source, CacheConfig{RefreshEvery: -time.Second}, "refresh every -1s"},
		"timeout":   {source, CacheConfig{FetchTimeout: -time.Second}, "fetch timeout -1s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := NewCache(test.source, test.config)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("cache %v, error %v, want %q", c, err, test.want)
			}
		})
	}
}

func TestCacheRefusesQueriesThatNameNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{}, func(t bubble) {
		c, s := t.cache, t.source
		if _, err := c.Collateral(t.Context(), Query{}); err == nil {
			t.Error("no error")
		}
		expectCalls(t, s, 0)
	})
}

func TestCacheUsesTheInjectedClock(t *testing.T) {
	t.Parallel()
	pki()
	now := day0
	source := &fakeSource{answer: issuing(days(30))}
	c, err := NewCache(source, CacheConfig{Clock: func() time.Time { return now }, RefreshEvery: days(300)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for range 2 {
		if _, err := c.Collateral(t.Context(), Query{Platform: sgxProcessor, At: now}); err != nil {
			t.Fatal(err)
		}
	}
	if source.calls() != 1 || !source.queries[0].At.Equal(day0) {
		t.Errorf("queries %v, want one for %s", source.queries, day0)
	}
}

// A hit costs a lock and a look; everything else is the source's.
func BenchmarkCacheHit(b *testing.B) {
	source := &fakeSource{answer: issuing(days(30))}
	c, err := NewCache(source, CacheConfig{Clock: func() time.Time { return day0 }})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	q := Query{Platform: sgxProcessor, At: day0}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Collateral(b.Context(), q); err != nil {
				b.Fatal(err)
			}
		}
	})
}
