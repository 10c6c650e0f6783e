package collateral

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
)

func TestCacheRefreshesInTheBackground(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config CacheConfig
		life   time.Duration
		sooner time.Duration // no refresh before this
		later  time.Duration // one by then
	}{
		"daily":            {CacheConfig{}, days(30), 21 * time.Hour, 25 * time.Hour},
		"as configured":    {CacheConfig{RefreshEvery: days(5)}, days(30), days(4), days(5)},
		"before it ends":   {CacheConfig{RefreshEvery: days(60)}, days(30), days(20), days(23)},
		"short-lived":      {CacheConfig{}, time.Hour, 40 * time.Minute, 46 * time.Minute},
		"very short-lived": {CacheConfig{}, time.Minute, 40 * time.Second, 46 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, test.config, func(t bubble) {
				c, s := t.cache, t.source
				s.set(issuing(test.life))
				begin := time.Now()
				first := get(t, c, sgxProcessor)
				get(t, c, sgxProcessor) // so that it counts as used
				time.Sleep(test.sooner - time.Since(begin))
				expectCalls(t, s, 1)
				time.Sleep(test.later - time.Since(begin))
				expectCalls(t, s, 2)
				if got := get(t, c, sgxProcessor); got == first {
					t.Error("the old collateral is still served")
				}
				expectCalls(t, s, 2)
			})
		})
	}
}

func TestCacheServesTheOldWhileItRefreshes(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{FetchTimeout: 10 * time.Hour}, func(t bubble) {
		c, s := t.cache, t.source
		first := get(t, c, sgxProcessor)
		get(t, c, sgxProcessor)
		s.set(func(ctx context.Context, q Query) (*dcap.Collateral, error) {
			time.Sleep(5 * time.Hour)
			return issuing(days(30))(ctx, q)
		})
		time.Sleep(25 * time.Hour)
		expectCalls(t, s, 2)
		for range 5 {
			before := time.Now()
			if get(t, c, sgxProcessor) != first {
				t.Error("not the old collateral")
			}
			if took := time.Since(before); took != 0 {
				t.Errorf("took %s, want no time", took)
			}
		}
		time.Sleep(5 * time.Hour)
		expectCalls(t, s, 2)
		if get(t, c, sgxProcessor) == first {
			t.Error("still the old collateral")
		}
	})
}

func TestCacheKeepsThePointerOfTheSameBytes(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{}, func(t bubble) {
		c, s := t.cache, t.source
		parts := recipe{platform: sgxProcessor}.parts()
		s.set(func(context.Context, Query) (*dcap.Collateral, error) { return dcap.NewCollateral(parts), nil })
		first := get(t, c, sgxProcessor)
		get(t, c, sgxProcessor)
		time.Sleep(25 * time.Hour)
		expectCalls(t, s, 2)
		if get(t, c, sgxProcessor) != first {
			t.Error("another pointer for the same bytes")
		}
	})
}

// Collateral of a platform that came once is not refreshed for ever.
func TestCacheLeavesTheUnusedToExpire(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{}, func(t bubble) {
		c, s := t.cache, t.source
		get(t, c, sgxProcessor)
		time.Sleep(days(10))
		expectCalls(t, s, 1)
		// Used again, it is served at once and refreshed behind.
		get(t, c, sgxProcessor)
		expectCalls(t, s, 2)
		time.Sleep(days(29))
		expectCalls(t, s, 2)
		time.Sleep(days(2))
		get(t, c, sgxProcessor)
		expectCalls(t, s, 3)
	})
}

func TestCacheNeverServesTheExpired(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	inBubble(t, CacheConfig{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(t bubble) {
		c, s := t.cache, t.source
		first := get(t, c, sgxProcessor)
		get(t, c, sgxProcessor)
		outage := errors.New("no network")
		s.set(failing(outage))
		end := day0.Add(days(30))
		time.Sleep(time.Until(end))
		if get(t, c, sgxProcessor) != first {
			t.Error("not served up to its end")
		}
		time.Sleep(time.Second)
		if got, err := c.Collateral(t.Context(), Query{Platform: sgxProcessor}); !errors.Is(err, outage) {
			t.Errorf("got %v, error %v, want none and the outage", got, err)
		}
		s.set(issuing(days(30)))
		time.Sleep(failedFor)
		if get(t, c, sgxProcessor) == first {
			t.Error("the expired collateral is served")
		}
	})
	for _, want := range []string{"collateral could not be refreshed", "SGX FMSPC 00906ed50000, processor CA", "no network", "valid_until=2025-07-01"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
}

func TestCacheTriesAFailedRefreshLessAndLessOften(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{}, func(t bubble) {
		c, s := t.cache, t.source
		get(t, c, sgxProcessor)
		get(t, c, sgxProcessor)
		s.set(failing(errors.New("no network")))
		time.Sleep(21 * time.Hour)
		expectCalls(t, s, 1)
		time.Sleep(4 * time.Hour)
		synctest.Wait()
		if got := s.calls() - 1; got < 5 || got > 10 {
			t.Errorf("%d attempts in the first hours, want a few", got)
		}
		before := s.calls()
		time.Sleep(10 * time.Hour)
		synctest.Wait()
		if got := s.calls() - before; got < 9 || got > 11 {
			t.Errorf("%d attempts in ten later hours, want one an hour", got)
		}
	})
}

func TestCacheRefreshIsNoUse(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{MaxEntries: 2}, func(t bubble) {
		c, s := t.cache, t.source
		get(t, c, sgxProcessor)
		get(t, c, sgxProcessor)
		time.Sleep(20 * time.Hour)
		second := get(t, c, sgxPlatform)
		time.Sleep(5 * time.Hour)
		expectCalls(t, s, 3)
		get(t, c, tdxPlatform)
		if get(t, c, sgxPlatform) != second {
			t.Error("the one used last was forgotten for one that was only refreshed")
		}
	})
}

// A service behind several addresses may answer from a copy that lags behind.
func TestCacheDoesNotGoBackToTheExpired(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{Dir: t.TempDir()}, func(t bubble) {
		c, s := t.cache, t.source
		first := get(t, c, sgxProcessor)
		get(t, c, sgxProcessor)
		s.set(func(_ context.Context, q Query) (*dcap.Collateral, error) {
			return recipe{platform: q.Platform, issued: day0.Add(-days(60))}.collateral(), nil
		})
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		if s.calls() < 2 {
			t.Error("not refreshed")
		}
		if get(t, c, sgxProcessor) != first {
			t.Error("expired collateral took the place of what is valid")
		}
		if sets := openArchive(t.T, c.config.Dir).Sets(); len(sets) != 1 || sets[0].Collateral.Digest() != first.Digest() {
			t.Errorf("on disk stand %d sets, want the valid one", len(sets))
		}
		s.set(issuing(days(30)))
		time.Sleep(2 * time.Hour)
		if get(t, c, sgxProcessor) == first {
			t.Error("not refreshed once the source is well again")
		}
	})
}

func TestCacheStopsRefreshingTheExpired(t *testing.T) {
	t.Parallel()
	inBubble(t, CacheConfig{}, func(t bubble) {
		get(t, t.cache, sgxProcessor)
		get(t, t.cache, sgxProcessor)
		t.source.set(failing(errors.New("no network")))
		time.Sleep(days(31))
		synctest.Wait()
		before := t.source.calls()
		time.Sleep(days(10))
		expectCalls(t, t.source, before)
		if n := len(t.cache.entries); n != 0 {
			t.Errorf("%d entries are kept", n)
		}
	})
}
