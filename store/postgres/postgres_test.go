package postgres_test

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/azattest/azattest/internal/testpg"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/postgres"
	"github.com/azattest/azattest/store/storetest"
)

// server is for all tests that do not stop it.
var server testpg.Server

// TestMain sees to it that nothing here leaves a goroutine behind, and serves
// the tests that kill a writer: see kill_test.go.
func TestMain(m *testing.M) {
	if dsn := os.Getenv(writerVariable); dsn != "" {
		write(dsn)
		os.Exit(1)
	}
	goleak.VerifyTestMain(testpg.Main{M: m, Server: &server})
}

var (
	database sync.Mutex
	sharedDB string
	schemas  atomic.Int64
)

// newConfig names a schema of its own in a database that most tests share: to
// make a database takes much longer.
func newConfig(tb testing.TB) postgres.Config {
	tb.Helper()
	database.Lock()
	defer database.Unlock()
	if sharedDB == "" {
		sharedDB = server.DSN(tb)
	}
	return postgres.Config{DSN: sharedDB, Schema: fmt.Sprintf("s%d", schemas.Add(1))}
}

func open(tb testing.TB, c postgres.Config) *postgres.Store {
	tb.Helper()
	s, err := postgres.Open(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func TestStoreKeepsItsPromises(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store {
		t.Helper()
		return open(t, newConfig(t))
	})
}

func TestHandlesSeeEachOther(t *testing.T) {
	t.Parallel()
	storetest.RunShared(t, func(t *testing.T) func(*testing.T) store.Store {
		t.Helper()
		config := newConfig(t)
		return func(t *testing.T) store.Store {
			t.Helper()
			return open(t, config)
		}
	})
}
