package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/azattest/azattest/store"
)

// keys are in the order of their bytes, which is no language's.
var keys = []string{"!", "%", "A", "B", "Z/a", "_", "a", "a!", "a%b", "a/", "a/0000000010", "a/0000000009x", "a/b", "a0", "a_b", "ab", "axb", "b", "~", "~~"}

func putKeys(t *testing.T, s store.Store) {
	t.Helper()
	for i := range keys {
		// In another order than they are read.
		key := keys[(i*7+3)%len(keys)]
		commit(t, s, store.Put(key, []byte(key), 0))
	}
}

func testOrder(t *testing.T, s store.Store) {
	t.Helper()
	putKeys(t, s)
	records, revision := all(t, s, "")
	if len(records) != len(keys) || revision != int64(len(keys)) {
		t.Fatalf("%d records at revision %d, want %d", len(records), revision, len(keys))
	}
	for i := 1; i < len(records); i++ {
		if records[i-1].Key >= records[i].Key {
			t.Errorf("%s came before %s, want the order of bytes", records[i-1].Key, records[i].Key)
		}
	}
}

func testPrefix(t *testing.T, s store.Store) {
	t.Helper()
	putKeys(t, s)
	for prefix, want := range map[string]string{
		"a/":    "[a/ a/0000000009x a/0000000010 a/b]",
		"a%":    "[a%b]",
		"a_":    "[a_b]",
		"a":     "[a a! a%b a/ a/0000000009x a/0000000010 a/b a0 a_b ab axb]",
		"~":     "[~ ~~]",
		"~~~":   "[]",
		"b":     "[b]",
		" ":     "[]",
		"\x00":  "[]",
		"a\xff": "[]",
		"a\x7f": "[]",
	} {
		records, revision := all(t, s, prefix)
		var got []string
		for _, r := range records {
			got = append(got, r.Key)
		}
		if fmt.Sprint(got) != want || revision != int64(len(keys)) {
			t.Errorf("prefix %q: %v at revision %d, want %s at %d", prefix, got, revision, want, len(keys))
		}
	}
}

func testVisitError(t *testing.T, s store.Store) {
	t.Helper()
	putKeys(t, s)
	want := errors.New("enough")
	for name, read := range map[string]func(func(store.Record) error) (int64, error){
		"each":    func(visit func(store.Record) error) (int64, error) { return s.Each(bounded(t), "", visit) },
		"changes": func(visit func(store.Record) error) (int64, error) { return s.Changes(bounded(t), 0, visit) },
	} {
		n := 0
		_, err := read(func(store.Record) error {
			if n++; n == 3 {
				return want
			}
			return nil
		})
		//nolint:errorlint // The visitor's error is promised as it is.
		if err != want || n != 3 {
			t.Errorf("%s: error %v after %d records, want the visitor's after 3", name, err, n)
		}
	}
	// The store goes on after it.
	commit(t, s, store.Put("after", nil, 0))
}

func testChanges(t *testing.T, s store.Store) {
	t.Helper()
	commit(t, s, store.Put("b", []byte("1"), 0), store.Put("a", []byte("1"), 0))
	commit(t, s, store.Put("c", []byte("2"), 0))
	commit(t, s, store.Put("a", []byte("3"), 1))
	commit(t, s, store.Put("d", []byte{}, 0))
	want := []store.Record{record("b", "1", 1), record("c", "2", 2), record("a", "3", 3), record("d", "", 4)}
	for after, from := range map[int64]int{-5: 0, 0: 0, 1: 1, 2: 2, 3: 3} {
		got, now := since(t, s, after)
		equal(t, fmt.Sprintf("changes since %d", after), got, want[from:])
		if now != 4 {
			t.Errorf("changes as of revision %d, want 4", now)
		}
	}
	for _, after := range []int64{4, 99} {
		if got, now := since(t, s, after); len(got) != 0 || now != 4 {
			t.Errorf("since %d: %d changes at revision %d, want none at 4", after, len(got), now)
		}
	}
}

func testDeletions(t *testing.T, s store.Store) {
	t.Helper()
	commit(t, s, store.Put("a", []byte("1"), 0), store.Put("b", []byte("1"), 0))
	commit(t, s, store.Delete("b", 1), store.Delete("never", store.Any))
	commit(t, s, store.Delete("a", store.Any))
	commit(t, s, store.Delete("a", store.Any), store.Delete("b", 0))
	got, _ := since(t, s, 0)
	equal(t, "deleted records", got, []store.Record{{Key: "b", Revision: 2}, {Key: "a", Revision: 3}})
	if _, err := s.Get(bounded(t), "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("get of a deleted record: error %v, want ErrNotFound", err)
	}
	if records, _ := all(t, s, ""); len(records) != 0 {
		t.Errorf("%d records left, want none", len(records))
	}
	commit(t, s, store.Put("a", []byte{}, 0))
	got, _ = since(t, s, 2)
	equal(t, "a record that came back", got, []store.Record{record("a", "", 5)})
}

// testMoment commits while a visit is under way, which must not see it.
func testMoment(t *testing.T, s store.Store) {
	t.Helper()
	putKeys(t, s)
	revision := int64(len(keys))
	for name, read := range map[string]func(func(store.Record) error) (int64, error){
		"each":    func(visit func(store.Record) error) (int64, error) { return s.Each(bounded(t), "", visit) },
		"changes": func(visit func(store.Record) error) (int64, error) { return s.Changes(bounded(t), 0, visit) },
	} {
		var seen []store.Record
		now, err := read(func(r store.Record) error {
			if seen = append(seen, r); len(seen) > 1 {
				return nil
			}
			done := make(chan error)
			go func() {
				_, err := s.Commit(bounded(t), store.Put("zz-"+name, nil, 0), store.Put("b", []byte("later"), store.Any), store.Delete("~~", store.Any))
				done <- err
			}()
			return <-done
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if now != revision {
			t.Errorf("%s: as of revision %d, want that of its beginning, %d", name, now, revision)
		}
		for _, r := range seen {
			if r.Revision > revision {
				t.Errorf("%s: saw %s of revision %d, though it began at %d", name, r.Key, r.Revision, revision)
			}
		}
		revision++
	}
}
