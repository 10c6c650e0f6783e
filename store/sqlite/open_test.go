package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/sqlite"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		make func(t *testing.T, path string)
		want string
	}{
		"a folder":             {func(t *testing.T, path string) { t.Helper(); must(t, os.Mkdir(path, 0o700)) }, "it is no file"},
		"a text":               {func(t *testing.T, path string) { t.Helper(); writeFile(t, path, strings.Repeat("text\n", 500)) }, "it is no SQLite database"},
		"a short text":         {func(t *testing.T, path string) { t.Helper(); writeFile(t, path, "text") }, "it is no SQLite database"},
		"another's tables":     {execSQL("CREATE TABLE accounts (id INTEGER)"), "another application"},
		"another's ID":         {execSQL("PRAGMA application_id = 1196444487"), "another application (its ID is 0x47504b47"},
		"another's version":    {execSQL("PRAGMA user_version = 3"), "another application"},
		"a version below zero": {execSQL("PRAGMA application_id = 1635410292; PRAGMA user_version = -1"), "another application"},
		"a newer schema":       {execSQL("PRAGMA application_id = 1635410292; PRAGMA user_version = 99"), "the tables have version 99, this program knows them up to 1"},
		"a file for everybody": {func(t *testing.T, path string) {
			t.Helper()
			openFile(t, path)
			must(t, os.Chmod(path, 0o604)) //nolint:gosec // G302: It is what must be refused.
		}, "chmod 600"},
		"a folder that is not":   {func(t *testing.T, path string) { t.Helper(); must(t, os.Remove(filepath.Dir(path))) }, "its folder is not there"},
		"no tables, if it keeps": {execSQL("PRAGMA application_id = 1635410292"), "the tables have version 0, this program needs 1: migrate them"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" && strings.Contains(test.want, "chmod") {
				t.Skip("files have no mode on Windows")
			}
			path := newPath(t)
			test.make(t, path)
			before, _ := os.ReadFile(path)
			_, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, KeepSchema: strings.Contains(name, "keeps")})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want one with %q", err, test.want)
			}
			var file *sqlite.FileError
			var schema *store.SchemaError
			if !errors.As(err, &file) && !errors.As(err, &schema) {
				t.Errorf("error of type %T, want a *FileError or a *SchemaError", err)
			}
			if after, _ := os.ReadFile(path); strings.Contains(test.want, "another") && !bytes.Equal(before, after) {
				t.Error("it changed a file that is not ours")
			}
			if err := sqlite.Migrate(t.Context(), sqlite.Config{Path: path}, 0); err == nil && !strings.Contains(name, "keeps") {
				t.Error("Migrate took what Open refused")
			}
		})
	}
}

func TestConfigNeedsAFile(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", ":memory:"} {
		var config *sqlite.ConfigError
		if _, err := sqlite.Open(t.Context(), sqlite.Config{Path: path}); !errors.As(err, &config) || config.Field != "Path" {
			t.Errorf("path %q: error %v, want a *ConfigError of Path", path, err)
		}
		if err := sqlite.Migrate(t.Context(), sqlite.Config{Path: path}, 1); !errors.As(err, &config) {
			t.Errorf("path %q: error %v, want a *ConfigError", path, err)
		}
	}
}

func TestFilesAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("files have no mode on Windows")
	}
	path := newPath(t)
	put(t, openFile(t, path), "a", "1")
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode %04o of the file%s, want 0600", info.Mode().Perm(), suffix)
		}
	}
}

func TestManyOpenANewFileAtOnce(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	var opening sync.WaitGroup
	for range 8 {
		opening.Go(func() { put(t, openFile(t, path), "a", "1") })
	}
	opening.Wait()
	if revision, err := openFile(t, path).Wait(t.Context(), 0); err != nil || revision != 8 {
		t.Errorf("revision %d, %v, want 8", revision, err)
	}
}

func TestMigrateLeadsBackAndForward(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	config := sqlite.Config{Path: path}
	s := openFile(t, path)
	put(t, s, "a", "1")
	must(t, s.Close())
	for _, target := range []int{1, 0, 0, 1} {
		must(t, sqlite.Migrate(t.Context(), config, target))
	}
	var schema *store.SchemaError
	for _, target := range []int{-1, 2} {
		if err := sqlite.Migrate(t.Context(), config, target); !errors.As(err, &schema) || schema.Found != target {
			t.Errorf("to version %d: error %v, want a *SchemaError", target, err)
		}
	}
	if _, err := openFile(t, path).Get(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after a migration to nothing and back: error %v, want ErrNotFound", err)
	}
}

func TestOpenRefusesARestoreThatWasCutShort(t *testing.T) {
	t.Parallel()
	from, path := openFile(t, newPath(t)), newPath(t)
	put(t, from, "a", "1")
	var raw bytes.Buffer
	if _, err := store.Backup(t.Context(), from, &raw); err != nil {
		t.Fatal(err)
	}
	to := openFile(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	// The second reading of the backup ends the restore.
	file := &endingReader{Reader: bytes.NewReader(raw.Bytes()), end: cancel}
	var incomplete *store.IncompleteError
	if _, err := store.Restore(ctx, to, file); !errors.As(err, &incomplete) {
		t.Fatalf("error %v, want a *IncompleteError", err)
	}
	must(t, to.Close())
	incomplete = nil
	if _, err := sqlite.Open(t.Context(), sqlite.Config{Path: path}); !errors.As(err, &incomplete) {
		t.Errorf("error %v, want a *IncompleteError", err)
	}
}

// endingReader calls end after the first seek that leads back.
type endingReader struct {
	*bytes.Reader
	end    func()
	isBack bool
}

func (r *endingReader) Seek(offset int64, whence int) (int64, error) {
	r.isBack = r.isBack || r.Len() == 0
	return r.Reader.Seek(offset, whence)
}

func (r *endingReader) Read(b []byte) (int, error) {
	if r.isBack {
		r.end()
	}
	return r.Reader.Read(b)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o600))
}

// execSQL makes a file by statements of ours, as another application would.
func execSQL(statements string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		writeFile(t, path, "")
		other := filepath.Join(t.TempDir(), "other.db")
		db, err := sql.Open("sqlite", other)
		must(t, err)
		_, err = db.ExecContext(t.Context(), statements)
		must(t, err)
		must(t, db.Close())
		must(t, os.Chmod(other, 0o600))
		must(t, os.Rename(other, path))
	}
}

func put(t *testing.T, s store.Store, key, value string) {
	t.Helper()
	if _, err := s.Commit(t.Context(), store.Put(key, []byte(value), store.Any)); err != nil {
		t.Error(err)
	}
}
