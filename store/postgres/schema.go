package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/azattest/azattest/store"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

func migrations() (store.Migrations, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	return store.ReadMigrations(files)
}

// Migrate leads the tables of a database forward or back to a version. Processes
// that use them must end first if it leads back. Version 0 has no tables, and no
// records. Either all steps are made or none, and of several processes that
// migrate at once one does it. It returns errors as Open.
func Migrate(ctx context.Context, c Config, target int) error {
	c, err := c.withDefaults()
	if err != nil {
		return err
	}
	config, err := c.pool()
	if err != nil {
		return err
	}
	steps, err := migrations()
	if err != nil {
		return err
	}
	return connected(ctx, config.ConnConfig, func(ctx context.Context, conn *pgx.Conn) error {
		return migrate(ctx, conn, c.Schema, steps, target)
	})
}

// setUp makes the tables ready for use.
func setUp(ctx context.Context, config *pgx.ConnConfig, c Config) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	return connected(ctx, config, func(ctx context.Context, conn *pgx.Conn) error {
		version, err := versionOf(ctx, conn, c.Schema)
		switch {
		case err != nil:
			return failure(ctx, "open", err)
		case version == len(steps):
			return nil
		case version > len(steps), c.KeepSchema:
			return &store.SchemaError{Found: version, Known: len(steps)}
		default:
			return migrate(ctx, conn, c.Schema, steps, len(steps))
		}
	})
}

// connected calls do with a connection for it alone.
func connected(ctx context.Context, config *pgx.ConnConfig, do func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, migrationTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config.Copy())
	if err != nil {
		return failure(ctx, "connect", err)
	}
	err = do(ctx, conn)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	// What was to be kept was committed.
	_ = conn.Close(closing)
	return err
}

// querier is a connection or a transaction.
type querier interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}

// versionOf returns the version of the tables in a schema, 0 if there are none.
func versionOf(ctx context.Context, q querier, schema string) (int, error) {
	var isThere bool
	err := q.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'schema_version')", schema).Scan(&isThere)
	if err != nil || !isThere {
		return 0, err
	}
	var version int
	err = q.QueryRow(ctx, "SELECT version FROM "+schema+".schema_version").Scan(&version)
	return version, err
}

// migrate makes the steps in one transaction, under a lock that keeps others
// from doing the same.
func migrate(ctx context.Context, conn *pgx.Conn, schema string, steps store.Migrations, target int) error {
	version := 0
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		limits := fmt.Sprintf("SET LOCAL statement_timeout = %[1]d; SET LOCAL lock_timeout = %[1]d; SET LOCAL search_path = %[2]s",
			migrationTimeout.Milliseconds(), schema)
		if _, err := tx.Exec(ctx, limits); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('azattest migration of ' || $1, 0))", schema); err != nil {
			return err
		}
		var err error
		if version, err = versionOf(ctx, tx, schema); err != nil {
			return err
		}
		statements, err := steps.Between(version, target)
		if err != nil {
			return err
		}
		if err := makeSchema(ctx, tx, schema); err != nil {
			return err
		}
		statements = append(statements, fmt.Sprintf(`CREATE TABLE IF NOT EXISTS schema_version (
			one boolean PRIMARY KEY DEFAULT true CHECK (one), version int NOT NULL, migrated timestamptz NOT NULL DEFAULT now());
			INSERT INTO schema_version (version) VALUES (%d) ON CONFLICT (one) DO UPDATE SET version = excluded.version, migrated = now()`, target))
		for _, statement := range statements {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	var newer *store.SchemaError
	if err == nil || errors.As(err, &newer) {
		return err
	}
	return failure(ctx, fmt.Sprintf("migrate from version %d to %d", version, target), err)
}

// makeSchema makes the schema if it is not there. CREATE SCHEMA IF NOT EXISTS
// would want the right to make it even where it is.
func makeSchema(ctx context.Context, tx pgx.Tx, schema string) error {
	var isThere bool
	err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)", schema).Scan(&isThere)
	if err != nil || isThere {
		return err
	}
	_, err = tx.Exec(ctx, "CREATE SCHEMA "+schema)
	return err
}
