package store

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Migrations are the steps from an empty database to the newest tables and
// back: element i leads from version i to i+1.
type Migrations []Migration

// Migration is one step, forward and back, in SQL.
type Migration struct{ Up, Down string }

// ReadMigrations reads the pairs 0001_<name>.up.sql and 0001_<name>.down.sql, numbered
// without a gap. It returns an error for a file that is no half of such a pair:
// a step that is skipped by mistake would be found out in production.
func ReadMigrations(files fs.FS) (Migrations, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, fmt.Errorf("store: migrations: %w", err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	// Down sorts before up.
	slices.Sort(names)
	var all Migrations
	for i := 0; i < len(names); i += 2 {
		stem, isDown := strings.CutSuffix(names[i], ".down.sql")
		if !isDown || i+1 == len(names) || names[i+1] != stem+".up.sql" || !strings.HasPrefix(stem, fmt.Sprintf("%04d_", len(all)+1)) {
			return nil, fmt.Errorf("store: migrations: file %s, want a pair %04d_<name>.down.sql and .up.sql", names[i], len(all)+1)
		}
		down, err := fs.ReadFile(files, names[i])
		if err != nil {
			return nil, fmt.Errorf("store: migrations: %w", err)
		}
		up, err := fs.ReadFile(files, names[i+1])
		if err != nil {
			return nil, fmt.Errorf("store: migrations: %w", err)
		}
		all = append(all, Migration{Up: string(up), Down: string(down)})
	}
	return all, nil
}

// Between returns the statements that lead from one version to another, in the
// order in which they must run. Of a version that it does not know it returns
// a *[SchemaError].
func (m Migrations) Between(from, to int) ([]string, error) {
	for _, version := range []int{from, to} {
		if version < 0 || version > len(m) {
			return nil, &SchemaError{Found: version, Known: len(m)}
		}
	}
	var steps []string
	for ; from < to; from++ {
		steps = append(steps, m[from].Up)
	}
	for ; from > to; from-- {
		steps = append(steps, m[from-1].Down)
	}
	return steps, nil
}
