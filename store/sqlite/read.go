package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/azattest/azattest/store"
)

// Get is that of [store.Store].
func (s *Store) Get(ctx context.Context, key string) (store.Record, error) {
	ctx, leave, err := s.calls.Enter(ctx)
	if err != nil {
		return store.Record{}, err
	}
	defer leave()
	if store.CheckKey(key) != nil {
		return store.Record{}, store.ErrNotFound
	}
	r := store.Record{Key: key}
	err = s.readers.QueryRowContext(ctx, "SELECT revision, value FROM records WHERE key = ? AND value IS NOT NULL", key).
		Scan(&r.Revision, &r.Value)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.Record{}, store.ErrNotFound
	case err != nil:
		return store.Record{}, failure(ctx, "get", err)
	}
	return whole(r, false), nil
}

// Each is that of [store.Store].
func (s *Store) Each(ctx context.Context, prefix string, visit func(store.Record) error) (int64, error) {
	from, to := store.PrefixRange(prefix)
	return s.visit(ctx, visit, "SELECT key, revision, value, value IS NULL FROM records WHERE key >= ? AND key < ? AND value IS NOT NULL ORDER BY key", from, to)
}

// Changes is that of [store.Store].
func (s *Store) Changes(ctx context.Context, since int64, visit func(store.Record) error) (int64, error) {
	return s.visit(ctx, visit, "SELECT key, revision, value, value IS NULL FROM records WHERE revision > ? ORDER BY revision, key", since)
}

// visit reads in one transaction, and so as of the moment of its first query.
func (s *Store) visit(ctx context.Context, visit func(store.Record) error, query string, args ...any) (int64, error) {
	ctx, leave, err := s.calls.Enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	tx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return 0, failure(ctx, "read", err)
	}
	// There is nothing to commit.
	defer func() { _ = tx.Rollback() }()
	var revision int64
	if err := tx.QueryRowContext(ctx, "SELECT revision FROM revision").Scan(&revision); err != nil {
		return 0, failure(ctx, "read", err)
	}
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return 0, failure(ctx, "read", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r store.Record
		var isDeleted bool
		if err := rows.Scan(&r.Key, &r.Revision, &r.Value, &isDeleted); err != nil {
			return 0, failure(ctx, "read", err)
		}
		if err := visit(whole(r, isDeleted)); err != nil {
			return 0, err
		}
	}
	if err := rows.Err(); err != nil {
		return 0, failure(ctx, "read", err)
	}
	return revision, nil
}

// whole tells an empty value from none, which the driver does not.
func whole(r store.Record, isDeleted bool) store.Record {
	if r.Value == nil && !isDeleted {
		r.Value = []byte{}
	}
	return r
}
