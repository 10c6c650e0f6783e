package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/azattest/azattest/store"
)

// FileError says that a file is none in which this package keeps records.
type FileError struct {
	Path string
	// Problem is what is wrong with it, and what to do.
	Problem string
	// Err is the cause, if there is one beneath.
	Err error
}

func (e *FileError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("store/sqlite: file %s: %s: %v", e.Path, e.Problem, e.Err)
	}
	return fmt.Sprintf("store/sqlite: file %s: %s", e.Path, e.Problem)
}

func (e *FileError) Unwrap() error { return e.Err }

// prepareFile makes the file if there is none, so that it is its owner's alone
// from the first moment on; SQLite gives the files beside it the same mode.
func prepareFile(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		// Only a new file is opened here. To close one that SQLite has open in
		// this process would drop its locks.
		if err = makeFile(path); err == nil || errors.Is(err, fs.ErrExist) {
			info, err = os.Stat(path)
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &FileError{path, "its folder is not there: make it first", err}
	case err != nil:
		return &store.UnavailableError{Trouble: store.TroubleReadOnly, Err: fmt.Errorf("store/sqlite: %w", err)}
	case !info.Mode().IsRegular():
		return &FileError{path, fmt.Sprintf("it is no file (%s), want the name of one", info.Mode().Type()), nil}
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0:
		return &FileError{path, fmt.Sprintf("everybody on the machine may use it (mode %04o), though it decides who is trusted: chmod 600", info.Mode().Perm()), nil}
	}
	return nil
}

func makeFile(path string) error {
	f, err := os.OpenFile(filepath.Clean(path), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// connect returns up to n connections to a file. Nothing is opened yet.
func connect(path string, n int, extra string) (*sql.DB, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, &FileError{path, "its name cannot be made absolute", err}
	}
	absolute = filepath.ToSlash(absolute)
	if !strings.HasPrefix(absolute, "/") {
		absolute = "/" + absolute // of a drive
	}
	query := []string{
		fmt.Sprintf("_pragma=busy_timeout(%d)", busyTimeout.Milliseconds()),
		// The log is forced to disk by every commit, also where that needs a
		// word of its own (macOS).
		"_pragma=synchronous(FULL)", "_pragma=fullfsync(1)", "_pragma=checkpoint_fullfsync(1)",
		// A log that a long visit let grow gives its space back.
		"_pragma=journal_size_limit(67108864)",
		// A file may have been tampered with or damaged: run nothing of it, and
		// look closer.
		"_pragma=trusted_schema(0)", "_pragma=cell_size_check(1)",
		extra,
	}
	file := url.URL{Scheme: "file", Path: absolute, RawQuery: strings.Join(query, "&")}
	db, err := sql.Open("sqlite", file.String())
	if err != nil {
		return nil, &FileError{path, "it cannot be named to SQLite", err}
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}
