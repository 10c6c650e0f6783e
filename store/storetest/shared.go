package storetest

import (
	"testing"

	"github.com/azattest/azattest/store"
)

func testSeen(t *testing.T, open func(*testing.T) store.Store) {
	t.Helper()
	one, two := open(t), open(t)
	for range 5 {
		revision := commit(t, one, store.Put("a", nil, store.Any))
		if got := get(t, two, "a"); got.Revision != revision {
			t.Errorf("the other handle reads revision %d, want %d", got.Revision, revision)
		}
		revision = commit(t, two, store.Put("a", nil, revision))
		if changed, now := since(t, one, revision-1); len(changed) != 1 || now != revision {
			t.Errorf("%d changes at revision %d, want 1 at %d", len(changed), now, revision)
		}
	}
}

func testSharedConflict(t *testing.T, open func(*testing.T) store.Store) {
	t.Helper()
	one, two := open(t), open(t)
	commit(t, one, store.Put("a", []byte("one"), 0))
	_, err := two.Commit(bounded(t), store.Put("a", []byte("two"), 0))
	if c := conflict(t, err); c.Found != 1 {
		t.Errorf("found revision %d, want 1", c.Found)
	}
	commit(t, two, store.Put("a", []byte("two"), 1))
	_, err = one.Commit(bounded(t), store.Put("b", nil, 0), store.Check("a", 1))
	if c := conflict(t, err); c.Found != 2 {
		t.Errorf("found revision %d, want 2", c.Found)
	}
}

func testCloseOne(t *testing.T, open func(*testing.T) store.Store) {
	t.Helper()
	one, two := open(t), open(t)
	answer := waiting(t, two, 0)
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	commit(t, two, store.Put("a", nil, 0))
	if err := <-answer; err != nil {
		t.Error(err)
	}
	get(t, open(t), "a")
}

func testReopen(t *testing.T, open func(*testing.T) store.Store) {
	t.Helper()
	one, two := open(t), open(t)
	commit(t, one, store.Put("a", []byte("1"), 0), store.Put("b", nil, 0))
	commit(t, two, store.Put("c", pattern(store.MaxValue), 0))
	commit(t, one, store.Delete("b", 1))
	want, _ := since(t, one, 0)
	for _, s := range []store.Store{one, two} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t)
	got, revision := since(t, again, 0)
	equal(t, "changes after reopening", got, want)
	if revision != 3 {
		t.Errorf("revision %d after reopening, want 3", revision)
	}
	if got := commit(t, again, store.Put("d", nil, 0)); got != 4 {
		t.Errorf("revision %d of the next commit, want 4", got)
	}
}
