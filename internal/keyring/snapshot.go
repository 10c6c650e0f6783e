package keyring

import (
	"slices"
	"time"

	"github.com/azattest/azattest/token"
)

// snapshot is what the records mean for a stretch of time. It is immutable.
type snapshot struct {
	generation int64
	view       *view
	// published are the keys of each algorithm, the one that signs first.
	published map[token.Algorithm][]*entry
	// from and until bound the stretch: from it on, up to and without until. Zero
	// means without bound.
	from, until time.Time
}

func newSnapshot(generation int64, v *view, now time.Time, lifetime time.Duration) *snapshot {
	s := &snapshot{generation: generation, view: v, published: map[token.Algorithm][]*entry{}}
	for _, a := range algorithms {
		l := v.line(a, now)
		if len(l.entries) == 0 {
			continue
		}
		s.published[a] = l.published(now, lifetime)
		for i, e := range l.entries {
			s.bound(now, e.ActiveFrom)
			s.bound(now, l.publishedUntil(i, lifetime))
		}
	}
	return s
}

// bound takes note of a time at which something changes.
func (s *snapshot) bound(now, change time.Time) {
	switch {
	case change.IsZero():
	case change.After(now):
		if s.until.IsZero() || change.Before(s.until) {
			s.until = change
		}
	case change.After(s.from):
		s.from = change
	}
}

// holdsAt says whether the time is within the stretch. A clock that was set back
// leaves it too.
func (s *snapshot) holdsAt(now time.Time) bool {
	return !now.Before(s.from) && (s.until.IsZero() || now.Before(s.until))
}

// publishes says whether two snapshots give the same rings.
func (s *snapshot) publishes(other *snapshot) bool {
	for _, a := range algorithms {
		if !slices.EqualFunc(s.published[a], other.published[a], func(x, y *entry) bool { return x.ID == y.ID }) {
			return false
		}
	}
	return true
}
