package postgres

import (
	"context"
	"time"

	"github.com/azattest/azattest/store"
)

// poll is what the waiting calls share, so that many of them cost no more than
// one.
type poll struct {
	turn chan struct{} // holds one element while somebody looks
	// Both are of the last look that got an answer, and guarded by turn.
	last time.Time
	rung int64 // how often the bell had rung
}

func newPoll() poll { return poll{turn: make(chan struct{}, 1)} }

// Wait is that of [store.Store]. One of the waiting calls listens for
// notifications for all of them. What a notification says is not believed, for
// every user of the database can send one: it only makes Wait look. Without
// notifications Wait looks every pollEvery, on other connections than the one
// that listens.
func (s *Store) Wait(ctx context.Context, since int64) (int64, error) {
	ctx, leave, err := s.calls.Enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	var hush func()
	defer func() {
		if hush != nil {
			hush()
		}
	}()
	answered := time.Now()
	for {
		_, rung := s.ear.bell.Last()
		err := s.look(ctx, answered.Add(staleAfter))
		if ended := store.Ended(ctx); err != nil && ended != nil {
			return 0, ended
		}
		revision, raised := s.signal.Last()
		if revision > since {
			return revision, nil
		}
		pause := pollEvery
		switch {
		case err == nil:
			answered = time.Now()
		case time.Since(answered) >= staleAfter, troubleOf(err) != store.TroubleUnreachable:
			return 0, failure(ctx, "wait", err)
		default:
			pause = pollEvery / 10
		}
		if hush == nil {
			hush = s.ear.listen(ctx, s)
		}
		select {
		case <-raised:
		case <-rung:
		case <-time.After(pause):
		case <-ctx.Done():
			return 0, store.Ended(ctx)
		}
	}
}

// look reads the revision, unless somebody did just now and the bell has not rung
// since. It takes no longer than pollTimeout, and hardly longer than until.
func (s *Store) look(ctx context.Context, until time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, min(pollTimeout, max(time.Until(until), pollTimeout/10)))
	defer cancel()
	select {
	case s.poll.turn <- struct{}{}:
		defer func() { <-s.poll.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	rung, _ := s.ear.bell.Last()
	if rung == s.poll.rung && time.Since(s.poll.last) < pollEvery/2 {
		return nil
	}
	var revision int64
	if err := s.watchers.QueryRow(ctx, s.sql("SELECT revision FROM %s.revision")).Scan(&revision); err != nil {
		return err
	}
	s.poll.last, s.poll.rung = time.Now(), rung
	s.signal.Raise(revision)
	return nil
}
