package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/azattest/azattest/store"
)

// Commit is that of [store.Store]. Once the server was asked to commit, the
// caller's context no longer ends the call: its answer is awaited for at most
// callTimeout.
func (s *Store) Commit(ctx context.Context, changes ...store.Change) (int64, error) {
	if err := store.CheckChanges(changes); err != nil {
		return 0, err
	}
	ctx, leave, err := s.calls.Enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	var revision int64
	err = retry(ctx, func(ctx context.Context) error {
		var err error
		revision, err = s.try(ctx, changes)
		return err
	})
	var conflict *store.ConflictError
	var uncertain *store.UncertainError
	switch {
	case err == nil:
	case errors.As(err, &conflict), errors.As(err, &uncertain):
		return 0, err
	default:
		return 0, failure(ctx, "commit", err)
	}
	if !store.IsCheckOnly(changes) {
		s.signal.Raise(revision)
	}
	return revision, nil
}

// try makes one attempt.
func (s *Store) try(ctx context.Context, changes []store.Change) (int64, error) {
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite})
	if err != nil {
		return 0, err
	}
	// After a commit this does nothing.
	defer rollback(tx)
	revision, err := s.check(ctx, tx, changes)
	if err != nil || store.IsCheckOnly(changes) {
		return revision, err
	}
	revision++
	if err := s.apply(ctx, tx, changes, revision); err != nil {
		return 0, err
	}
	return revision, finish(ctx, tx)
}

// check takes the lock that puts commits in order, and returns the revision and
// whether the records are as expected. The second query sees what was committed
// before the lock was had.
func (s *Store) check(ctx context.Context, tx pgx.Tx, changes []store.Change) (int64, error) {
	keys := make([]string, len(changes))
	for i, c := range changes {
		keys[i] = c.Key()
	}
	var revision int64
	found := make(map[string]int64, len(changes))
	var batch pgx.Batch
	batch.Queue(s.sql("SELECT revision FROM %s.revision FOR UPDATE")).QueryRow(func(row pgx.Row) error {
		return row.Scan(&revision)
	})
	batch.Queue(s.sql("SELECT key, revision FROM %s.records WHERE key = ANY ($1) AND value IS NOT NULL"), keys).Query(func(rows pgx.Rows) error {
		var r store.Record
		_, err := pgx.ForEachRow(rows, []any{&r.Key, &r.Revision}, func() error {
			found[r.Key] = r.Revision
			return nil
		})
		return err
	})
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return 0, err
	}
	for _, c := range changes {
		if err := c.Conflict(found[c.Key()]); err != nil {
			return 0, err
		}
	}
	return revision, nil
}

// apply makes the changes, and tells those who listen, who hear of it after the
// commit.
func (s *Store) apply(ctx context.Context, tx pgx.Tx, changes []store.Change, revision int64) error {
	var batch pgx.Batch
	for _, c := range changes {
		switch c.Kind() {
		case store.KindPut:
			batch.Queue(s.sql(`INSERT INTO %s.records (key, revision, value) VALUES ($1, $2, $3)
				ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, value = excluded.value`), c.Key(), revision, c.Value())
		case store.KindDelete:
			batch.Queue(s.sql("UPDATE %s.records SET revision = $2, value = NULL WHERE key = $1 AND value IS NOT NULL"), c.Key(), revision)
		case store.KindCheck:
		}
	}
	batch.Queue(s.sql("UPDATE %s.revision SET revision = $1"), revision)
	batch.Queue("SELECT pg_notify($1, $2)", s.schema, strconv.FormatInt(revision, 10))
	return tx.SendBatch(ctx, &batch).Close()
}

// finish commits. What fails here may have happened all the same.
func finish(ctx context.Context, tx pgx.Tx) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(store.Ended(ctx), store.ErrClosed) {
			cancel()
		}
	})
	defer stop()
	err := tx.Commit(waiting)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrTxCommitRollback), !isUncertain(err):
		return err
	default:
		return &store.UncertainError{Err: fmt.Errorf("store/postgres: commit: %w", err)}
	}
}
