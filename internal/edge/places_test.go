package edge_test

import (
	"context"
	"errors"
	"testing"

	"github.com/azattest/azattest/internal/edge"
)

// A place is whoever's comes first, until he gives it back; who waits can give up.
func TestPlaces(t *testing.T) {
	t.Parallel()
	p := make(edge.Places, 1)
	leave, ok := p.Take()
	if !ok {
		t.Fatal("no place though all are free")
	}
	if _, ok := p.Take(); ok {
		t.Error("more places than there are")
	}
	gaveUp := errors.New("gave up")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gaveUp)
	if _, err := p.Wait(ctx); !errors.Is(err, gaveUp) {
		t.Errorf("waiting ends with %v, want why the context ended", err)
	}
	leave()
	leave, err := p.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := p.Take(); ok {
		t.Error("a place that was waited for is free")
	}
	leave()
}
