package memory_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
	"github.com/azattest/azattest/store/storetest"
)

// TestMain sees to it that nothing here leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T) store.Store {
	t.Helper()
	s := memory.New()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStoreKeepsItsPromises(t *testing.T) {
	t.Parallel()
	storetest.Run(t, open)
}

func TestHandlesSeeEachOther(t *testing.T) {
	t.Parallel()
	storetest.RunShared(t, func(t *testing.T) func(*testing.T) store.Store {
		t.Helper()
		// Handles that do not close the one store that they share.
		shared := open(t)
		return func(t *testing.T) store.Store {
			t.Helper()
			return handle{shared}
		}
	})
}

type handle struct{ store.Store }

func (handle) Close() error { return nil }
