package sqlite

import (
	"context"
	"time"

	"github.com/azattest/azattest/store"
)

// poll is what the waiting calls share, so that many of them cost no more than
// one.
type poll struct {
	turn chan struct{} // holds one element while somebody looks
	last time.Time     // when somebody looked last; guarded by turn
}

// Wait is that of [store.Store]. Commits of this store wake it at once, those of
// others when it looks next.
func (s *Store) Wait(ctx context.Context, since int64) (int64, error) {
	ctx, leave, err := s.calls.Enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	for {
		if err := s.look(ctx); err != nil {
			return 0, err
		}
		revision, raised := s.signal.Last()
		if revision > since {
			return revision, nil
		}
		select {
		case <-raised:
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return 0, store.Ended(ctx)
		}
	}
}

// look reads the revision, unless somebody did just now.
func (s *Store) look(ctx context.Context) error {
	select {
	case s.poll.turn <- struct{}{}:
		defer func() { <-s.poll.turn }()
	case <-ctx.Done():
		return store.Ended(ctx)
	}
	if time.Since(s.poll.last) < pollEvery/2 {
		return nil
	}
	var revision int64
	if err := s.watcher.QueryRowContext(ctx, "SELECT revision FROM revision").Scan(&revision); err != nil {
		return failure(ctx, "wait", err)
	}
	s.poll.last = time.Now()
	s.signal.Raise(revision)
	return nil
}
