package store

import (
	"context"
	"errors"
	"sync"
)

// Calls are the calls of an implementation that are under way, so that its
// Close can end them and wait for them. The zero value is ready.
type Calls struct {
	mu     sync.Mutex
	closed bool
	ends   map[*context.CancelCauseFunc]bool
	active sync.WaitGroup
}

// Enter begins a call. It returns the context that the call must heed, which
// Close ends, and what must be called when the call is over; or an error if the
// context is over or the store closed.
func (c *Calls) Enter(ctx context.Context) (context.Context, func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		cancel(ErrClosed)
		return nil, nil, ErrClosed
	}
	if c.ends == nil {
		c.ends = make(map[*context.CancelCauseFunc]bool)
	}
	c.ends[&cancel] = true
	c.active.Add(1)
	return ctx, func() {
		c.mu.Lock()
		delete(c.ends, &cancel)
		c.mu.Unlock()
		cancel(nil)
		c.active.Done()
	}, nil
}

// Close ends the calls under way and returns when they are over. It reports
// whether it was the first to close.
func (c *Calls) Close() bool {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	for end := range c.ends {
		(*end)(ErrClosed)
	}
	c.mu.Unlock()
	c.active.Wait()
	return first
}

// Ended returns why the context of a call is over: nil, [ErrClosed], or the
// context's error. What a database says of it differs from one to the next.
func Ended(ctx context.Context) error {
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), ErrClosed) {
		return ErrClosed
	}
	return ctx.Err()
}

// Signal tells the waiting calls of an implementation of commits that it knows
// of. The zero value is ready, at revision 0.
type Signal struct {
	mu       sync.Mutex
	revision int64
	raised   chan struct{}
}

// Raise tells of a revision. One that is no news is ignored.
func (s *Signal) Raise(revision int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if revision <= s.revision {
		return
	}
	s.revision = revision
	if s.raised != nil {
		close(s.raised)
		s.raised = nil
	}
}

// Last returns the last revision that is known, and a channel that is closed
// when there is a later one.
func (s *Signal) Last() (int64, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.raised == nil {
		s.raised = make(chan struct{})
	}
	return s.revision, s.raised
}
