// Package store keeps what must outlive a process: records under keys, each with
// the revision of the commit that wrote it. It knows nothing of what the records
// say.
//
// Which function do I want?
//
//   - to read one record: [Store.Get];
//   - to read all below a prefix, as of one moment: [Store.Each];
//   - to change records, all or none, if nobody changed them meanwhile:
//     [Store.Commit] of [Put], [Delete] and [Check];
//   - to learn of changes: [Store.Wait], then [Store.Changes];
//   - to carry all records elsewhere: [Backup], [CheckBackup] and [Restore];
//   - to be sure that a restore was not cut short: [CheckComplete].
//
// The rest is for those who write another store: [CheckChanges], [CheckKey],
// [PrefixRange], [IsCheckOnly], [Calls], [Signal], [ReadMigrations].
//
// There are three ways of keeping records, alike in all that this page says:
// store/sqlite (one file, the default), store/postgres (one database for many
// replicas) and store/memory (for tests and trials). One suite, store/storetest,
// holds all three to it.
package store

import (
	"context"
	"slices"
)

// Record is a value under a key.
type Record struct {
	// Key is a path such as "instances/contoso": 1 to 512 bytes of visible
	// ASCII. Records are ordered by the bytes of their keys.
	Key string
	// Value is whatever was put, at most 1 MiB; it may be empty. It is nil in
	// what [Store.Changes] reports of a record that was deleted.
	Value []byte
	// Revision is that of the commit that wrote the record, 1 or more.
	Revision int64
}

// Any is the expectation that always holds.
const Any int64 = -1

// Change is one part of a commit. Make it with [Put], [Delete] or [Check].
type Change struct {
	key      string
	value    []byte
	kind     Kind
	expected int64
}

// Kind says what a [Change] does.
type Kind string

// The kinds of changes.
const (
	KindPut    Kind = "put"
	KindDelete Kind = "delete"
	KindCheck  Kind = "check"
)

// Put writes value under key if the record has the expected revision: 0 means
// that there must be none, [Any] that it does not matter.
func Put(key string, value []byte, expected int64) Change {
	if value == nil {
		value = []byte{}
	}
	return Change{key: key, value: value, kind: KindPut, expected: expected}
}

// Delete removes the record under key if it has the expected revision. With
// [Any], a record that is not there is no conflict.
func Delete(key string, expected int64) Change {
	return Change{key: key, kind: KindDelete, expected: expected}
}

// Check changes nothing, and lets the commit fail unless the record has the
// expected revision; 0 means that there must be none.
func Check(key string, expected int64) Change {
	return Change{key: key, kind: KindCheck, expected: expected}
}

// Key returns the key of the record that the change is about.
func (c Change) Key() string { return c.key }

// Value returns what a put writes; it is never nil for one.
func (c Change) Value() []byte { return c.value }

// Kind returns what the change does.
func (c Change) Kind() Kind { return c.kind }

// Expected returns the revision that the record must have, 0 or [Any].
func (c Change) Expected() int64 { return c.expected }

// Conflict returns a *[ConflictError] unless a record with the revision found (0
// for none) is what the change expects. It is for implementations.
func (c Change) Conflict(found int64) error {
	if c.expected == Any || c.expected == found {
		return nil
	}
	return &ConflictError{Key: c.key, Expected: c.expected, Found: found}
}

// IsCheckOnly says whether the changes are checks alone, and so make no new
// revision. It is for implementations.
func IsCheckOnly(changes []Change) bool {
	return !slices.ContainsFunc(changes, func(c Change) bool { return c.kind != KindCheck })
}

// Store keeps records. Implementations are safe for concurrent use by many
// goroutines, and those of store/sqlite and store/postgres by many processes.
//
// A commit is durable before Commit returns: whatever happens to the process or
// the machine afterwards, it is there, whole. Revisions count commits: each is
// one more than the last, across all keys, and whoever sees revision n sees all
// commits up to n.
type Store interface {
	// Get returns the record under key, or [ErrNotFound], also for what can be no
	// key.
	Get(ctx context.Context, key string) (Record, error)
	// Each calls visit with every record whose key begins with prefix ("" for
	// all), in the order of their keys, as of one moment, and returns the
	// revision of that moment. An error of visit ends it and is returned as it
	// is. Visit must not use the store. It may keep the record.
	Each(ctx context.Context, prefix string, visit func(Record) error) (int64, error)
	// Changes calls visit with every record written or deleted after the
	// revision since, in the order of their revisions and then of their keys, each
	// in its latest state (a nil value means deleted), as of one moment, and
	// returns the revision of that moment. Visit is as in Each. Deletions are
	// remembered for good, so since may be any revision that there was, or 0.
	Changes(ctx context.Context, since int64, visit func(Record) error) (int64, error)
	// Commit makes all changes or none, and returns the new revision. It returns
	// a *[ConflictError] if an expectation does not hold, a *[LimitError] for
	// what can never be kept, and an *[UncertainError] if the connection broke
	// while the answer was awaited: the commit may or may not have happened.
	// After any other error nothing was changed. A commit of checks alone
	// returns the current revision and makes no new one; every other one makes
	// one, even if all it does is to delete what was not there.
	Commit(ctx context.Context, changes ...Change) (int64, error)
	// Wait returns the current revision once it is greater than since; the
	// context bounds how long it waits. It learns of commits of other processes
	// within a second, as a rule within milliseconds. If it could not read the
	// revision for a second, it returns an *[UnavailableError]: from then on the
	// caller no longer knows whether what it has is current. It may call again at
	// once, and the store finds its way back by itself.
	Wait(ctx context.Context, since int64) (int64, error)
	// Close ends all calls under way with [ErrClosed], as it does calls that come
	// later, and lets go of the resources. Closing twice is no error.
	Close() error
}
