package memory_test

import (
	"testing"

	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
	"github.com/azattest/azattest/store/storetest"
)

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) func(*testing.B) store.Store {
		b.Helper()
		s := memory.New()
		return func(*testing.B) store.Store { return s }
	})
}
