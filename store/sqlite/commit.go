package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/azattest/azattest/store"
)

// Commit is that of [store.Store].
func (s *Store) Commit(ctx context.Context, changes ...store.Change) (int64, error) {
	if err := store.CheckChanges(changes); err != nil {
		return 0, err
	}
	ctx, leave, err := s.calls.Enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	// It begins by taking the write lock, so nothing that is read below changes
	// before the commit.
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return 0, failure(ctx, "commit", err)
	}
	// After a commit this does nothing.
	defer func() { _ = tx.Rollback() }()
	revision, err := apply(ctx, tx, changes)
	if err != nil || store.IsCheckOnly(changes) {
		return revision, err
	}
	if err := tx.Commit(); err != nil {
		return 0, commitFailure(ctx, err)
	}
	s.signal.Raise(revision)
	return revision, nil
}

// apply checks all expectations, then makes the changes, and returns the
// revision that they make.
func apply(ctx context.Context, tx *sql.Tx, changes []store.Change) (int64, error) {
	for _, c := range changes {
		var found int64
		err := tx.QueryRowContext(ctx, "SELECT revision FROM records WHERE key = ? AND value IS NOT NULL", c.Key()).Scan(&found)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return 0, failure(ctx, "commit", err)
		}
		if err := c.Conflict(found); err != nil {
			return 0, err
		}
	}
	var revision int64
	if err := tx.QueryRowContext(ctx, "SELECT revision FROM revision").Scan(&revision); err != nil {
		return 0, failure(ctx, "commit", err)
	}
	if store.IsCheckOnly(changes) {
		return revision, nil
	}
	revision++
	if _, err := tx.ExecContext(ctx, "UPDATE revision SET revision = ?", revision); err != nil {
		return 0, failure(ctx, "commit", err)
	}
	for _, c := range changes {
		var err error
		switch c.Kind() {
		case store.KindPut:
			_, err = tx.ExecContext(ctx, `INSERT INTO records (key, revision, value) VALUES (?, ?, ?)
				ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, value = excluded.value`, c.Key(), revision, c.Value())
		case store.KindDelete:
			_, err = tx.ExecContext(ctx, "UPDATE records SET revision = ?, value = NULL WHERE key = ? AND value IS NOT NULL", revision, c.Key())
		case store.KindCheck:
		}
		if err != nil {
			return 0, failure(ctx, "commit", err)
		}
	}
	return revision, nil
}
