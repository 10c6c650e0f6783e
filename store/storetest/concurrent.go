package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/azattest/azattest/store"
)

// testWhole reads while others write pairs that must always agree.
func testWhole(t *testing.T, s store.Store) {
	t.Helper()
	const writers, commits = 3, 15
	ctx := bounded(t)
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range commits {
				value := fmt.Appendf(nil, "%d", i)
				if _, err := s.Commit(ctx, store.Put(fmt.Sprintf("pair/%d/a", w), value, store.Any), store.Put(fmt.Sprintf("pair/%d/b", w), value, store.Any)); err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writing.Wait(); close(done) }()
	var last int64
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		last = max(last, checkPairs(t, s, last))
	}
	if last != writers*commits {
		t.Errorf("revision %d in the end, want %d", last, writers*commits)
	}
}

// checkPairs fails the test if a commit is half there, or if the revision went
// back, and returns the revision.
func checkPairs(t *testing.T, s store.Store, before int64) int64 {
	t.Helper()
	records, revision := all(t, s, "pair/")
	if revision < before {
		t.Errorf("revision %d after %d", revision, before)
	}
	var newest int64
	for i, r := range records {
		newest = max(newest, r.Revision)
		if i%2 == 1 && (string(r.Value) != string(records[i-1].Value) || r.Revision != records[i-1].Revision) {
			t.Errorf("half a commit: %s is %s of revision %d, %s is %s of revision %d",
				records[i-1].Key, records[i-1].Value, records[i-1].Revision, r.Key, r.Value, r.Revision)
		}
	}
	// Every commit of the test writes a pair, so the last one is always seen.
	if newest != revision {
		t.Errorf("the newest record has revision %d, but the moment %d", newest, revision)
	}
	return revision
}

func testLostUpdate(t *testing.T, s store.Store) {
	t.Helper()
	countTogether(t, s)
}

func testSharedLostUpdate(t *testing.T, open func(*testing.T) store.Store) {
	t.Helper()
	countTogether(t, open(t), open(t))
}

// countTogether lets many add one to the same number at once.
func countTogether(t *testing.T, handles ...store.Store) {
	t.Helper()
	const counters, each = 6, 10
	ctx := bounded(t)
	var counting sync.WaitGroup
	for c := range counters {
		counting.Go(func() {
			for range each {
				if err := increment(ctx, handles[c%len(handles)], "counter"); err != nil {
					t.Errorf("counter %d: %v", c, err)
					return
				}
			}
		})
	}
	counting.Wait()
	for _, s := range handles {
		if got := get(t, s, "counter"); string(got.Value) != strconv.Itoa(counters*each) || got.Revision != counters*each {
			t.Errorf("counted to %s at revision %d, want %d", got.Value, got.Revision, counters*each)
		}
	}
}

// increment adds one, as often as it takes.
func increment(ctx context.Context, s store.Store, key string) error {
	for {
		r, err := s.Get(ctx, key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		n := 0
		if err == nil {
			if n, err = strconv.Atoi(string(r.Value)); err != nil {
				return err
			}
		}
		_, err = s.Commit(ctx, store.Put(key, []byte(strconv.Itoa(n+1)), r.Revision))
		if _, ok := errors.AsType[*store.ConflictError](err); !ok {
			return err
		}
	}
}

func testGapless(t *testing.T, open func(*testing.T) store.Store) {
	t.Helper()
	const writers, commits = 4, 12
	handles := []store.Store{open(t), open(t)}
	ctx := bounded(t)
	var mu sync.Mutex
	seen := make(map[int64]bool)
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range commits {
				revision, err := handles[w%2].Commit(ctx, store.Put(fmt.Sprintf("w%d/%d", w, i), nil, 0))
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
				mu.Lock()
				if seen[revision] {
					t.Errorf("revision %d twice", revision)
				}
				seen[revision] = true
				mu.Unlock()
			}
		})
	}
	writing.Wait()
	for revision := int64(1); revision <= writers*commits; revision++ {
		if !seen[revision] {
			t.Errorf("no commit got revision %d", revision)
		}
	}
}
