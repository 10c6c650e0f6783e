// Package storetest holds every way of keeping records to what store.Store
// promises.
//
// Which function do I want? [Run] for any store, and besides it [RunShared] for
// one that several processes may share. Goroutines left behind are for the
// TestMain of the package that calls them to find, which tests in parallel cannot.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/azattest/azattest/store"
)

// patience bounds what must come to an end. It is no measure of speed: for that
// there are benchmarks.
const patience = 20 * time.Second

// Run tests a store. Open returns an empty one, with data of its own, and sees
// to it that it is closed when the test ends.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	withTwo := func(test func(t *testing.T, from, to store.Store)) func(*testing.T, store.Store) {
		return func(t *testing.T, s store.Store) {
			t.Helper()
			test(t, s, open(t))
		}
	}
	for name, test := range map[string]func(*testing.T, store.Store){
		"a new store is empty":                             testEmpty,
		"values are read back":                             testValues,
		"values belong to the caller":                      testOwnership,
		"revisions count commits":                          testRevisions,
		"expectations decide":                              testExpectations,
		"a conflict changes nothing":                       testConflict,
		"what is beyond the limits is refused":             testLimits,
		"what is just within the limits is kept":           testWithinLimits,
		"records come in the order of their keys":          testOrder,
		"a prefix is taken literally":                      testPrefix,
		"the visitor's error ends the visit":               testVisitError,
		"changes report the latest state":                  testChanges,
		"changes report deletions":                         testDeletions,
		"records are read as of one moment":                testMoment,
		"commits are seen whole":                           testWhole,
		"no update is lost":                                testLostUpdate,
		"a canceled call does nothing":                     testCanceled,
		"wait returns at once what is new already":         testWaitKnown,
		"wait wakes for a commit":                          testWaitWakes,
		"wait goes on while nothing changes":               testWaitIdle,
		"close ends calls under way":                       testClose,
		"a backup restores":                                withTwo(testBackup),
		"a restore that was cut short is known":            withTwo(testCutShort),
		"a restore with somebody writing beside it is not": withTwo(testDisturbed),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// RunShared tests what several handles on the same data see of each other. Data
// makes new, empty data and returns the function that opens a handle on it, and
// sees to it that the handle is closed when the test ends.
func RunShared(t *testing.T, data func(t *testing.T) func(t *testing.T) store.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, func(*testing.T) store.Store){
		"a commit is seen by others at once": testSeen,
		"others' commits conflict":           testSharedConflict,
		"no update is lost between handles":  testSharedLostUpdate,
		"revisions have no gaps":             testGapless,
		"wait wakes for others' commits":     testSharedWait,
		"closing one leaves the other":       testCloseOne,
		"what was committed outlives all":    testReopen,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, data(t))
		})
	}
}

// bounded returns a context that ends long after everything should have.
func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// commit makes changes that must succeed and returns the revision.
func commit(t *testing.T, s store.Store, changes ...store.Change) int64 {
	t.Helper()
	revision, err := s.Commit(bounded(t), changes...)
	if err != nil {
		t.Fatalf("commit of %d changes: %v", len(changes), err)
	}
	return revision
}

// get returns a record that must be there.
func get(t *testing.T, s store.Store, key string) store.Record {
	t.Helper()
	r, err := s.Get(bounded(t), key)
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	if r.Key != key || r.Value == nil {
		t.Fatalf("get %s returned key %q and a value that is nil: %t", key, r.Key, r.Value == nil)
	}
	return r
}

// all returns the records below a prefix and the revision.
func all(t *testing.T, s store.Store, prefix string) ([]store.Record, int64) {
	t.Helper()
	var records []store.Record
	revision, err := s.Each(bounded(t), prefix, func(r store.Record) error {
		records = append(records, r)
		return nil
	})
	if err != nil {
		t.Fatalf("each %q: %v", prefix, err)
	}
	return records, revision
}

// since returns what changed after a revision, and the revision now.
func since(t *testing.T, s store.Store, revision int64) ([]store.Record, int64) {
	t.Helper()
	var records []store.Record
	now, err := s.Changes(bounded(t), revision, func(r store.Record) error {
		records = append(records, r)
		return nil
	})
	if err != nil {
		t.Fatalf("changes since %d: %v", revision, err)
	}
	return records, now
}

// equal compares records to the last difference, also nil from empty.
func equal(t *testing.T, what string, got, want []store.Record) {
	t.Helper()
	rest := want
	for i, r := range got {
		if len(rest) == 0 {
			t.Errorf("%s: %d, want %d; the next is %s", what, len(got), len(want), short(r))
			return
		}
		w := rest[0]
		rest = rest[1:]
		if r.Key != w.Key || r.Revision != w.Revision || !bytes.Equal(r.Value, w.Value) || (r.Value == nil) != (w.Value == nil) {
			t.Errorf("%s: element %d is %s, want %s", what, i, short(r), short(w))
			return
		}
	}
	if len(rest) > 0 {
		t.Errorf("%s: %d, want %d; the next would be %s", what, len(got), len(want), short(rest[0]))
	}
}

// short describes a record in a line.
func short(r store.Record) string {
	return fmt.Sprintf("%s of revision %d with %d bytes %.20q (nil: %t)", r.Key, r.Revision, len(r.Value), r.Value, r.Value == nil)
}

// record is a record with a text as its value.
func record(key, value string, revision int64) store.Record {
	return store.Record{Key: key, Value: []byte(value), Revision: revision}
}

// conflict returns the *ConflictError that err must be.
func conflict(t *testing.T, err error) *store.ConflictError {
	t.Helper()
	var c *store.ConflictError
	if !errors.As(err, &c) {
		t.Fatalf("error %v, want a conflict", err)
	}
	return c
}

// pattern is n bytes in which every byte value occurs and no page repeats.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i + i>>8*7 + i>>16*13)
	}
	return b
}
