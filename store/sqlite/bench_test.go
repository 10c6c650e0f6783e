package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/storetest"
)

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) func(*testing.B) store.Store {
		b.Helper()
		path := newPath(b)
		return func(b *testing.B) store.Store {
			b.Helper()
			return openFile(b, path)
		}
	})
}

// BenchmarkRaw is what nothing can be faster than: the disk alone, and SQLite
// alone.
func BenchmarkRaw(b *testing.B) {
	b.Run("fsync", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		page := make([]byte, 8<<10)
		storetest.Measure(b, func() {
			if _, err := f.Write(page); err != nil {
				b.Fatal(err)
			}
			if err := f.Sync(); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("SQL", func(b *testing.B) {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "raw.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		db.SetMaxOpenConns(1)
		if _, err := db.ExecContext(b.Context(), "CREATE TABLE t (k TEXT PRIMARY KEY, v BLOB)"); err != nil {
			b.Fatal(err)
		}
		value := make([]byte, 4<<10)
		storetest.Measure(b, func() {
			if _, err := db.ExecContext(b.Context(), "INSERT OR REPLACE INTO t VALUES ('k', ?)", value); err != nil {
				b.Fatal(err)
			}
		})
	})
}
