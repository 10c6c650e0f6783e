package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

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
	err = retry(ctx, func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, s.sql("SELECT revision, value FROM %s.records WHERE key = $1 AND value IS NOT NULL"), key).
			Scan(&r.Revision, &r.Value)
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return store.Record{}, store.ErrNotFound
	case err != nil:
		return store.Record{}, failure(ctx, "get", err)
	}
	return r, nil
}

// Each is that of [store.Store].
func (s *Store) Each(ctx context.Context, prefix string, visit func(store.Record) error) (int64, error) {
	from, to := store.PrefixRange(prefix)
	return s.visit(ctx, visit, func(last store.Record) (string, []any) {
		// The first page begins with from itself, the next ones after what was
		// last.
		if last.Revision == 0 {
			return "key >= $1 AND key < $2 AND value IS NOT NULL ORDER BY key", []any{from, to}
		}
		return "key > $1 AND key < $2 AND value IS NOT NULL ORDER BY key", []any{last.Key, to}
	})
}

// Changes is that of [store.Store].
func (s *Store) Changes(ctx context.Context, since int64, visit func(store.Record) error) (int64, error) {
	return s.visit(ctx, visit, func(last store.Record) (string, []any) {
		if last.Revision == 0 {
			// After all keys of the revision since.
			last = store.Record{Key: "\x7f", Revision: since}
		}
		return "(revision, key) > ($1, $2) ORDER BY revision, key", []any{last.Revision, last.Key}
	})
}

// visit reads page by page in one transaction, and so as of the moment of its
// first query. Between pages nothing is under way, so the visitor may be slow.
func (s *Store) visit(ctx context.Context, visit func(store.Record) error, page func(last store.Record) (string, []any)) (int64, error) {
	ctx, leave, err := s.calls.Enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	var tx pgx.Tx
	var revision int64
	err = retry(ctx, func(ctx context.Context) error {
		var err error
		tx, revision, err = s.snapshot(ctx)
		return err
	})
	if err != nil {
		return 0, failure(ctx, "read", err)
	}
	defer rollback(tx)
	var last store.Record
	for {
		where, args := page(last)
		records, err := s.page(ctx, tx, where, args)
		if err != nil {
			return 0, failure(ctx, "read", err)
		}
		for _, r := range records {
			if ended := store.Ended(ctx); ended != nil {
				return 0, ended
			}
			if err := visit(r); err != nil {
				return 0, err
			}
		}
		if len(records) < pageRecords {
			return revision, nil
		}
		last = records[len(records)-1]
	}
}

// snapshot begins a transaction that sees one moment, and says which.
func (s *Store) snapshot(ctx context.Context) (pgx.Tx, int64, error) {
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, 0, err
	}
	var revision int64
	_, err = tx.Exec(ctx, fmt.Sprintf("SET LOCAL idle_in_transaction_session_timeout = %d", visitTimeout.Milliseconds()))
	if err == nil {
		err = tx.QueryRow(ctx, s.sql("SELECT revision FROM %s.revision")).Scan(&revision)
	}
	if err != nil {
		rollback(tx)
		return nil, 0, err
	}
	return tx, revision, nil
}

func (s *Store) page(ctx context.Context, tx pgx.Tx, where string, args []any) ([]store.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	rows, err := tx.Query(ctx, s.sql("SELECT key, value, revision FROM %s.records WHERE ")+where+fmt.Sprintf(" LIMIT %d", pageRecords), args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[store.Record])
}
