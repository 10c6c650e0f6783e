package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
	"github.com/azattest/azattest/store/sqlite"
)

// openStore opens what keeps the state, and brings an older one up to date.
func openStore(ctx context.Context, c *config.Config) (store.Store, error) {
	switch c.Store.Driver {
	case "memory":
		return memory.New(), nil
	}
	name := storePath(c)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s, err := sqlite.Open(ctx, sqlite.Config{Path: name})
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return s, nil
}
