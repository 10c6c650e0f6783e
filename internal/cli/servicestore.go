package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
	"github.com/azattest/azattest/store/postgres"
	"github.com/azattest/azattest/store/sqlite"
)

// The drivers of store.driver.
const (
	driverSQLite   = "sqlite"
	driverPostgres = "postgres"
	driverMemory   = "memory"
)

// openStore opens what keeps the state, and brings an older one up to date.
func openStore(ctx context.Context, c *config.Config) (store.Store, error) {
	switch c.Store.Driver {
	case driverMemory:
		return memory.New(), nil
	case driverPostgres:
		dsn, err := dsnOf(c)
		if err != nil {
			return nil, err
		}
		s, err := postgres.Open(ctx, postgres.Config{DSN: dsn, Schema: c.Store.Schema})
		if err != nil {
			return nil, withHint(err, "is PostgreSQL running, and does store.dsn name its host, database and user?")
		}
		return s, nil
	}
	name := storePath(c)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, err
	}
	s, err := sqlite.Open(ctx, sqlite.Config{Path: name})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func dsnOf(c *config.Config) (string, error) {
	if c.Store.DSNFile == "" {
		return c.Store.DSN.Reveal(), nil
	}
	text, err := os.ReadFile(filepath.Clean(c.Store.DSNFile))
	if err != nil {
		return "", fmt.Errorf("store.dsnFile: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}
