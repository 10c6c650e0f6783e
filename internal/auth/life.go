package auth

import (
	"context"
	"sync"
)

// life ends what runs for an Authenticator, and knows when all of it has ended.
type life struct {
	ctx context.Context
	end context.CancelFunc

	mu      sync.Mutex
	isOver  bool
	running sync.WaitGroup
}

func newLife() *life {
	ctx, end := context.WithCancel(context.Background())
	return &life{ctx: ctx, end: end}
}

// begin reports whether something may still begin. Whoever is told so calls done.
func (l *life) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.isOver {
		l.running.Add(1)
	}
	return !l.isOver
}

func (l *life) done() { l.running.Done() }

// close lets nothing begin, cancels what runs, and waits for it.
func (l *life) close() {
	l.mu.Lock()
	l.isOver = true
	l.mu.Unlock()
	l.end()
	l.running.Wait()
}
