package keyring

import (
	"context"
	"log/slog"

	"github.com/azattest/azattest/store"
)

// Revoke withdraws a key at once and for good, and erases its private key from
// the store; one in a device stays there for its owner to destroy. If the key is
// the one that signs, the next announced one takes over at once, or a new one:
// an earlier key does not return. Should no new one be had, as from a device that
// is away, the key is revoked all the same, and a *[SuccessorError] says so.
// Tokens that the key signed stop verifying as soon
// as relying parties fetch the keys again.
//
// Whoever has a copy of the store from before can put the record back. To rule
// that out, change the wrapping key too: see docs/keys.md. It returns an
// *[UnknownKeyError] if there is no such key; one that is revoked already is no
// error.
func (k *Keyring) Revoke(ctx context.Context, id string) error {
	e := k.now().view.entries[id]
	if e == nil {
		if err := k.Refresh(ctx); err != nil {
			k.config.Log.WarnContext(ctx, "some keys could not be read", slog.Any("error", err))
		}
		if e = k.now().view.entries[id]; e == nil {
			return &UnknownKeyError{ID: id}
		}
	}
	a := e.Algorithm
	var made *draft
	var missing error
	err := k.change(ctx, a, func(v *view) ([]store.Change, error) {
		e := v.entries[id]
		if e == nil {
			return nil, &UnknownKeyError{ID: id}
		}
		if e.isRevoked() {
			return nil, nil
		}
		now := k.seconds()
		raw, err := e.revoked(now).encode()
		if err != nil {
			return nil, err
		}
		gone, err := putRaw(id, raw, e.revision)
		if err != nil {
			return nil, err
		}
		l := v.line(a, now)
		if l.signing() != e {
			return []store.Change{gone}, nil
		}
		if next := l.announced(); len(next) > 0 {
			changes, err := k.bringForward(next[0], now)
			return append(changes, gone), err
		}
		var changes []store.Change
		if made == nil {
			made, missing = k.draft(ctx, v, a, now)
		}
		if made != nil {
			changes, missing = made.into(v)
		}
		return append(changes, gone), nil
	})
	if err := k.conclude(ctx, made, err); err != nil {
		return err
	}
	k.config.Log.WarnContext(ctx, "signing key revoked", slog.String("kid", id), slog.String("algorithm", string(a)))
	if missing != nil {
		return &SuccessorError{ID: id, Err: missing}
	}
	return nil
}
