package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/azattest/azattest/store"
)

// fillSome puts more records than one commit of a restore takes.
func fillSome(t *testing.T, s store.Store) {
	t.Helper()
	commit(t, s, store.Put("empty", nil, 0), store.Put("gone", nil, 0), store.Put("large", pattern(store.MaxValue), 0))
	commit(t, s, store.Delete("gone", 1))
	for from := 0; from < 300; from += 100 {
		var changes []store.Change
		for i := range 100 {
			changes = append(changes, store.Put(fmt.Sprintf("many/%d/<\"\\&>", from+i), pattern(i), 0))
		}
		commit(t, s, changes...)
	}
}

func backup(t *testing.T, s store.Store) ([]byte, store.Summary) {
	t.Helper()
	var out bytes.Buffer
	summary, err := store.Backup(bounded(t), s, &out)
	if err != nil {
		t.Fatalf("backup: %v", err)
	}
	return out.Bytes(), summary
}

func testBackup(t *testing.T, from, to store.Store) {
	t.Helper()
	fillSome(t, from)
	raw, summary := backup(t, from)
	if summary.Records != 302 || summary.Revision != 5 {
		t.Errorf("backup of %d records at revision %d, want 302 at 5", summary.Records, summary.Revision)
	}
	if checked, err := store.CheckBackup(bytes.NewReader(raw)); err != nil || checked != summary {
		t.Errorf("checked: %+v, %v, want %+v", checked, err, summary)
	}
	restored, err := store.Restore(bounded(t), to, bytes.NewReader(raw))
	if err != nil || restored != summary {
		t.Fatalf("restored: %+v, %v, want %+v", restored, err, summary)
	}
	if _, again := backup(t, to); again.SHA256 != summary.SHA256 {
		t.Error("the restored store holds other records")
	}
	if err := store.CheckComplete(bounded(t), to); err != nil {
		t.Errorf("a restored store is called incomplete: %v", err)
	}
	var full *store.NotEmptyError
	before, revision := all(t, to, "")
	if _, err := store.Restore(bounded(t), to, bytes.NewReader(raw)); !errors.As(err, &full) || full.Key != "empty" {
		t.Errorf("restored over a store with records: error %v, want that it is not empty", err)
	}
	after, now := all(t, to, "")
	equal(t, "records after a refused restore", after, before)
	if now != revision {
		t.Errorf("revision %d after a refused restore, want still %d", now, revision)
	}
}

// failing is a store of which a commit fails, or does something first.
type failing struct {
	store.Store
	left   int // commits that pass
	before func() error
}

func (f *failing) Commit(ctx context.Context, changes ...store.Change) (int64, error) {
	if f.left--; f.left < 0 {
		if err := f.before(); err != nil {
			return 0, err
		}
	}
	return f.Store.Commit(ctx, changes...)
}

func testCutShort(t *testing.T, from, to store.Store) {
	t.Helper()
	fillSome(t, from)
	raw, _ := backup(t, from)
	broken := errors.New("broken")
	_, err := store.Restore(bounded(t), &failing{to, 2, func() error { return broken }}, bytes.NewReader(raw))
	var incomplete *store.IncompleteError
	if !errors.As(err, &incomplete) || !errors.Is(err, broken) {
		t.Fatalf("error %v, want one that says incomplete, and why", err)
	}
	for name, err := range map[string]error{
		"check":  store.CheckComplete(bounded(t), to),
		"backup": second(store.Backup(bounded(t), to, io.Discard)),
		"again":  second(store.Restore(bounded(t), to, bytes.NewReader(raw))),
	} {
		if incomplete = nil; !errors.As(err, &incomplete) {
			t.Errorf("%s: error %v, want that the store is incomplete", name, err)
		}
	}
}

func second(_ store.Summary, err error) error { return err }

// testDisturbed lets somebody else write into the store that is being restored.
func testDisturbed(t *testing.T, from, to store.Store) {
	t.Helper()
	fillSome(t, from)
	raw, _ := backup(t, from)
	disturbed := false
	_, err := store.Restore(bounded(t), &failing{to, 2, func() error {
		if disturbed {
			return nil
		}
		disturbed = true
		_, err := to.Commit(bounded(t), store.Put("intruder", nil, 0))
		return err
	}}, bytes.NewReader(raw))
	var incomplete *store.IncompleteError
	if !errors.As(err, &incomplete) {
		t.Errorf("error %v, want that the store is incomplete", err)
	}
	if incomplete = nil; !errors.As(store.CheckComplete(bounded(t), to), &incomplete) {
		t.Error("the store counts as complete")
	}
}
