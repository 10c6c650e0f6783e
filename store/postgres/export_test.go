package postgres

import (
	"testing"
	"time"
)

// Listening returns once a waiting call listens.
func (s *Store) Listening(t *testing.T) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < 20*time.Second; time.Sleep(5 * time.Millisecond) {
		if rung, _ := s.ear.bell.Last(); rung > 0 {
			return
		}
	}
	t.Fatal("no call listens")
}

// Lock takes the lock of a commit, and hangs. It ends at the latest when the
// test calls what it returns.
func (s *Store) Lock(t *testing.T) func() {
	t.Helper()
	tx, err := s.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), s.sql("SELECT revision FROM %s.revision FOR UPDATE")); err != nil {
		t.Fatal(err)
	}
	return func() { rollback(tx) }
}

// Exec runs a statement, as an operator might.
func (s *Store) Exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := s.pool.Exec(t.Context(), s.sql(statement)); err != nil {
		t.Fatal(err)
	}
}
