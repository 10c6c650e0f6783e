package keyring_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/token"
)

// running starts Run of some replicas in the time of the bubble, and returns
// what ends them.
func running(tb testing.TB, all ...*keyring.Keyring) func() {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	var group sync.WaitGroup
	for _, k := range all {
		group.Go(func() {
			if err := k.Run(ctx); err != nil {
				tb.Error(err)
			}
		})
	}
	return func() {
		cancel()
		group.Wait()
	}
}

// bubble is a configuration whose time is that of the bubble, and what lets it
// pass: slowly, with all that Run does in it, for the first and the last hour,
// and in one jump in between.
func bubble(f *fixture) (keyring.Config, func(time.Duration)) {
	var jumped atomic.Int64
	c := f.config()
	c.Clock = func() time.Time { return time.Now().Add(time.Duration(jumped.Load())) }
	return c, func(d time.Duration) {
		if d > 2*time.Hour {
			time.Sleep(time.Hour)
			jumped.Add(int64(d - 2*time.Hour))
			d = time.Hour
		}
		time.Sleep(d)
	}
}

func TestRunRotatesByAgeAndRemovesWhatExpired(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	synctest.Test(t, func(t *testing.T) {
		c, pass := bubble(f)
		c.Announce, c.RotateAfter = 2*time.Hour, 10*day
		one, two := open(t, c), open(t, c)
		first := ring(t, one, contoso, token.ES256).Current().ID()
		stop := running(t, one, two)
		defer stop()

		pass(10*day - 2*time.Hour - time.Minute)
		refresh(t, one, two)
		wantStates(t, one, keyring.StateActive)
		pass(10 * time.Minute)
		refresh(t, one, two)
		wantStates(t, one, keyring.StateActive, keyring.StateAnnounced)
		wantStates(t, two, keyring.StateActive, keyring.StateAnnounced)
		if s := one.Keys(); s[1].ActiveFrom.Sub(s[0].ActiveFrom) < 10*day || s[1].ActiveFrom.Sub(s[0].ActiveFrom) > 10*day+10*time.Minute {
			t.Errorf("the second key begins at %s, want 10 days after %s", s[1].ActiveFrom, s[0].ActiveFrom)
		}
		pass(2 * time.Hour)
		wantStates(t, one, keyring.StatePrevious, keyring.StateActive)
		pass(published)
		wantStates(t, two, keyring.StateExpired, keyring.StateActive)
		pass(7 * day)
		refresh(t, two)
		if s := two.Keys(); len(s) == 0 || s[0].ID == first {
			t.Errorf("%+v, want the expired key removed", s)
		}
		if n := len(f.store.keys()); n != 1 {
			t.Errorf("%d keys in the store, want 1", n)
		}
	})
}

func TestRunNeverRotatesIfToldSo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	synctest.Test(t, func(t *testing.T) {
		c, pass := bubble(f)
		c.RotateAfter = -1
		k := open(t, c)
		ring(t, k, contoso, token.ES256)
		stop := running(t, k)
		defer stop()
		pass(120 * day)
		refresh(t, k)
		wantStates(t, k, keyring.StateActive)
	})
}

func TestRunMakesNoKeyThatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	synctest.Test(t, func(t *testing.T) {
		c, pass := bubble(f)
		k := open(t, c)
		stop := running(t, k)
		defer stop()
		pass(120 * day)
		if n := len(f.store.keys()); n != 0 {
			t.Errorf("%d keys, want none", n)
		}
	})
}

func TestRunRemovesRevokedKeysAfterAYear(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	synctest.Test(t, func(t *testing.T) {
		c, pass := bubble(f)
		c.RotateAfter = -1
		k := open(t, c)
		if err := k.Revoke(t.Context(), ring(t, k, contoso, token.ES256).Current().ID()); err != nil {
			t.Fatal(err)
		}
		stop := running(t, k)
		defer stop()
		pass(364 * day)
		wantStates(t, k, keyring.StateRevoked, keyring.StateActive)
		pass(2 * day)
		wantStates(t, k, keyring.StateActive)
	})
}

// A replica whose clock is a year ahead announces a key for next year. The others
// rotate as if it were not there, and lose no key that they need.
func TestReplicaWithAWrongClockKeepsNobodyFromRotating(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	synctest.Test(t, func(t *testing.T) {
		c, pass := bubble(f)
		right := open(t, c)
		first := ring(t, right, contoso, token.ES256).Current().ID()
		clock := c.Clock
		c.Clock = func() time.Time { return clock().Add(365 * day) }
		wrong := open(t, c)
		stop := running(t, wrong)
		pass(time.Hour)
		stop()
		refresh(t, right)
		wantStates(t, right, keyring.StateActive, keyring.StateAnnounced)
		if got := ring(t, right, contoso, token.ES256).Current().ID(); got != first {
			t.Errorf("key %s signs, want %s still", got, first)
		}

		stop = running(t, right)
		defer stop()
		pass(89*day + time.Hour) // one day is for the announcement
		pass(day)
		wantStates(t, right, keyring.StatePrevious, keyring.StateActive, keyring.StateAnnounced)
	})
}

func TestRunLogsWhatFailsAndGoesOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c, pass := bubble(f)
		c.RotateAfter = 2 * day
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
		k := open(t, c)
		ring(t, k, contoso, token.ES256)
		f.store.fail = func() (bool, error) { return false, errStoreGone }
		stop := running(t, k)
		pass(2 * day)
		stop()
		if !strings.Contains(log.String(), errStoreGone.Error()) {
			t.Errorf("log %q, want the store's error in it", log.String())
		}
		wantStates(t, k, keyring.StateActive, keyring.StateAnnounced)
	})
}
