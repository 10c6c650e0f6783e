package edge

import (
	"context"
	"errors"
)

// ErrBusy says that all places are taken.
var ErrBusy = errors.New("too many requests at once")

// Places are a number of places of which each request takes one: as many as the channel
// holds.
type Places chan struct{}

// Take returns the function that gives the place back, or false. Nobody queues: whoever
// finds none is told to come again, and so holds no memory.
func (p Places) Take() (func(), bool) {
	select {
	case p <- struct{}{}:
		return func() { <-p }, true
	default:
		return nil, false
	}
}

// Wait waits for a place, and returns the function that gives it back; or why the
// context ended.
func (p Places) Wait(ctx context.Context) (func(), error) {
	select {
	case p <- struct{}{}:
		return func() { <-p }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
