package keyring

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"time"

	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/token"
)

// Run replaces keys that have signed for long enough, and removes those that
// expired a while ago, until the context ends; then it returns nil. What fails is
// logged and tried again minutes later. Every replica may run it: whoever comes
// first does the work.
func (k *Keyring) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		for _, a := range algorithms {
			if err := k.maintain(ctx, a); err != nil && ctx.Err() == nil {
				k.config.Log.ErrorContext(ctx, "signing keys not maintained", slog.String("algorithm", string(a)), slog.Any("error", err))
			}
		}
		timer.Reset(checkEvery*3/4 + jitter(checkEvery/2))
	}
}

// jitter returns a random duration below most.
func jitter(most time.Duration) time.Duration {
	var b [8]byte
	// It never fails: the library ends the program first.
	_, _ = rand.Read(b[:])
	return time.Duration(binary.BigEndian.Uint64(b[:]) % uint64(most)) //nolint:gosec // most is a positive constant
}

// maintain does what is due for the keys of an algorithm. An algorithm without
// keys gets none: nobody has asked for it.
func (k *Keyring) maintain(ctx context.Context, a token.Algorithm) error {
	var made *draft
	var removed []*entry
	err := k.change(ctx, a, func(v *view) ([]store.Change, error) {
		now := k.seconds()
		changes, gone, err := k.removals(v, a, now)
		if err != nil {
			return nil, err
		}
		if len(gone) > 0 || removed == nil {
			removed = gone
		}
		if made != nil && v.entries[made.ID] != nil {
			return changes, nil
		}
		begin, isDue := k.due(v.line(a, now), now)
		if !isDue {
			return changes, nil
		}
		if made == nil {
			if made, err = k.draft(ctx, v, a, begin); err != nil {
				return nil, err
			}
		}
		added, err := made.into(v)
		return append(changes, added...), err
	})
	if err := k.conclude(ctx, made, err); err != nil {
		return err
	}
	for _, e := range removed {
		k.forget(ctx, e)
	}
	return nil
}

// due says whether it is time to announce a successor, and when that is to begin.
// A key that was announced for a time far ahead, as by a replica whose clock was
// wrong, does not count.
func (k *Keyring) due(l line, now time.Time) (time.Time, bool) {
	if k.config.RotateAfter < 0 || len(l.entries) == 0 {
		return time.Time{}, false
	}
	signing := l.signing()
	begin := signing.ActiveFrom.Add(k.config.RotateAfter)
	if now.Before(begin.Add(-k.config.Announce)) || now.Before(signing.ActiveFrom) {
		return time.Time{}, false
	}
	if soonest := now.Add(k.config.Announce); begin.Before(soonest) {
		begin = soonest
	}
	for _, e := range l.announced() {
		if !e.ActiveFrom.After(begin.Add(leeway)) {
			return time.Time{}, false
		}
	}
	return begin.Truncate(time.Second), true
}

// removals returns the changes that remove what nobody needs any more.
func (k *Keyring) removals(v *view, a token.Algorithm, now time.Time) ([]store.Change, []*entry, error) {
	var changes []store.Change
	var gone []*entry
	remove := func(e *entry) error {
		key, err := recordKey(e.ID)
		if err != nil {
			return err
		}
		changes = append(changes, store.Delete(key, e.revision))
		gone = append(gone, e)
		return nil
	}
	l := v.line(a, now)
	for i, e := range l.entries {
		if i >= l.current || now.Before(l.publishedUntil(i, k.config.MaxTokenLifetime).Add(keepExpired)) {
			continue
		}
		if err := remove(e); err != nil {
			return nil, nil, err
		}
	}
	for _, e := range v.of(a) {
		if e.isRevoked() && !now.Before(e.RevokedAt.Add(keepRevoked)) {
			if err := remove(e); err != nil {
				return nil, nil, err
			}
		}
	}
	return changes, gone, nil
}

// forget ends the life of a key whose record was removed: if its device made it,
// it is destroyed there. The name of a revoked one is not to be trusted, for
// nothing seals it.
func (k *Keyring) forget(ctx context.Context, e *entry) {
	k.config.Log.InfoContext(ctx, "signing key removed", slog.String("kid", e.ID), slog.String("algorithm", string(e.Algorithm)))
	device := k.config.Devices[e.Algorithm]
	if e.Device == "" || e.isRevoked() || device == nil {
		return
	}
	if err := device.DestroyKey(context.WithoutCancel(ctx), e.Device); err != nil {
		k.config.Log.WarnContext(ctx, "an expired key stays in the device", slog.String("device_key", e.Device), slog.Any("error", err))
	}
}
