package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/azattest/azattest/store"
)

func testEmpty(t *testing.T, s store.Store) {
	t.Helper()
	for _, key := range []string{"a", "", "with space", "null\x00byte", "\xff\xfe", strings.Repeat("k", store.MaxKey+1)} {
		if _, err := s.Get(bounded(t), key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("get %q: error %v, want ErrNotFound", key, err)
		}
	}
	if records, revision := all(t, s, ""); len(records) != 0 || revision != 0 {
		t.Errorf("%d records at revision %d, want none at 0", len(records), revision)
	}
	if records, revision := since(t, s, 0); len(records) != 0 || revision != 0 {
		t.Errorf("%d changes at revision %d, want none at 0", len(records), revision)
	}
}

func testValues(t *testing.T, s store.Store) {
	t.Helper()
	for name, value := range map[string][]byte{
		"nil":        nil,
		"empty":      {},
		"a-zero":     {0},
		"text":       []byte("{\"name\":\"Grüße\"}"),
		"not-UTF-8":  {0xff, 0xfe, 0x80, 0xc0},
		"every-byte": pattern(256),
		"largest":    pattern(store.MaxValue),
	} {
		revision := commit(t, s, store.Put(name, value, 0))
		got := get(t, s, name)
		if !bytes.Equal(got.Value, value) || got.Revision != revision {
			t.Errorf("%s: read %d bytes at revision %d, want the %d bytes of revision %d", name, len(got.Value), got.Revision, len(value), revision)
		}
		if records, _ := all(t, s, name); len(records) != 1 || records[0].Value == nil || !bytes.Equal(records[0].Value, value) {
			t.Errorf("%s: visited otherwise than put", name)
		}
		if records, _ := since(t, s, revision-1); len(records) != 1 || records[0].Value == nil || !bytes.Equal(records[0].Value, value) {
			t.Errorf("%s: reported as changed otherwise than put", name)
		}
	}
}

func testOwnership(t *testing.T, s store.Store) {
	t.Helper()
	value := []byte("original")
	commit(t, s, store.Put("a", value, 0))
	copy(value, "scribble")
	copy(get(t, s, "a").Value, "scribble")
	records, _ := all(t, s, "")
	copy(records[0].Value, "scribble")
	changed, _ := since(t, s, 0)
	copy(changed[0].Value, "scribble")
	if got := get(t, s, "a"); string(got.Value) != "original" {
		t.Errorf("the value became %q by writes to copies of it", got.Value)
	}
}

func testRevisions(t *testing.T, s store.Store) {
	t.Helper()
	steps := []struct {
		what    string
		changes []store.Change
		want    int64
	}{
		{"a put", []store.Change{store.Put("a", []byte("1"), 0)}, 1},
		{"three puts", []store.Change{store.Put("b", nil, 0), store.Put("c", nil, 0), store.Put("d", nil, 0)}, 2},
		{"checks", []store.Change{store.Check("a", 1), store.Check("x", 0)}, 2},
		{"the same value again", []store.Change{store.Put("a", []byte("1"), 1)}, 3},
		{"a deletion", []store.Change{store.Delete("b", 2)}, 4},
		{"a deletion of nothing", []store.Change{store.Delete("b", store.Any)}, 5},
		{"a deletion of what must not be", []store.Change{store.Delete("never", 0)}, 6},
		{"a put with a check", []store.Change{store.Check("a", 3), store.Put("b", nil, 0)}, 7},
	}
	for _, step := range steps {
		if got := commit(t, s, step.changes...); got != step.want {
			t.Fatalf("%s: revision %d, want %d", step.what, got, step.want)
		}
		if _, revision := all(t, s, ""); revision != step.want {
			t.Fatalf("%s: read at revision %d, want %d", step.what, revision, step.want)
		}
	}
	records, _ := all(t, s, "")
	equal(t, "records", records, []store.Record{record("a", "1", 3), record("b", "", 7), record("c", "", 2), record("d", "", 2)})
}

