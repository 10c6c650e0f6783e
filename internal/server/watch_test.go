package server

import (
	"sync"
	"time"
)

// watch is a clock that tests turn.
type watch struct {
	mu  sync.Mutex
	now time.Time
}

func newWatch() *watch {
	return &watch{now: time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)}
}

func (w *watch) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *watch) turn(by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(by)
}
