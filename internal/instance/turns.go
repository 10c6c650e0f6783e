package instance

import (
	"context"
	"runtime"
)

// turns let as many attestations sign at once as there are processors. The others
// wait, first come first served, and leave the processors to whoever does something
// else: answers about policies and certificates are not asked to wait, so that they
// come soon also while attestations come faster than they can be signed.
type turns chan struct{}

func newTurns() turns { return make(turns, runtime.GOMAXPROCS(0)) }

// take waits for a turn, and returns what gives it back; or why the context ended.
func (t turns) take(ctx context.Context) (func(), error) {
	select {
	case t <- struct{}{}:
		// The scheduler lets who was woken go before who has just come: those who
		// sign would hand the processors to each other and to nobody else.
		runtime.Gosched()
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
