package keyring

import (
	"context"
	"fmt"
	"time"

	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/token"
)

// Rotate sees to it that a key which does not sign yet begins to sign once
// announce is over, or before; 0 is at once, and then relying parties that cached
// the keys fail until they fetch them again. It returns that key: one that is
// announced for then already, so that a command may be repeated; else one that
// was announced for later, brought forward; else a new one. The very first key of
// an algorithm begins at once.
func (k *Keyring) Rotate(ctx context.Context, a token.Algorithm, announce time.Duration) (Status, error) {
	if err := checkAlgorithm(a); err != nil {
		return Status{}, err
	}
	if announce < 0 {
		return Status{}, &ConfigError{"announce", fmt.Sprintf("%s, want 0 or more", announce)}
	}
	var made *draft
	var id string
	err := k.change(ctx, a, func(v *view) ([]store.Change, error) {
		now := k.seconds()
		l := v.line(a, now)
		begin := now.Add(announce).Truncate(time.Second)
		if len(l.entries) == 0 {
			begin = now
		}
		if made != nil && v.entries[made.ID] != nil {
			return nil, nil // it was uncertain, and did happen
		}
		if next := l.announced(); len(next) > 0 && made == nil {
			id = next[0].ID
			return k.bringForward(next[0], begin)
		}
		if made == nil {
			var err error
			if made, err = k.draft(ctx, v, a, begin); err != nil {
				return nil, err
			}
			id = made.ID
		}
		return made.into(v)
	})
	if err := k.conclude(ctx, made, err); err != nil {
		return Status{}, err
	}
	return k.find(id)
}

// bringForward has an announced key begin by a time.
func (k *Keyring) bringForward(e *entry, begin time.Time) ([]store.Change, error) {
	if !e.ActiveFrom.After(begin) {
		return nil, nil
	}
	r := *e.record
	r.ActiveFrom = begin
	change, err := k.put(e, &r)
	return []store.Change{change}, err
}

// find returns the status of a key.
func (k *Keyring) find(id string) (Status, error) {
	v := k.now().view
	e := v.entries[id]
	if e == nil {
		return Status{}, &UnknownKeyError{ID: id}
	}
	return k.status(v, e), nil
}
