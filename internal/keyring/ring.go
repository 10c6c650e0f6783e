package keyring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/token"
)

// Ring returns the keys of an algorithm, certified for the instance at a URL: the
// one that signs first, then those that are announced, then those that signed
// before. If there is no key yet, it makes the first one, which signs at once.
// Two replicas that do so together end up with the same key.
//
// Replicas publish the same certificates to the byte, unless the key is held by
// a device that draws randomness for its signatures (PS256 and ES256). Relying
// parties that find keys by their kid do not notice.
//
// It returns a *[ConfigError] for the algorithm and a *[token.URLError] for the
// URL.
func (k *Keyring) Ring(ctx context.Context, url string, a token.Algorithm) (*token.Ring, error) {
	if err := checkAlgorithm(a); err != nil {
		return nil, err
	}
	published := k.now().published[a]
	if len(published) == 0 {
		if err := k.first(ctx, a); err != nil {
			return nil, err
		}
		published = k.now().published[a]
	}
	if len(published) == 0 {
		return nil, fmt.Errorf("keyring: no key for %s: it was revoked as soon as it was made, try again", a)
	}
	keys := make([]*token.Key, 0, len(published))
	for _, e := range published {
		key, err := k.certify(ctx, e, url)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return token.NewRing(keys[0], keys[1:]...)
}

// first makes the first key of an algorithm, unless somebody else has.
func (k *Keyring) first(ctx context.Context, a token.Algorithm) error {
	var made *draft
	err := k.change(ctx, a, func(v *view) ([]store.Change, error) {
		if len(v.line(a, k.config.Clock()).entries) > 0 {
			return nil, nil
		}
		// What cannot be read may be the key that everybody else signs with.
		if v.unusable() {
			return nil, fmt.Errorf("keyring: no key for %s, and none is made: %w", a, v.problem())
		}
		if made == nil {
			var err error
			if made, err = k.draft(ctx, v, a, k.seconds()); err != nil {
				return nil, err
			}
		}
		return made.into(v)
	})
	return k.conclude(ctx, made, err)
}

// into returns the changes that put a draft into the store.
func (d *draft) into(v *view) ([]store.Change, error) {
	if v.entries[d.ID] != nil {
		return nil, &ConfigError{"Devices", fmt.Sprintf("the key %s, named %q in the device, is in the keyring already: prepare another one, and name it", d.ID, d.Device)}
	}
	change, err := putRaw(d.ID, d.raw, 0)
	return []store.Change{change}, err
}

// conclude says what became of a draft once the change is over, and takes it out
// of its device if nothing did.
func (k *Keyring) conclude(ctx context.Context, d *draft, err error) error {
	if d == nil {
		return err
	}
	if k.state.Load().view.entries[d.ID] != nil {
		if err == nil {
			k.config.Log.InfoContext(ctx, "signing key made", slog.String("kid", d.ID), slog.String("algorithm", string(d.Algorithm)), slog.Time("active_from", d.ActiveFrom))
		}
		return err
	}
	// After an error the commit may still have happened: a key that is in use
	// must not be destroyed for being unsure of it.
	if err == nil {
		d.abandon(ctx, k.config.Log)
	}
	return err
}

// certify returns an entry's key with a certificate for a URL.
func (k *Keyring) certify(ctx context.Context, e *entry, url string) (*token.Key, error) {
	if key := k.certificates.get(e.ID, url); key != nil {
		return key, nil
	}
	signer, err := k.signerOf(ctx, e)
	if err != nil {
		return nil, err
	}
	key, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: e.Algorithm, Issuer: url, Report: e.Report})
	if err != nil {
		if _, ok := errors.AsType[*token.URLError](err); ok {
			return nil, err
		}
		return nil, fmt.Errorf("keyring: key %s: %w", e.ID, err)
	}
	k.certificates.put(e.ID, url, key)
	return key, nil
}
