// Package memory keeps records in memory, for tests and trials: what is in it
// ends with the process.
//
// Which function do I want? [New], and then what [store.Store] promises.
package memory

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/azattest/azattest/store"
)

// Store keeps records in memory. It is made by [New].
type Store struct {
	mu       sync.Mutex
	revision int64
	records  map[string]store.Record // a nil value is a deleted record
	changed  chan struct{}           // closed by the next commit
	closed   chan struct{}
}

var _ store.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	return &Store{records: make(map[string]store.Record), changed: make(chan struct{}), closed: make(chan struct{})}
}

// lock takes the lock for a call, unless the call is over already.
func (s *Store) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	select {
	case <-s.closed:
		s.mu.Unlock()
		return store.ErrClosed
	default:
		return nil
	}
}

// Get is that of [store.Store].
func (s *Store) Get(ctx context.Context, key string) (store.Record, error) {
	if err := s.lock(ctx); err != nil {
		return store.Record{}, err
	}
	defer s.mu.Unlock()
	r := s.records[key]
	if r.Value == nil {
		return store.Record{}, store.ErrNotFound
	}
	return copied(r), nil
}

// copied returns a record whose value is the caller's own.
func copied(r store.Record) store.Record {
	r.Value = bytes.Clone(r.Value)
	return r
}

// Each is that of [store.Store].
func (s *Store) Each(ctx context.Context, prefix string, visit func(store.Record) error) (int64, error) {
	records, revision, err := s.snapshot(ctx, func(r store.Record) bool {
		return r.Value != nil && strings.HasPrefix(r.Key, prefix)
	})
	if err != nil {
		return 0, err
	}
	slices.SortFunc(records, func(a, b store.Record) int { return strings.Compare(a.Key, b.Key) })
	return revision, s.visit(ctx, records, visit)
}

// Changes is that of [store.Store].
func (s *Store) Changes(ctx context.Context, since int64, visit func(store.Record) error) (int64, error) {
	records, revision, err := s.snapshot(ctx, func(r store.Record) bool { return r.Revision > since })
	if err != nil {
		return 0, err
	}
	slices.SortFunc(records, func(a, b store.Record) int {
		return cmp.Or(cmp.Compare(a.Revision, b.Revision), strings.Compare(a.Key, b.Key))
	})
	return revision, s.visit(ctx, records, visit)
}

// snapshot returns the records that are wanted, and the revision as of which.
func (s *Store) snapshot(ctx context.Context, wanted func(store.Record) bool) ([]store.Record, int64, error) {
	if err := s.lock(ctx); err != nil {
		return nil, 0, err
	}
	defer s.mu.Unlock()
	var records []store.Record
	for _, r := range s.records {
		if wanted(r) {
			records = append(records, r)
		}
	}
	return records, s.revision, nil
}

// visit is called without the lock, so that a slow visitor holds up nobody.
func (s *Store) visit(ctx context.Context, records []store.Record, visit func(store.Record) error) error {
	for _, r := range records {
		select {
		case <-s.closed:
			return store.ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		if err := visit(copied(r)); err != nil {
			return err
		}
	}
	return nil
}

// Commit is that of [store.Store].
func (s *Store) Commit(ctx context.Context, changes ...store.Change) (int64, error) {
	if err := store.CheckChanges(changes); err != nil {
		return 0, err
	}
	if err := s.lock(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	for _, c := range changes {
		found := s.records[c.Key()]
		if found.Value == nil {
			found.Revision = 0
		}
		if err := c.Conflict(found.Revision); err != nil {
			return 0, err
		}
	}
	if store.IsCheckOnly(changes) {
		return s.revision, nil
	}
	s.revision++
	for _, c := range changes {
		switch c.Kind() {
		case store.KindPut:
			s.records[c.Key()] = store.Record{Key: c.Key(), Value: bytes.Clone(c.Value()), Revision: s.revision}
		case store.KindDelete:
			if s.records[c.Key()].Value != nil {
				s.records[c.Key()] = store.Record{Key: c.Key(), Revision: s.revision}
			}
		case store.KindCheck:
		}
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return s.revision, nil
}

// Wait is that of [store.Store].
func (s *Store) Wait(ctx context.Context, since int64) (int64, error) {
	for {
		if err := s.lock(ctx); err != nil {
			return 0, err
		}
		revision, changed := s.revision, s.changed
		s.mu.Unlock()
		if revision > since {
			return revision, nil
		}
		select {
		case <-changed:
		case <-s.closed:
		case <-ctx.Done():
		}
	}
}

// Close is that of [store.Store].
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	return nil
}
