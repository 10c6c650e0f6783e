package postgres_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/azattest/azattest/internal/testpg"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/postgres"
)

// A standby that is not told of changes any more answers as if there were none.
func TestAStandbyIsNotBelieved(t *testing.T) {
	t.Parallel()
	own := testpg.Start(t)
	dsn := own.DSN(t)
	s, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // its server is gone by then
	if _, err := s.Commit(t.Context(), store.Put("a", []byte("1"), 0)); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	var folder string
	if err := conn.QueryRow(t.Context(), "SHOW data_directory").Scan(&folder); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	signal := filepath.Join(folder, "standby.signal")
	if err := os.WriteFile(signal, nil, 0o644); err != nil { //nolint:gosec // G306: the server has another user
		t.Fatal(err)
	}
	own.Restart(t)
	isUnavailable := func(err error) bool {
		_, ok := errors.AsType[*store.UnavailableError](err)
		return ok
	}
	if r, err := s.Get(t.Context(), "a"); !isUnavailable(err) {
		t.Errorf("get: %q, %v", r.Value, err)
	}
	if revision, err := s.Changes(t.Context(), 0, func(store.Record) error { return nil }); !isUnavailable(err) {
		t.Errorf("changes: revision %d, %v", revision, err)
	}
	for _, attributes := range []string{"", "&target_session_attrs=any", "&target_session_attrs=prefer-standby"} {
		if other, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn + attributes}); !isUnavailable(err) {
			t.Errorf("open%s: %v", attributes, err)
			if err == nil {
				_ = other.Close()
			}
		}
	}
	if err := os.Remove(signal); err != nil {
		t.Fatal(err)
	}
	own.Restart(t)
	if r, err := s.Get(t.Context(), "a"); err != nil || string(r.Value) != "1" {
		t.Errorf("get of the primary: %q, %v", r.Value, err)
	}
}
