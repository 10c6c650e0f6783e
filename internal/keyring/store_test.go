package keyring_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/azattest/azattest/store"
)

// records is a store in memory with a fault to order.
type records struct {
	mu       sync.Mutex
	revision int64
	all      map[string]store.Record
	// fail is asked once, by the next commit that writes: what it returns is that
	// commit's outcome. Done says whether the commit happens all the same.
	fail func() (done bool, err error)
	// before is called once, by the next commit, before it happens.
	before  func()
	commits int
}

var _ store.Store = (*records)(nil)

var errStoreGone = errors.New("the database went away")

func newRecords() *records { return &records{all: map[string]store.Record{}} }

func (s *records) Get(_ context.Context, key string) (store.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.all[key]
	if !ok {
		return store.Record{}, store.ErrNotFound
	}
	return r, nil
}

func (s *records) Each(ctx context.Context, prefix string, visit func(store.Record) error) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	for _, key := range slices.Sorted(maps.Keys(s.all)) {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		r := s.all[key]
		r.Value = slices.Clone(r.Value)
		if err := visit(r); err != nil {
			return 0, err
		}
	}
	return s.revision, nil
}

func (s *records) Commit(ctx context.Context, changes ...store.Change) (int64, error) {
	s.mu.Lock()
	before := s.before
	s.before = nil
	s.mu.Unlock()
	if before != nil {
		before()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if s.fail != nil {
		done, err := s.fail()
		s.fail = nil
		if !done {
			return 0, err
		}
		if _, refused := s.apply(changes); refused != nil {
			return 0, refused
		}
		return 0, err
	}
	return s.apply(changes)
}

// apply is called with the lock held.
func (s *records) apply(changes []store.Change) (int64, error) {
	for _, c := range changes {
		if found := s.all[c.Key()].Revision; c.Expected() != store.Any && found != c.Expected() {
			return 0, &store.ConflictError{Key: c.Key(), Expected: c.Expected(), Found: found}
		}
	}
	s.revision++
	s.commits++
	for _, c := range changes {
		switch c.Kind() {
		case store.KindPut:
			s.all[c.Key()] = store.Record{Key: c.Key(), Value: slices.Clone(c.Value()), Revision: s.revision}
		case store.KindDelete:
			delete(s.all, c.Key())
		case store.KindCheck:
		}
	}
	return s.revision, nil
}

func (s *records) Changes(context.Context, int64, func(store.Record) error) (int64, error) {
	return 0, errors.ErrUnsupported
}

func (s *records) Wait(context.Context, int64) (int64, error) { return 0, errors.ErrUnsupported }

func (s *records) Close() error { return nil }

// keys returns the records of keys, not those of algorithms.
func (s *records) keys() []store.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []store.Record
	for _, key := range slices.Sorted(maps.Keys(s.all)) {
		if len(key) > len("keys/RS256") {
			found = append(found, s.all[key])
		}
	}
	return found
}

// put writes behind everybody's back.
func (s *records) put(key string, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revision++
	s.all[key] = store.Record{Key: key, Value: slices.Clone(value), Revision: s.revision}
}
