package keyring

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/azattest/azattest/token"
)

// State is where a key stands in its life.
type State string

// The states, in the order of a life. A key may be revoked in any of them.
const (
	// StateAnnounced: published, so that relying parties know it, and not signing
	// yet.
	StateAnnounced State = "announced"
	// StateActive: the one of its algorithm that signs.
	StateActive State = "active"
	// StatePrevious: published until the last token that it signed has expired.
	StatePrevious State = "previous"
	// StateExpired: not published any more, and about to be removed.
	StateExpired State = "expired"
	// StateRevoked: neither published nor able to sign ever again.
	StateRevoked State = "revoked"
)

// Status describes a key, without anything secret.
type Status struct {
	ID        string          `json:"kid"`
	Algorithm token.Algorithm `json:"algorithm"`
	State     State           `json:"state"`
	CreatedAt time.Time       `json:"createdAt"`
	// ActiveFrom is when the key begins, or began, to sign.
	ActiveFrom time.Time `json:"activeFrom"`
	// RetiredAt is when its successor takes over, or took; zero without one.
	RetiredAt time.Time `json:"retiredAt,omitzero"`
	// PublishedUntil is when it is withdrawn; zero without a successor.
	PublishedUntil time.Time `json:"publishedUntil,omitzero"`
	RevokedAt      time.Time `json:"revokedAt,omitzero"`
	// Device is the name by which a device knows the key, empty for one in memory.
	Device string `json:"device,omitempty"`
	// WrappedWith names the wrapping key, empty if the record is not sealed.
	WrappedWith string `json:"wrappedWith,omitempty"`
	// Attested says that its certificates carry the report of an enclave.
	Attested bool `json:"attested"`
	// Problem is why the record in the store could not be used, while its state
	// before still is; empty as a rule.
	Problem string `json:"problem,omitempty"`
}

// view is all records, as of one moment. It is immutable.
type view struct {
	entries map[string]*entry
	// families are the revisions of the records of algorithms.
	families map[token.Algorithm]int64
	// bad are the records that could not be used.
	bad []*RecordError
}

// problem returns the error for what could not be used.
func (v *view) problem() error {
	if len(v.bad) == 0 {
		return nil
	}
	return &RecordsError{Records: v.bad}
}

// of returns all keys of an algorithm, in the order in which they sign. Where two
// begin in the same second, the later one counts, on every replica.
func (v *view) of(a token.Algorithm) []*entry {
	all := slices.Collect(maps.Values(v.entries))
	all = slices.DeleteFunc(all, func(e *entry) bool { return e.Algorithm != a })
	slices.SortFunc(all, func(x, y *entry) int {
		return cmp.Or(x.ActiveFrom.Compare(y.ActiveFrom), cmp.Compare(x.Sequence, y.Sequence), strings.Compare(x.ID, y.ID))
	})
	return all
}

// last returns the sequence of the last key of an algorithm, 0 without one.
func (v *view) last(a token.Algorithm) int64 {
	var last int64
	for _, e := range v.entries {
		if e.Algorithm == a {
			last = max(last, e.Sequence)
		}
	}
	return last
}

// line is the keys of one algorithm that are not revoked, in the order in which
// they sign.
type line struct {
	entries []*entry
	// current is the index of the one that signs.
	current int
}

// line returns the keys as of a time. The newest that has begun signs. If none
// has, the first does, before its time: it was made by a replica whose clock is
// ahead, and to make another would not help.
func (v *view) line(a token.Algorithm, now time.Time) line {
	l := line{entries: slices.DeleteFunc(v.of(a), func(e *entry) bool { return e.isRevoked() })}
	for i, e := range l.entries {
		if !e.ActiveFrom.After(now) {
			l.current = i
		}
	}
	return l
}

// signing returns the key that signs, nil if there is none.
func (l line) signing() *entry {
	if len(l.entries) == 0 {
		return nil
	}
	return l.entries[l.current]
}

// announced returns the keys that will sign, the next one first.
func (l line) announced() []*entry {
	if len(l.entries) == 0 {
		return nil
	}
	return l.entries[l.current+1:]
}

// retired returns when the key at i stops signing, zero if nothing is planned.
func (l line) retired(i int) time.Time {
	if i+1 < len(l.entries) {
		return l.entries[i+1].ActiveFrom
	}
	return time.Time{}
}

// publishedUntil returns when the key at i is withdrawn, zero for never.
func (l line) publishedUntil(i int, lifetime time.Duration) time.Time {
	retired := l.retired(i)
	if retired.IsZero() {
		return retired
	}
	return retired.Add(lifetime + leeway)
}

func (l line) state(i int, now time.Time, lifetime time.Duration) State {
	switch {
	case i > l.current:
		return StateAnnounced
	case i == l.current:
		return StateActive
	case now.Before(l.publishedUntil(i, lifetime)):
		return StatePrevious
	}
	return StateExpired
}

// published returns the keys to publish: the one that signs, those that will,
// those that did, the latest first.
func (l line) published(now time.Time, lifetime time.Duration) []*entry {
	if len(l.entries) == 0 {
		return nil
	}
	all := append([]*entry{l.signing()}, l.announced()...)
	for i := l.current - 1; i >= 0; i-- {
		if l.state(i, now, lifetime) == StatePrevious {
			all = append(all, l.entries[i])
		}
	}
	return all
}

// status describes an entry as of now.
func (k *Keyring) status(v *view, e *entry) Status {
	s := Status{
		ID: e.ID, Algorithm: e.Algorithm, State: StateRevoked, CreatedAt: e.CreatedAt, ActiveFrom: e.ActiveFrom, RevokedAt: e.RevokedAt,
		Device: e.Device, WrappedWith: e.WrappedWith, Attested: len(e.Report) > 0,
	}
	if e.problem != nil {
		s.Problem = e.problem.Error()
	}
	now := k.config.Clock()
	l := v.line(e.Algorithm, now)
	if i := slices.Index(l.entries, e); i >= 0 {
		s.State = l.state(i, now, k.config.MaxTokenLifetime)
		s.RetiredAt, s.PublishedUntil = l.retired(i), l.publishedUntil(i, k.config.MaxTokenLifetime)
	}
	return s
}