// testExpectations tries every kind of change against every state of a record.
func testExpectations(t *testing.T, s store.Store) {
	t.Helper()
	n := 0
	for _, state := range []string{"absent", "present", "deleted"} {
		for _, kind := range []store.Kind{store.KindPut, store.KindDelete, store.KindCheck} {
			for _, expected := range []string{"none", "any", "current", "older", "newer"} {
				if kind == store.KindCheck && expected == "any" {
					continue
				}
				n++
				key := fmt.Sprintf("expectations/%d", n)
				var found, last int64
				if state != "absent" {
					commit(t, s, store.Put(key, []byte("old"), 0))
					last = commit(t, s, store.Put(key, []byte("new"), store.Any))
					found = last
				}
				if state == "deleted" {
					last = commit(t, s, store.Delete(key, last))
					found = 0
				}
				want := map[string]int64{"none": 0, "any": store.Any, "current": max(last, 1), "older": max(last-1, 1), "newer": last + 1000}[expected]
				var change store.Change
				switch kind {
				case store.KindPut:
					change = store.Put(key, []byte("x"), want)
				case store.KindDelete:
					change = store.Delete(key, want)
				default:
					change = store.Check(key, want)
				}
				what := fmt.Sprintf("%s of what is %s, expected %s (%d)", kind, state, expected, want)
				_, err := s.Commit(bounded(t), change)
				if want == store.Any || want == found {
					if err != nil {
						t.Errorf("%s: %v", what, err)
					}
					continue
				}
				if c := conflict(t, err); *c != (store.ConflictError{Key: key, Expected: want, Found: found}) {
					t.Errorf("%s: conflict %+v, want revision %d found", what, *c, found)
				}
			}
		}
	}
}

func testConflict(t *testing.T, s store.Store) {
	t.Helper()
	commit(t, s, store.Put("a", []byte("1"), 0), store.Put("b", []byte("1"), 0))
	before, revision := all(t, s, "")
	_, err := s.Commit(bounded(t),
		store.Put("a", []byte("2"), 1), store.Put("new", []byte("2"), 0), store.Delete("b", store.Any), store.Check("absent", 7))
	if c := conflict(t, err); c.Key != "absent" {
		t.Errorf("conflict about %s, want the record absent", c.Key)
	}
	after, now := all(t, s, "")
	equal(t, "records after a conflict", after, before)
	if now != revision {
		t.Errorf("revision %d after a conflict, want still %d", now, revision)
	}
	if changed, _ := since(t, s, revision); len(changed) != 0 {
		t.Errorf("%d changes after a conflict, want none", len(changed))
	}
	// Of several conflicts the first is reported.
	_, err = s.Commit(bounded(t), store.Check("a", 1), store.Put("b", nil, 0), store.Check("absent", 7))
	if c := conflict(t, err); c.Key != "b" {
		t.Errorf("conflict about %s, want the first, b", c.Key)
	}
}

func testLimits(t *testing.T, s store.Store) {
	t.Helper()
	many := make([]store.Change, store.MaxChanges+1)
	for i := range many {
		many[i] = store.Put(fmt.Sprintf("k%d", i), nil, 0)
	}
	tests := map[string][]store.Change{
		"changes": nil,
		"key":     {store.Put("good", nil, 0), store.Put("not good", nil, 0)},
		"value":   {store.Put("good", nil, 0), store.Put("large", make([]byte, store.MaxValue+1), 0)},
	}
	for part, changes := range tests {
		var limit *store.LimitError
		if _, err := s.Commit(bounded(t), changes...); !errors.As(err, &limit) || limit.Part != part {
			t.Errorf("error %v, want a limit of the %s", err, part)
		}
	}
	var limit *store.LimitError
	if _, err := s.Commit(bounded(t), many...); !errors.As(err, &limit) || limit.Part != "changes" {
		t.Errorf("error %v, want a limit of the changes", err)
	}
	if records, revision := all(t, s, ""); len(records) != 0 || revision != 0 {
		t.Errorf("%d records at revision %d after refusals, want none at 0", len(records), revision)
	}
}

func testWithinLimits(t *testing.T, s store.Store) {
	t.Helper()
	var changes []store.Change
	for i := range store.MaxChanges {
		key := fmt.Sprintf("%04d/", i)
		key += strings.Repeat("~", store.MaxKey-len(key))
		changes = append(changes, store.Put(key, pattern(16<<10), 0))
	}
	commit(t, s, changes...)
	records, revision := all(t, s, "")
	if len(records) != store.MaxChanges || revision != 1 {
		t.Fatalf("%d records at revision %d, want %d at 1", len(records), revision, store.MaxChanges)
	}
	for i, r := range records {
		if r.Key != changes[i].Key() || !bytes.Equal(r.Value, changes[i].Value()) || r.Revision != 1 {
			t.Fatalf("record %d differs from what was put", i)
		}
	}
}
