package auth

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// errUnknownKey says that the issuer has no such key.
var errUnknownKey = errors.New("no such key")

// keySource has the keys of one issuer at hand, and fetches them when it must. It
// is safe for concurrent use.
type keySource struct {
	name string
	// fetch asks the issuer; nil for keys that never change.
	fetch func(context.Context) (keySet, error)
	clock func() time.Time
	log   *slog.Logger
	life  *life

	// generation grows with every change of the keys.
	generation atomic.Int64

	mu        sync.Mutex
	keys      keySet
	fetchedAt time.Time // when keys were asked for
	triedAt   time.Time // when the last fetch ended, or began if it is under way
	gap       time.Duration
	failures  int
	problem   error         // of the last fetch
	underway  chan struct{} // closed at the end of the fetch under way, nil if none is
}

// find returns the keys that a token may be signed with, and never none: instead
// there is errUnknownKey if the issuer has none, and the error that came of
// asking it if it cannot be asked. The number is the generation of the keys.
func (s *keySource) find(ctx context.Context, id, algorithm string) ([]key, int64, error) {
	if s.fetch == nil {
		if found := s.keys.find(id, algorithm); len(found) > 0 {
			return found, 0, nil
		}
		return nil, 0, errUnknownKey
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	if found := s.usable(now).find(id, algorithm); len(found) > 0 {
		if age := now.Sub(s.fetchedAt); age >= refreshAfter || age < 0 {
			s.start(now) // nobody waits for it
		}
		return found, s.generation.Load(), nil
	}
	wait := s.start(now)
	if wait == nil { // it was asked a moment ago
		return nil, 0, s.absent(now)
	}
	if err := s.await(ctx, wait); err != nil {
		return nil, 0, err
	}
	now = s.clock()
	if found := s.usable(now).find(id, algorithm); len(found) > 0 {
		return found, s.generation.Load(), nil
	}
	return nil, 0, s.absent(now)
}

// await waits for the end of a fetch, unlocked meanwhile.
func (s *keySource) await(ctx context.Context, done <-chan struct{}) error {
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// usable are the keys, unless they are too old.
func (s *keySource) usable(now time.Time) keySet {
	if now.Sub(s.fetchedAt) > maxKeysAge {
		return nil
	}
	return s.keys
}

// absent says why a key is not there. While the issuer does not answer, the key
// may be a new one.
func (s *keySource) absent(now time.Time) error {
	if s.problem != nil {
		return s.problem
	}
	if s.usable(now) == nil {
		return errors.New("not fetched yet")
	}
	return errUnknownKey
}

// start begins a fetch, unless one is under way or the last one is too recent. It
// returns what to wait for, nil if there is nothing.
func (s *keySource) start(now time.Time) chan struct{} {
	if s.underway != nil {
		return s.underway
	}
	// A clock that was set back must not silence us.
	if since := now.Sub(s.triedAt); since >= 0 && since < s.gap || !s.life.begin() {
		return nil
	}
	s.triedAt, s.underway = now, make(chan struct{})
	// In a goroutine of its own, for the request that began it may be canceled
	// while others wait.
	go s.run(now, s.underway)
	return s.underway
}

func (s *keySource) run(now time.Time, done chan struct{}) {
	defer s.life.done()
	ctx, cancel := context.WithTimeout(s.life.ctx, fetchTimeout)
	defer cancel()
	keys, err := s.fetch(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(done)
	// From its end on, or an issuer that lets us wait would be asked all the time.
	s.triedAt, s.underway, s.problem = s.clock(), nil, err
	if err != nil {
		s.fail(ctx, now)
		return
	}
	s.failures, s.gap, s.fetchedAt = 0, minFetchGap, now
	if !s.keys.equal(keys) {
		s.keys = keys
		s.generation.Add(1)
		s.log.InfoContext(ctx, "keys of an issuer changed", slog.String("issuer", s.name), slog.Int("keys", len(keys)))
	}
}

// fail decides when to ask again: soon while there are no keys at all.
func (s *keySource) fail(ctx context.Context, now time.Time) {
	s.gap = minFetchGap
	if s.usable(now) == nil {
		// Requests are told what went wrong, so the log need not be.
		s.gap = min(firstRetry<<min(s.failures, 10), minFetchGap)
	} else if s.life.ctx.Err() == nil {
		s.log.WarnContext(ctx, "keys of an issuer could not be fetched, the old ones still serve",
			slog.String("issuer", s.name), slog.Time("fetched_at", s.fetchedAt), slog.Any("error", s.problem))
	}
	s.failures++
}
