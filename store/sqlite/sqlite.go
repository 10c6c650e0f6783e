// Package sqlite keeps records in one SQLite file, which several processes on
// one machine may use at once.
//
// Which function do I want? [Open], and then what [store.Store] promises;
// [Migrate] to lead a file back to tables that an older program knows.
//
// A commit is one transaction, in a write-ahead log that is forced to disk
// before Commit returns. Beside the file at Path stand Path-wal and Path-shm while
// it is used: they belong to it, and a copy of the file without them may lack
// the last commits. Copy it with [store.Backup] instead. The file must be on a
// local disk, for the processes share memory beside it.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/azattest/azattest/store"
)

const (
	// busyTimeout is how long a call waits for another process to end its
	// commit, which takes milliseconds as a rule.
	busyTimeout = 5 * time.Second

	// pollEvery is how often Wait looks for commits of other processes. A look
	// costs some 30 µs, however many wait.
	pollEvery = 50 * time.Millisecond

	// maxReaders bounds the reading calls at once: a visit keeps its connection
	// as long as its visitor takes.
	maxReaders = 8
)

// Config says which file to open.
type Config struct {
	// Path is the file. It is made, readable by its owner alone, unless it is
	// there; its folder must be there. Required.
	Path string
	// KeepSchema refuses a file whose tables are older than the program's,
	// instead of migrating them.
	KeepSchema bool
}

// ConfigError says why a [Config] opens nothing.
type ConfigError struct {
	// Field is the field of Config.
	Field string
	// Problem is what is wrong with it, and what would be right.
	Problem string
}

func (e *ConfigError) Error() string { return "store/sqlite: config: " + e.Field + ": " + e.Problem }

func (c Config) validate() error {
	if c.Path == "" || c.Path == ":memory:" {
		return &ConfigError{"Path", fmt.Sprintf("%q, want the name of a file", c.Path)}
	}
	return nil
}

// Store keeps records in a file. It is made by [Open].
type Store struct {
	path string
	// writer has one connection: SQLite has one writer at a time, and waiting
	// here is fair and costs nothing.
	writer *sql.DB
	// readers never wait for the writer, nor it for them.
	readers *sql.DB
	// watcher is for Wait alone, which must not wait for visits.
	watcher *sql.DB

	calls  store.Calls
	signal store.Signal
	poll   poll
}

var _ store.Store = (*Store)(nil)

// Open opens a file, makes it if there is none, and migrates its tables forward.
// It returns a *[ConfigError], a *[FileError] for a file that is not ours or not
// as it must be, a *[store.SchemaError] for tables that a newer program made, a
// *[store.IncompleteError] for a restore that was cut short, and a
// *[store.UnavailableError] for what the file system or another process denies.
func Open(ctx context.Context, c Config) (*Store, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	if err := prepareFile(c.Path); err != nil {
		return nil, err
	}
	s := &Store{path: c.Path}
	s.poll.turn = make(chan struct{}, 1)
	if err := s.open(ctx, c); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, c Config) error {
	var err error
	if s.writer, err = connect(c.Path, 1, "_txlock=immediate"); err != nil {
		return err
	}
	if err := setUp(ctx, s.writer, c); err != nil {
		return err
	}
	if s.readers, err = connect(c.Path, maxReaders, "_pragma=query_only(1)"); err != nil {
		return err
	}
	if s.watcher, err = connect(c.Path, 1, "_pragma=query_only(1)"); err != nil {
		return err
	}
	return store.CheckComplete(ctx, s)
}

// Close is that of [store.Store].
func (s *Store) Close() error {
	if !s.calls.Close() {
		return nil
	}
	var problems []error
	// The writer last: it moves the log into the file.
	for _, db := range []*sql.DB{s.watcher, s.readers, s.writer} {
		if db != nil {
			problems = append(problems, db.Close())
		}
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("store/sqlite: close: %w", err)
	}
	return nil
}
