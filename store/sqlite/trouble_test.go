package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/sqlite"
)

// trouble returns which trouble an error tells of, or "".
func trouble(err error) store.Trouble {
	var unavailable *store.UnavailableError
	if !errors.As(err, &unavailable) {
		return ""
	}
	return unavailable.Trouble
}

func TestFullDiskChangesNothing(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := openFile(t, path)
	put(t, s, "a", "before")
	must(t, s.Exec(t.Context(), "PRAGMA max_page_count = 60"))
	large := make([]byte, 200<<10)
	// The first change would fit, the second does not.
	_, err := s.Commit(t.Context(), store.Put("a", []byte("after"), 1), store.Put("b", large, 0), store.Put("c", large, 0))
	if trouble(err) != store.TroubleFull {
		t.Fatalf("error %v, want that there is no space", err)
	}
	got, err := s.Get(t.Context(), "a")
	if err != nil || string(got.Value) != "before" || got.Revision != 1 {
		t.Errorf("the record is %q of revision %d, %v, want it as before", got.Value, got.Revision, err)
	}
	for _, key := range []string{"b", "c"} {
		if _, err := s.Get(t.Context(), key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: error %v, want ErrNotFound", key, err)
		}
	}
	// What fits still goes, and all goes again once there is space.
	put(t, s, "small", "fits")
	must(t, s.Exec(t.Context(), "PRAGMA max_page_count = 100000"))
	if revision, err := s.Commit(t.Context(), store.Put("b", large, 0), store.Put("c", large, 0)); err != nil || revision != 3 {
		t.Errorf("revision %d, %v, with space again, want 3", revision, err)
	}
}

func TestReadOnlyFileIsReadAndNotWritten(t *testing.T) {
	t.Parallel()
	s := openFile(t, newPath(t))
	put(t, s, "a", "1")
	must(t, s.Exec(t.Context(), "PRAGMA query_only = 1"))
	if _, err := s.Commit(t.Context(), store.Put("a", nil, 1)); trouble(err) != store.TroubleReadOnly {
		t.Errorf("error %v, want that it is read-only", err)
	}
	if got, err := s.Get(t.Context(), "a"); err != nil || got.Revision != 1 {
		t.Errorf("revision %d, %v, want still 1", got.Revision, err)
	}
}

func TestDamageIsFound(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := openFile(t, path)
	for i := range 50 {
		put(t, s, fmt.Sprintf("k%02d", i), fmt.Sprint(make([]int, 2000)))
	}
	must(t, s.Close())
	raw, err := os.ReadFile(path)
	must(t, err)
	// All but the first page, which the file is known by.
	for i := 4096; i < len(raw); i++ {
		raw[i] ^= 0xa5
	}
	must(t, os.WriteFile(path, raw, 0o600))
	if _, err := sqlite.Open(t.Context(), sqlite.Config{Path: path}); trouble(err) != store.TroubleCorrupt {
		t.Errorf("error %v, want that it is corrupt", err)
	}
}

// lockFile holds the write lock as another process would that hangs.
func lockFile(t *testing.T, path string) func() {
	t.Helper()
	other := openFile(t, path)
	release, err := other.Lock(t.Context())
	must(t, err)
	return release
}

func TestHungWriterBlocksNobodyForEver(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := openFile(t, path)
	put(t, s, "a", "1")
	must(t, s.Exec(t.Context(), "PRAGMA busy_timeout = 300")) // and not 5 s
	release := lockFile(t, path)
	defer release()
	// Reading goes on.
	if _, err := s.Get(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.Commit(ctx, store.Put("a", nil, 1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the caller's deadline", err)
	}
	if _, err := s.Commit(t.Context(), store.Put("a", nil, 1)); trouble(err) != store.TroubleBusy {
		t.Errorf("error %v, want that it is busy", err)
	}
	release()
	if revision, err := s.Commit(t.Context(), store.Put("a", nil, 1)); err != nil || revision != 2 {
		t.Errorf("revision %d, %v, want 2", revision, err)
	}
}

func TestMissingTablesAreAnError(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := openFile(t, path)
	must(t, sqlite.Migrate(t.Context(), sqlite.Config{Path: path}, 0))
	visit := func(store.Record) error { return nil }
	for name, call := range map[string]func() error{
		"get":     func() error { _, err := s.Get(t.Context(), "a"); return err },
		"each":    func() error { _, err := s.Each(t.Context(), "", visit); return err },
		"changes": func() error { _, err := s.Changes(t.Context(), 0, visit); return err },
		"commit":  func() error { _, err := s.Commit(t.Context(), store.Put("a", nil, 0)); return err },
		"check":   func() error { _, err := s.Commit(t.Context(), store.Check("a", 0)); return err },
		"wait":    func() error { _, err := s.Wait(t.Context(), 0); return err },
	} {
		if err := call(); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s without tables: error %v, want one of SQLite", name, err)
		}
	}
}
