package relyingparty_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

var errOutOfReach = errors.New("the collateral is out of reach")

// asked is a Config whose check of signing certificates counts how often it is
// asked.
func asked(t testing.TB, i *instance, answer func(ctx context.Context) error) (relyingparty.Config, *atomic.Int64) {
	t.Helper()
	var count atomic.Int64
	c := i.config(t)
	c.SigningCertificate = func(ctx context.Context, certificate *azattestation.SigningCertificate) error {
		count.Add(1)
		if certificate.KeyID != i.Key.ID() || !certificate.Chain[0].Equal(i.Key.Certificate()) {
			t.Errorf("asked about key %s, want %s", certificate.KeyID, i.Key.ID())
		}
		return answer(ctx)
	}
	return c, &count
}

func TestSigningCertificateIsAsked(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	good := i.token(t)

	t.Run("an acceptance is remembered for a while", func(t *testing.T) {
		t.Parallel()
		c, count := asked(t, i, func(context.Context) error { return nil })
		at := now
		c.Now = func() time.Time { return at }
		v := mustNew(t, c)
		for n, step := range []struct {
			at    time.Time
			asked int64
		}{
			{now, 1},
			{now.Add(time.Hour - 1), 1},
			{now.Add(time.Hour), 2},
			{now.Add(30 * time.Minute), 3}, // the clock was set back
			{now.Add(time.Hour), 3},
		} {
			at = step.at
			if _, err := v.Verify(t.Context(), good, relyingparty.Expected{}); err != nil {
				t.Fatal(err)
			}
			if got := count.Load(); got != step.asked {
				t.Errorf("step %d: asked %d times, want %d", n, got, step.asked)
			}
		}
	})
	t.Run("or not, if that is wanted", func(t *testing.T) {
		t.Parallel()
		c, count := asked(t, i, func(context.Context) error { return nil })
		c.SigningCertificateMaxAge = -1
		v := mustNew(t, c)
		for range 3 {
			if _, err := v.Verify(t.Context(), good, relyingparty.Expected{}); err != nil {
				t.Fatal(err)
			}
		}
		if got := count.Load(); got != 3 {
			t.Errorf("asked %d times, want 3", got)
		}
	})
	t.Run("a refusal refuses the token", func(t *testing.T) {
		t.Parallel()
		c, count := asked(t, i, func(context.Context) error {
			return &relyingparty.SigningCertificateError{Check: relyingparty.CheckReport, Err: relyingparty.ErrNoReport}
		})
		v := mustNew(t, c)
		for range 2 {
			_, err := v.Verify(t.Context(), good, relyingparty.Expected{})
			wantInvalid(t, err, azattestation.TokenCheckCallback)
			if !errors.Is(err, relyingparty.ErrNoReport) {
				t.Errorf("error %v, want the check's own within", err)
			}
		}
		if got := count.Load(); got != 2 {
			t.Errorf("asked %d times, want 2: no error is remembered", got)
		}
	})
	t.Run("any other error leaves it undecided", func(t *testing.T) {
		t.Parallel()
		c, _ := asked(t, i, func(context.Context) error { return errOutOfReach })
		_, err := mustNew(t, c).Verify(t.Context(), good, relyingparty.Expected{})
		if !errors.Is(err, errOutOfReach) {
			t.Errorf("error %v, want the check's own within", err)
		}
		if e, ok := errors.AsType[*azattestation.TokenValidationError](err); ok {
			t.Errorf("error %v says that the token does not hold", e)
		}
	})
	t.Run("nobody asks for a token that does not hold", func(t *testing.T) {
		t.Parallel()
		c, count := asked(t, i, func(context.Context) error { return nil })
		if _, err := mustNew(t, c).Verify(t.Context(), i.token(t, set{"exp": 0}), relyingparty.Expected{}); err == nil {
			t.Error("an expired token is accepted")
		}
		if got := count.Load(); got != 0 {
			t.Errorf("asked %d times, want 0", got)
		}
	})
}

// Of many tokens that come at once, one causes the check; whoever cannot wait for
// it goes.
func TestSigningCertificateIsAskedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newInstance(t, contoso, token.ES256)
		good := i.token(t)
		answer := make(chan struct{})
		c, count := asked(t, i, func(context.Context) error { <-answer; return nil })
		v := mustNew(t, c)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := v.Verify(t.Context(), good, relyingparty.Expected{}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		hurried, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := v.Verify(hurried, good, relyingparty.Expected{}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want that of the context", err)
		}
		close(answer)
		wg.Wait()
		if got := count.Load(); got != 1 {
			t.Errorf("asked %d times, want 1", got)
		}
	})
}

// The memory has a bound, beyond which it forgets what it learned first.
func TestSigningCertificatesAreForgotten(t *testing.T) {
	t.Parallel()
	i := newInstance(t, "https://instance.example/0", token.ES256)
	c, count := i.config(t), 0
	c.SigningCertificate = func(context.Context, *azattestation.SigningCertificate) error { count++; return nil }
	at := now
	c.Now = func() time.Time { return at }
	const certificates = 257 // one more than the bound
	instances := []*instance{i}
	for n := 1; n < certificates; n++ {
		next := i.neighbor(t, "https://instance.example/"+string(rune('a'+n/16))+string(rune('a'+n%16)))
		instances = append(instances, next)
		c.Sources = append(c.Sources, next.Source(t))
	}
	v := mustNew(t, c)
	verify := func(n, want int) {
		t.Helper()
		at = at.Add(time.Second)
		if _, err := v.Verify(t.Context(), instances[n].token(t), relyingparty.Expected{}); err != nil {
			t.Fatal(err)
		}
		if count != want {
			t.Fatalf("certificate %d: asked %d times, want %d", n, count, want)
		}
	}
	for n := range instances {
		verify(n, n+1)
	}
	verify(certificates-1, certificates) // remembered
	verify(1, certificates)              // remembered
	verify(0, certificates+1)            // the oldest, forgotten
}

// TestFailureOfACertificateCheckIsShared: were each who waits to ask in turn, a check
// that takes long would take as many times as long.
func TestFailureOfACertificateCheckIsShared(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	good := i.token(t)
	synctest.Test(t, func(t *testing.T) {
		c, count := asked(t, i, func(context.Context) error {
			time.Sleep(time.Second)
			return errOutOfReach
		})
		v, begin := mustNew(t, c), time.Now()
		var waiting sync.WaitGroup
		for range 40 {
			waiting.Go(func() {
				if _, err := v.Verify(t.Context(), good, relyingparty.Expected{}); !errors.Is(err, errOutOfReach) {
					t.Errorf("error %v, want the check's own", err)
				}
			})
		}
		waiting.Wait()
		if took := time.Since(begin); count.Load() != 1 || took != time.Second {
			t.Errorf("asked %d times in %s, want once in a second", count.Load(), took)
		}
	})
}
