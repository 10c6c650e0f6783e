package collateral

import (
	"errors"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		" 7 ":                           7 * time.Second,
		"0":                             0,
		"-5":                            0,
		"1.5":                           0,
		"soon":                          0,
		"999999999999":                  24 * time.Hour,
		"99999999999999999999":          0,
		"Tue, 24 Nov 2026 10:00:09 GMT": 9 * time.Second,
		"Tue, 24 Nov 2026 09:00:00 GMT": 0,
		"Wed, 24 Nov 2027 10:00:00 GMT": 24 * time.Hour,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("Retry-After %q: %s, want %s", header, got, want)
		}
	}
}

func TestBackOffGrowsToItsBound(t *testing.T) {
	t.Parallel()
	for n := range 100 {
		ceiling := maxBackOff
		if n < 5 {
			ceiling = firstBackOff << n
		}
		pause, ok := backOff(n, 0)
		if !ok || pause < ceiling/2 || pause > ceiling {
			t.Errorf("retry %d: %s, want %s to %s", n, pause, ceiling/2, ceiling)
		}
	}
}

func TestBackOffHonorsTheServersWish(t *testing.T) {
	t.Parallel()
	for wish, want := range map[time.Duration]bool{
		time.Second: true, maxRetryAfter: true, maxRetryAfter + time.Second: false, time.Hour: false,
	} {
		if pause, ok := backOff(0, wish); ok != want || pause != wish {
			t.Errorf("wish %s: pause %s, ok %v, want the wish and %v", wish, pause, ok, want)
		}
	}
}

func TestChanceStaysBelowItsLimit(t *testing.T) {
	t.Parallel()
	seen := make(map[time.Duration]bool)
	for range 200 {
		got := chance(10)
		if got < 0 || got >= 10 {
			t.Fatalf("chance %d, want 0 to 9", got)
		}
		seen[got] = true
	}
	if len(seen) < 5 {
		t.Errorf("only %d different values of 10 in 200 throws", len(seen))
	}
	if chance(0) != 0 || chance(-1) != 0 {
		t.Error("chance of nothing is not nothing")
	}
}

func TestRetryable(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]bool{
		0: true, 200: false, 302: false, 400: false, 401: false, 403: false, 404: false, 408: true, 410: false,
		429: true, 460: false, 500: true, 501: false, 502: true, 503: true, 504: true,
	} {
		if got := retryable(&HTTPError{Status: status}); got != want {
			t.Errorf("status %d: %v, want %v", status, got, want)
		}
	}
	if !retryable(&HTTPError{Status: 200, Err: errors.Join(errBrokenOff)}) {
		t.Error("an answer that broke off is not asked for again")
	}
}
