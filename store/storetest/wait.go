package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/azattest/azattest/store"
)

func testCanceled(t *testing.T, s store.Store) {
	t.Helper()
	commit(t, s, store.Put("a", nil, 0))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	visit := func(store.Record) error { return nil }
	for name, call := range map[string]func() error{
		"get":     func() error { _, err := s.Get(ctx, "a"); return err },
		"each":    func() error { _, err := s.Each(ctx, "", visit); return err },
		"changes": func() error { _, err := s.Changes(ctx, 0, visit); return err },
		"commit":  func() error { _, err := s.Commit(ctx, store.Put("b", nil, 0)); return err },
		"wait":    func() error { _, err := s.Wait(ctx, 1); return err },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want context.Canceled", name, err)
		}
	}
	if _, revision := all(t, s, ""); revision != 1 {
		t.Errorf("revision %d after canceled calls, want still 1", revision)
	}
}

func testWaitKnown(t *testing.T, s store.Store) {
	t.Helper()
	commit(t, s, store.Put("a", nil, 0))
	commit(t, s, store.Put("a", nil, 1))
	for _, after := range []int64{-1, 0, 1} {
		if revision, err := s.Wait(bounded(t), after); err != nil || revision != 2 {
			t.Errorf("wait since %d: revision %d, error %v, want 2", after, revision, err)
		}
	}
}

// waiting starts a Wait and returns where its answer comes.
func waiting(t *testing.T, s store.Store, after int64) <-chan error {
	t.Helper()
	ctx := bounded(t)
	answer := make(chan error, 1)
	go func() {
		revision, err := s.Wait(ctx, after)
		if err == nil && revision <= after {
			err = fmt.Errorf("wait since %d returned revision %d", after, revision)
		}
		answer <- err
	}()
	return answer
}

func testWaitWakes(t *testing.T, s store.Store) {
	t.Helper()
	wakes(t, s, s)
}

func testSharedWait(t *testing.T, open func(*testing.T) store.Store) {
	t.Helper()
	wakes(t, open(t), open(t))
}

// wakes lets several wait on one handle for what is committed on another.
func wakes(t *testing.T, waiter, writer store.Store) {
	t.Helper()
	for i := range int64(5) {
		answers := []<-chan error{waiting(t, waiter, i), waiting(t, waiter, i), waiting(t, waiter, i)}
		// A check must wake nobody, and a commit everybody.
		commit(t, writer, store.Check("absent", 0))
		if got := commit(t, writer, store.Put("a", nil, store.Any)); got != i+1 {
			t.Fatalf("revision %d, want %d", got, i+1)
		}
		for _, answer := range answers {
			if err := <-answer; err != nil {
				t.Fatalf("commit %d: %v", i+1, err)
			}
		}
	}
}

func testWaitIdle(t *testing.T, s store.Store) {
	t.Helper()
	commit(t, s, store.Put("a", nil, 0))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	for _, after := range []int64{1, 1000} {
		if revision, err := s.Wait(ctx, after); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("wait since %d: revision %d, error %v, want the deadline", after, revision, err)
		}
	}
}

func testClose(t *testing.T, s store.Store) {
	t.Helper()
	commit(t, s, store.Put("a", nil, 0), store.Put("b", nil, 0))
	answers := []<-chan error{waiting(t, s, 1), waiting(t, s, 1)}
	visiting := make(chan struct{})
	closing := make(chan struct{})
	visited := make(chan error, 1)
	ctx := bounded(t)
	go func() {
		_, err := s.Each(ctx, "", func(r store.Record) error {
			if r.Key == "a" {
				close(visiting)
				<-closing
				// Close waits for this, and has begun before the next record.
				time.Sleep(50 * time.Millisecond)
			}
			return nil
		})
		visited <- err
	}()
	select {
	case <-visiting:
	case err := <-visited:
		t.Fatalf("each: %v", err)
	}
	close(closing)
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	for _, answer := range answers {
		if err := <-answer; !errors.Is(err, store.ErrClosed) {
			t.Errorf("wait under way: error %v, want ErrClosed", err)
		}
	}
	// The last record may have been on its way already.
	if err := <-visited; err != nil && !errors.Is(err, store.ErrClosed) {
		t.Errorf("each under way: error %v, want ErrClosed", err)
	}
	visit := func(store.Record) error { return nil }
	for name, call := range map[string]func() error{
		"get":     func() error { _, err := s.Get(ctx, "a"); return err },
		"each":    func() error { _, err := s.Each(ctx, "", visit); return err },
		"changes": func() error { _, err := s.Changes(ctx, 0, visit); return err },
		"commit":  func() error { _, err := s.Commit(ctx, store.Put("b", nil, store.Any)); return err },
		"wait":    func() error { _, err := s.Wait(ctx, 0); return err },
	} {
		if err := call(); !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after close: error %v, want ErrClosed", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
}
