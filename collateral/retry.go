package collateral

import (
	"context"
	"crypto/rand"
	"errors"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// retryable reports whether asking again may help.
func retryable(e *HTTPError) bool {
	switch e.Status {
	case 0: // no answer
		return true
	case http.StatusOK: // an answer that broke off; what is wrong stays wrong
		return errors.Is(e.Err, errBrokenOff)
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// backOff is the pause before retry n (from 0). The server's wish goes before
// ours; ok is false if it wishes more than a caller can wait.
func backOff(n int, wish time.Duration) (pause time.Duration, ok bool) {
	if wish > 0 {
		return wish, wish <= maxRetryAfter
	}
	ceiling := maxBackOff
	if n < 8 {
		ceiling = min(maxBackOff, firstBackOff<<n)
	}
	// Half of it is fixed and half is chance, so that many who failed together
	// do not come back together.
	return ceiling/2 + chance(ceiling/2), true
}

// chance returns a duration from 0 to just below limit.
func chance(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	n, err := rand.Int(rand.Reader, big.NewInt(int64(limit)))
	if err != nil {
		return 0
	}
	return time.Duration(n.Int64())
}

// retryAfter reads a Retry-After header: seconds, or a date (RFC 9110, 10.2.3).
// What cannot be read counts as absent.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseInt(header, 10, 64); err == nil {
		const most = int64(24 * time.Hour / time.Second)
		return time.Duration(max(0, min(seconds, most))) * time.Second
	}
	date, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return max(0, min(date.Sub(now).Round(time.Second), 24*time.Hour))
}

// sleep waits, or returns the context's error as soon as that ends.
func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
