package instance_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
)

// swapped is a store in whose place another can be put.
type swapped struct {
	store.Store
	current atomic.Pointer[memory.Store]
}

func (s *swapped) Changes(ctx context.Context, since int64, visit func(store.Record) error) (int64, error) {
	return s.current.Load().Changes(ctx, since, visit)
}

func (s *swapped) Each(ctx context.Context, prefix string, visit func(store.Record) error) (int64, error) {
	return s.current.Load().Each(ctx, prefix, visit)
}

func TestAStoreThatWasReplacedIsReadAnew(t *testing.T) {
	t.Parallel()
	first, second := memory.New(), memory.New()
	put := func(s *memory.Store, key, value string) {
		t.Helper()
		if _, err := s.Commit(t.Context(), store.Put(key, []byte(value), store.Any)); err != nil {
			t.Fatal(err)
		}
	}
	put(first, "instances/before", `{"name":"before","url":"https://before.example","mode":"AAD"}`)
	for range 5 {
		put(first, "something", "else")
	}
	put(second, "instances/after", `{"name":"after","url":"https://after.example","mode":"AAD"}`)
	s := &swapped{Store: first}
	s.current.Store(first)
	d, err := instance.Open(t.Context(), instance.Config{Store: s, Keys: noKeys{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if names := d.Names(); len(names) != 1 || names[0] != "before" {
		t.Fatalf("instances %v", names)
	}
	s.current.Store(second)
	if err := d.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if names := d.Names(); len(names) != 1 || names[0] != "after" {
		t.Errorf("instances %v, want those of the store in its place", names)
	}
}

// noKeys sign nothing: the test only reads.
type noKeys struct{ instance.Keys }

func (noKeys) Generation() int64 { return 0 }

func (noKeys) Refresh(context.Context) error { return nil }
