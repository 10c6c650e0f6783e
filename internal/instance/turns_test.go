package instance

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
)

func TestTurnsAreAsManyAsProcessorsAndCanBeGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := newTurns()
		var held []func()
		for range runtime.GOMAXPROCS(0) {
			done, err := all.take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, done)
		}
		var got func()
		go func() { got, _ = all.take(t.Context()) }()
		synctest.Wait()
		if got != nil {
			t.Fatal("one more turn than processors")
		}
		held[0]()
		synctest.Wait()
		if got == nil {
			t.Fatal("no turn, though one was given back")
		}
	})
}

func TestWhoWaitsForATurnLearnsWhyItsContextEnded(t *testing.T) {
	t.Parallel()
	all := make(turns)
	cause := errors.New("the client is gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if done, err := all.take(ctx); done != nil || !errors.Is(err, cause) {
		t.Errorf("error %v, want %v and no turn", err, cause)
	}
}
