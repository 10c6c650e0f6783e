package postgres_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/storetest"
)

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) func(*testing.B) store.Store {
		b.Helper()
		config := newConfig(b)
		return func(b *testing.B) store.Store {
			b.Helper()
			return open(b, config)
		}
	})
}

// BenchmarkRaw is PostgreSQL alone: one statement that is its own transaction.
func BenchmarkRaw(b *testing.B) {
	b.Run("SQL", func(b *testing.B) {
		conn, err := pgx.Connect(b.Context(), server.DSN(b))
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = conn.Close(context.WithoutCancel(b.Context())) }()
		if _, err := conn.Exec(b.Context(), "CREATE TABLE t (k text PRIMARY KEY, v bytea)"); err != nil {
			b.Fatal(err)
		}
		value := make([]byte, 4<<10)
		storetest.Measure(b, func() {
			if _, err := conn.Exec(b.Context(), "INSERT INTO t VALUES ('k', $1) ON CONFLICT (k) DO UPDATE SET v = excluded.v", value); err != nil {
				b.Fatal(err)
			}
		})
	})
}
