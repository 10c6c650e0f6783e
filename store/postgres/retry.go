package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// retry calls do, which must have changed nothing if it fails, until it succeeds
// or another try would be no use.
func retry(ctx context.Context, do func(context.Context) error) error {
	for i := 1; ; i++ {
		err := bounded(ctx, do)
		if err == nil || i == attempts || !isWorthAnother(err) {
			return err
		}
		select {
		case <-time.After(time.Duration(i*i) * 20 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// bounded calls do with the time that a call may take.
func bounded(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return do(ctx)
}

// rollback ends a transaction. A connection on which that fails is closed by the
// pool, and the server rolls back by itself.
func rollback(tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = tx.Rollback(ctx)
}
