// Package postgres keeps records in a PostgreSQL database, which many processes
// on many machines may use at once.
//
// Which function do I want? [Open], and then what [store.Store] promises;
// [Migrate] to lead the tables forward or back by hand.
//
// A commit is one transaction. It locks the one row that holds the revision, so
// commits follow each other and revisions become visible in their order. It is as
// durable as the server: with asynchronous replication, a failover may lose the
// last commits, and with fsync off, a crash.
//
// The connection string says where the server is and how TLS protects the way
// (sslmode=verify-full). It must lead to the primary: a standby is refused. A pgbouncer in between must
// pool by session: LISTEN and prepared statements do not survive less.
package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/azattest/azattest/store"
)

// DefaultSchema is the schema of a [Config] that names none.
const DefaultSchema = "azattest"

// Config says which database to use.
type Config struct {
	// DSN is the connection string: a URL (postgres://user@host/database?…) or
	// key=value pairs, with what libpq knows, and pool_max_conns. It may hold a
	// password and is never repeated in an error. Required.
	DSN string
	// Schema is the schema that holds the tables: up to 48 lower-case letters,
	// digits and _. It is made if it is not there. Empty for azattest.
	Schema string
	// KeepSchema refuses tables that are older than the program, instead of
	// migrating them. The user then needs no right to make any.
	KeepSchema bool
}

// ConfigError says why a [Config] opens nothing.
type ConfigError struct {
	// Field is the field of Config.
	Field string
	// Problem is what is wrong with it, and what would be right.
	Problem string
}

func (e *ConfigError) Error() string { return "store/postgres: config: " + e.Field + ": " + e.Problem }

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,47}$`)

// withDefaults returns what Open takes for the Config, or a *[ConfigError].
func (c Config) withDefaults() (Config, error) {
	if c.DSN == "" {
		return c, &ConfigError{"DSN", "missing, want a connection string such as postgres://user@host/database?sslmode=verify-full"}
	}
	if c.Schema == "" {
		c.Schema = DefaultSchema
	}
	if !schemaName.MatchString(c.Schema) || strings.HasPrefix(c.Schema, "pg_") {
		return c, &ConfigError{"Schema", fmt.Sprintf("%.60q, want up to 48 lower-case letters, digits and _, and not pg_ first", c.Schema)}
	}
	return c, nil
}

// pool returns the configuration of connections.
func (c Config) pool() (*pgxpool.Config, error) {
	pool, err := pgxpool.ParseConfig(c.DSN)
	if err != nil {
		// Not what the parser says: it may quote the password.
		return nil, &ConfigError{"DSN", "it is no connection string, want postgres://user@host/database?sslmode=verify-full or key=value pairs (it is not repeated here, for it may hold a password)"}
	}
	if !strings.Contains(c.DSN, "connect_timeout") {
		pool.ConnConfig.ConnectTimeout = connectTimeout
	}
	for _, t := range tlsConfigs(&pool.ConnConfig.Config) {
		t.MinVersion = max(t.MinVersion, tls.VersionTLS12)
	}
	// A standby answers reads, of some time ago: whoever read there would take old
	// policies and revoked keys for those in force, and never know. Of several hosts
	// the next one is tried.
	pool.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	pool.AfterConnect = setSession
	return pool, nil
}

// setSession limits what a session may take. It is done by statements, since
// poolers refuse parameters that they do not know at the beginning.
func setSession(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, fmt.Sprintf(`SET statement_timeout = %d; SET lock_timeout = %d; SET idle_in_transaction_session_timeout = %d;
		SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`,
		statementTimeout.Milliseconds(), lockTimeout.Milliseconds(), idleTimeout.Milliseconds()))
	return err
}

// Store keeps records in a database. It is made by [Open].
type Store struct {
	config *pgxpool.Config
	schema string
	pool   *pgxpool.Pool
	// watchers are for Wait alone, which must not wait for visits.
	watchers *pgxpool.Pool

	calls  store.Calls
	signal store.Signal
	poll   poll
	ear    ear
}

var _ store.Store = (*Store)(nil)

// Open connects to a database and migrates its tables forward. It returns a
// *[ConfigError], a *[store.SchemaError] for tables that a newer program made, a
// *[store.IncompleteError] for a restore that was cut short, and a
// *[store.UnavailableError] if the server cannot be reached or does not admit us.
func Open(ctx context.Context, c Config) (*Store, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	config, err := c.pool()
	if err != nil {
		return nil, err
	}
	if err := setUp(ctx, config.ConnConfig, c); err != nil {
		return nil, err
	}
	s := &Store{config: config, schema: c.Schema, poll: newPoll(), ear: newEar()}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	// Its connections are made when they are needed, not as long as ctx lasts.
	var err error
	if s.pool, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), s.config); err != nil {
		return failure(ctx, "open", err)
	}
	config := s.config.Copy()
	config.MaxConns, config.MinConns, config.MinIdleConns = maxWatchers, 0, 0
	if s.watchers, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), config); err != nil {
		return failure(ctx, "open", err)
	}
	return store.CheckComplete(ctx, s)
}

// Close is that of [store.Store].
func (s *Store) Close() error {
	if !s.calls.Close() {
		return nil
	}
	s.ear.close()
	for _, pool := range []*pgxpool.Pool{s.watchers, s.pool} {
		if pool != nil {
			pool.Close()
		}
	}
	return nil
}

// sql puts the schema into a statement, where it has %s. It was checked.
func (s *Store) sql(statement string) string {
	return strings.ReplaceAll(statement, "%s", s.schema)
}
