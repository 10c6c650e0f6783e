package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/testpg"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/postgres"
)

// behind opens two handles on the same records: one through a proxy, one
// straight.
func behind(t *testing.T) (proxied, direct *postgres.Store, proxy *testpg.Proxy) {
	t.Helper()
	config := newConfig(t)
	direct = open(t, config)
	proxy = testpg.NewProxy(t, server.Addr(t))
	config.DSN = proxy.DSN(t, config.DSN)
	return open(t, config), direct, proxy
}

func put(t *testing.T, s store.Store, key string) int64 {
	t.Helper()
	revision, err := s.Commit(t.Context(), store.Put(key, []byte(key), store.Any))
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// trouble returns which trouble an error tells of, or "".
func trouble(err error) store.Trouble {
	var unavailable *store.UnavailableError
	if !errors.As(err, &unavailable) {
		return ""
	}
	return unavailable.Trouble
}

// TestWaitSeesCommitsWithoutItsListeningConnection is the promise of bounded
// staleness: one second, and here some more for a busy machine to run the test.
func TestWaitSeesCommitsWithoutItsListeningConnection(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(*testpg.Proxy){
		"cut":     func(p *testpg.Proxy) { p.CutWhere("LISTEN") },
		"stalled": func(p *testpg.Proxy) { p.StallWhere("LISTEN") },
	} {
		t.Run(name, func(t *testing.T) {
			proxied, direct, proxy := behind(t)
			revision := put(t, direct, "before")
			answer := make(chan error, 1)
			ctx := t.Context()
			go func() {
				now, err := proxied.Wait(ctx, revision)
				if err == nil && now <= revision {
					err = errors.New("wait returned without a commit")
				}
				answer <- err
			}()
			proxied.Listening(t)
			breaks(proxy)
			begin := time.Now()
			put(t, direct, "while-broken")
			if err := <-answer; err != nil {
				t.Fatal(err)
			}
			took := time.Since(begin)
			t.Logf("seen after %s", took)
			if took > 3*time.Second {
				t.Errorf("seen after %s, want a second", took)
			}
		})
	}
}

func TestWaitSaysWhenItIsBlindAndRecovers(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(*testpg.Proxy){"cut": (*testpg.Proxy).Cut, "stalled": (*testpg.Proxy).Stall} {
		t.Run(name, func(t *testing.T) {
			proxied, direct, proxy := behind(t)
			revision := put(t, direct, "before")
			breaks(proxy)
			if _, err := proxied.Wait(t.Context(), revision); trouble(err) != store.TroubleUnreachable {
				t.Fatalf("error %v, want that the server is unreachable", err)
			}
			revision = put(t, direct, "while-broken")
			proxy.Restore()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			for {
				now, err := proxied.Wait(ctx, revision-1)
				if err == nil && now == revision {
					return
				}
				if trouble(err) != store.TroubleUnreachable {
					t.Fatalf("revision %d, error %v, want %d or that the server is unreachable still", now, err, revision)
				}
			}
		})
	}
}

func TestCommitCutAtItsEndIsUncertain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		breaks     func(*testpg.Proxy)
		isHappened bool
	}{
		"before the server sees it": {func(p *testpg.Proxy) { p.CutBefore("commit\x00") }, false},
		"before its answer":         {func(p *testpg.Proxy) { p.CutAfter("commit\x00") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			proxied, direct, proxy := behind(t)
			put(t, proxied, "before")
			test.breaks(proxy)
			_, err := proxied.Commit(t.Context(), store.Put("a", nil, 0))
			if _, ok := errors.AsType[*store.UncertainError](err); !ok {
				t.Fatalf("error %v, want that it is uncertain", err)
			}
			if _, err := direct.Get(t.Context(), "a"); (err == nil) != test.isHappened {
				t.Errorf("get: %v, want it there: %t", err, test.isHappened)
			}
			proxy.Restore()
			put(t, proxied, "after")
		})
	}
}

func TestCommitCutBeforeItsEndChangesNothingAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	proxied, direct, proxy := behind(t)
	put(t, proxied, "before")
	proxy.Cut()
	_, err := proxied.Commit(t.Context(), store.Put("a", nil, 0))
	if trouble(err) != store.TroubleUnreachable {
		t.Errorf("error %v, want that the server is unreachable", err)
	}
	if _, err := direct.Get(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("error %v, want ErrNotFound", err)
	}
	// The connections that are in the pool are dead; nobody needs to know.
	proxy.Restore()
	put(t, proxied, "a")
	if _, err := proxied.Get(t.Context(), "a"); err != nil {
		t.Error(err)
	}
}

func TestHungProcessDoesNotBlockCommitsForEver(t *testing.T) {
	t.Parallel()
	proxied, direct, proxy := behind(t)
	put(t, proxied, "before")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// It hangs when it has the lock: nothing is heard of it any more.
	proxy.StallWhere("FOR UPDATE")
	hung := make(chan error, 1)
	go func() {
		_, err := proxied.Commit(ctx, store.Put("a", nil, 0))
		hung <- err
	}()
	put(t, direct, "b")
	cancel()
	if err := <-hung; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the caller's cancellation", err)
	}
}

func TestLockThatIsHeldIsGivenUp(t *testing.T) {
	t.Parallel()
	config := newConfig(t)
	s := open(t, config)
	put(t, s, "a")
	release := s.Lock(t)
	defer release()
	if _, err := s.Get(t.Context(), "a"); err != nil {
		t.Errorf("reading waits for a writer: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.Commit(ctx, store.Put("a", nil, store.Any)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the caller's deadline", err)
	}
	// The server ends the holder before those who wait give up.
	put(t, s, "a")
}

func TestServerThatIsGoneIsUnreachable(t *testing.T) {
	t.Parallel()
	own := testpg.Start(t)
	dsn := own.DSN(t)
	s := open(t, postgres.Config{DSN: dsn})
	put(t, s, "a")
	own.Kill()
	visit := func(store.Record) error { return nil }
	for name, call := range map[string]func() error{
		"get":     func() error { _, err := s.Get(t.Context(), "a"); return err },
		"each":    func() error { _, err := s.Each(t.Context(), "", visit); return err },
		"changes": func() error { _, err := s.Changes(t.Context(), 0, visit); return err },
		"commit":  func() error { _, err := s.Commit(t.Context(), store.Put("a", nil, 1)); return err },
		"wait":    func() error { _, err := s.Wait(t.Context(), 1); return err },
		"open":    func() error { _, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn}); return err },
	} {
		if err := call(); trouble(err) != store.TroubleUnreachable {
			t.Errorf("%s: error %v, want that the server is unreachable", name, err)
		}
	}
	own.Restart(t)
	if got, err := s.Get(t.Context(), "a"); err != nil || got.Revision != 1 {
		t.Errorf("revision %d, %v, want 1", got.Revision, err)
	}
}
