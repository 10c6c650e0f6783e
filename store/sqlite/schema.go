package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/azattest/azattest/store"
)

// applicationID marks our files in their header: "azat" in ASCII.
const applicationID = 0x617a6174

//go:embed migrations/*.sql
var migrationFiles embed.FS

func migrations() (store.Migrations, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	return store.ReadMigrations(files)
}

// Migrate leads the tables of a file forward or back to a version. No other
// process may have the file open as a store meanwhile. Version 0 has no tables,
// and no records. Either all steps are made or none. It returns errors as Open.
func Migrate(ctx context.Context, c Config, target int) error {
	if err := c.validate(); err != nil {
		return err
	}
	if err := prepareFile(c.Path); err != nil {
		return err
	}
	steps, err := migrations()
	if err != nil {
		return err
	}
	db, err := connect(c.Path, 1, "_txlock=immediate")
	if err != nil {
		return err
	}
	err = prepareDatabase(ctx, db, c.Path)
	if err == nil {
		err = migrate(ctx, db, c.Path, steps, target)
	}
	return errors.Join(err, db.Close())
}

// setUp makes a file ready for use.
func setUp(ctx context.Context, db *sql.DB, c Config) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	if err := prepareDatabase(ctx, db, c.Path); err != nil {
		return err
	}
	version, err := identify(ctx, db, c.Path)
	switch {
	case err != nil:
		return err
	case version == len(steps):
		return nil
	case version > len(steps), c.KeepSchema:
		return &store.SchemaError{Found: version, Known: len(steps)}
	default:
		return migrate(ctx, db, c.Path, steps, len(steps))
	}
}

// prepareDatabase makes sure that a file is ours, and only then that it has a
// write-ahead log: what belongs to others stays as it is.
func prepareDatabase(ctx context.Context, db *sql.DB, path string) error {
	if _, err := identify(ctx, db, path); err != nil {
		return err
	}
	var mode string
	for wait := time.Millisecond; ; wait *= 2 {
		err := db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
		if err == nil {
			break
		}
		// Several processes that open a new file at once are told to come back:
		// the busy timeout does not cover this.
		if err = failure(ctx, "write-ahead log", err); !isBusy(err) || wait > time.Second {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return store.Ended(ctx)
		}
	}
	if !strings.EqualFold(mode, "wal") {
		return &FileError{path, fmt.Sprintf("it has the journal mode %q and cannot have a write-ahead log: put it on a local disk", mode), nil}
	}
	return nil
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// identify returns the version of the tables, or an error unless the file is
// ours or empty.
func identify(ctx context.Context, q querier, path string) (int, error) {
	var id, version, objects int
	err := q.QueryRowContext(ctx, `SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id, pragma_user_version`).Scan(&id, &version, &objects)
	if isNotDatabase(err) {
		return 0, &FileError{path, "it is no SQLite database, or its beginning is damaged: name another file, or restore a backup", err}
	}
	if err != nil {
		return 0, failure(ctx, "open", err)
	}
	if id == applicationID && version >= 0 || id == 0 && version == 0 && objects == 0 {
		return version, nil
	}
	return 0, &FileError{path, fmt.Sprintf("it is a database of another application (its ID is %#x, version %d, with %d tables and indexes): name another file", id, version, objects), nil}
}

// migrate makes the steps in one transaction, also against another process that
// does the same.
func migrate(ctx context.Context, db *sql.DB, path string, steps store.Migrations, target int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return failure(ctx, "migrate", err)
	}
	// After a commit this does nothing.
	defer func() { _ = tx.Rollback() }()
	version, err := identify(ctx, tx, path)
	if err != nil {
		return err
	}
	statements, err := steps.Between(version, target)
	if err != nil {
		return err
	}
	statements = append(statements,
		fmt.Sprintf("PRAGMA application_id = %d", applicationID), fmt.Sprintf("PRAGMA user_version = %d", target))
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return failure(ctx, fmt.Sprintf("migrate from version %d to %d", version, target), err)
		}
	}
	if err := tx.Commit(); err != nil {
		return failure(ctx, "migrate", err)
	}
	return nil
}
