package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/sqlite"
	"github.com/azattest/azattest/store/storetest"
)

// TestMain sees to it that nothing here leaves a goroutine behind, and serves
// the tests that kill a writer: see kill_test.go.
func TestMain(m *testing.M) {
	if path := os.Getenv(writerVariable); path != "" {
		write(path)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func openFile(tb testing.TB, path string) *sqlite.Store {
	tb.Helper()
	s, err := sqlite.Open(tb.Context(), sqlite.Config{Path: path})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func newPath(tb testing.TB) string {
	tb.Helper()
	// Characters that mean something in a URL must not in a path.
	return filepath.Join(tb.TempDir(), "state 100%25?a=b#c.db")
}

func TestStoreKeepsItsPromises(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store {
		t.Helper()
		return openFile(t, newPath(t))
	})
}

func TestHandlesSeeEachOther(t *testing.T) {
	t.Parallel()
	storetest.RunShared(t, func(t *testing.T) func(*testing.T) store.Store {
		t.Helper()
		path := newPath(t)
		return func(t *testing.T) store.Store {
			t.Helper()
			return openFile(t, path)
		}
	})
}
