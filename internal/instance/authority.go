package instance

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/store"
)

// authority is who may change an instance, as read from the store, with the
// revisions that a change must find again: whoever takes a certificate off the
// list takes effect before a change that it signed, or after, never beside it.
type authority struct {
	settings             Settings
	settingsRevision     int64
	certificates         []Certificate
	certificatesRevision int64
	// certificatesID is of the change that made the list.
	certificatesID string
	// used are the tokens that made changes of certificates.
	used []string
}

// authority reads settings and certificates of an instance.
func (d *Directory) authority(ctx context.Context, name string) (*authority, error) {
	key := settingsKey(name)
	r, err := d.config.Store.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: %s", ErrNoInstance, name)
	}
	if err != nil {
		return nil, err
	}
	a := &authority{settingsRevision: r.Revision}
	if a.settings, err = decodeSettings(key, r.Value); err != nil {
		return nil, err
	}
	if a.settings.Mode != Isolated {
		return a, nil
	}
	key = certificatesKey(name)
	r, err = d.config.Store.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		// Nobody could have signed: deny.
		return nil, &RecordError{key, errors.New("missing, though the instance is isolated")}
	}
	if err != nil {
		return nil, err
	}
	list, err := decodeCertificates(key, r.Value)
	if err != nil {
		return nil, err
	}
	a.certificates, a.certificatesRevision, a.certificatesID, a.used = list.Certificates, r.Revision, list.ID, list.Used
	return a, nil
}

// verify checks that the JWS is signed as the mode demands.
func (a *authority) verify(jws *policytoken.Token, at time.Time) error {
	o := policytoken.Options{At: at, Audience: a.settings.URL}
	switch a.settings.Mode {
	case Shared:
		return &RefusedError{a.settings.Name, ReasonShared, "a shared instance has fixed policies"}
	case AAD:
	case Isolated:
		o.RequireSignature = true
		for _, c := range a.certificates {
			o.Trusted = append(o.Trusted, c.parsed)
		}
	default:
		return &RefusedError{a.settings.Name, ReasonShared, fmt.Sprintf("mode %q is not known to this release", a.settings.Mode)}
	}
	return jws.Verify(o)
}

// checks lets a commit fail if the authority has changed.
func (a *authority) checks() []store.Change {
	changes := []store.Change{store.Check(settingsKey(a.settings.Name), a.settingsRevision)}
	if a.settings.Mode == Isolated {
		changes = append(changes, store.Check(certificatesKey(a.settings.Name), a.certificatesRevision))
	}
	return changes
}

// commit reports whether the changes were made, and false if somebody else was
// first and the caller must begin again. Where nobody knows, it finds out.
func (d *Directory) commit(ctx context.Context, changes []store.Change, hasHappened func() (bool, error)) (bool, error) {
	_, err := d.config.Store.Commit(ctx, changes...)
	if _, ok := errors.AsType[*store.ConflictError](err); ok {
		// Those that collided must not meet again.
		pause(ctx, jitter())
		return false, ctx.Err()
	}
	if _, ok := errors.AsType[*store.UncertainError](err); ok {
		done, readErr := hasHappened()
		if readErr != nil {
			return false, errors.Join(err, readErr)
		}
		if !done {
			// It may still happen: beginning again meets it as a conflict.
			return false, ctx.Err()
		}
		err = nil
	}
	if err != nil {
		return false, err
	}
	// Whoever asks this replica next is answered by what was just written. If
	// the store fails now, the change is made all the same.
	_ = d.Refresh(ctx)
	return true, nil
}

// jitter is a random time below 5 ms.
func jitter() time.Duration {
	var b [1]byte
	// The reader never fails.
	_, _ = rand.Read(b[:])
	return time.Duration(b[0]) * 5 * time.Millisecond / 256
}

// newID returns 128 random bits.
func (d *Directory) newID() string {
	var b [16]byte
	// Without randomness two changes could pass for one; crypto/rand never
	// fails, and what a test brings in its place must not either.
	if _, err := io.ReadFull(d.config.Random, b[:]); err != nil {
		panic("instance: no random numbers: " + err.Error())
	}
	return hex.EncodeToString(b[:])
}
