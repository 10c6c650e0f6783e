// Package keyring keeps the keys that sign tokens: as records in a store, sealed
// with a wrapping key, shared by all replicas. One private key serves every
// instance that signs with its algorithm, each with a certificate of its own, as
// the real service's does.
//
// Which function do I want?
//
//   - to begin: [GenerateWrappingKey] once, [ParseWrapping], then [Open];
//   - to sign and publish for an instance: [Keyring.Ring], which makes the first
//     key; again whenever [Keyring.Generation] has changed;
//   - to learn of what other replicas did: [Keyring.Refresh];
//   - to have keys rotated by age, and old ones removed: [Keyring.Run];
//   - to act: [Keyring.Rotate], [Keyring.Revoke], [Keyring.Rewrap], and [Discard]
//     for a record that nobody can open;
//   - to look: [Keyring.Keys];
//   - to keep private keys in a device: a [Device], such as [OpenPKCS11].
//
// Which key signs and which are published follows from the records and the time
// alone, so all replicas agree without talking to each other:
//
//	         made        active from    successor's     + life of a token
//	          |               |         active from       + one hour
//	          |   announced   |    active    |     previous      |  expired
//	published ·---------------·--------------·-------------------·
//	signs                     ·--------------·
//
// Each algorithm has keys of its own: an RSA key made for RS256 never signs with
// PS256. docs/keys.md tells operators what there is to do and when.
package keyring

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/azattest/azattest/token"
)

// Keyring holds the signing keys of a service. It is safe for concurrent use,
// and any number of processes may hold one over the same store.
type Keyring struct {
	config Config

	// turn is taken by whoever reads or changes the records: what was read later
	// must not be overtaken by what was read before. It is a channel so that a
	// context can end the wait.
	turn    chan struct{}
	revoked map[string]time.Time // under turn; never forgotten

	state        atomic.Pointer[snapshot]
	advancing    sync.Mutex // whoever replaces state
	certificates *certificates
}

// Open reads the records. It returns a *[ConfigError] for the configuration, and
// a *[RecordsError] if any record cannot be used: to go on without one could mean
// to sign with a key that was replaced for a reason.
func Open(ctx context.Context, c Config) (*Keyring, error) {
	c, err := c.orDefaults()
	if err != nil {
		return nil, err
	}
	k := &Keyring{
		config:       c,
		turn:         make(chan struct{}, 1),
		revoked:      map[string]time.Time{},
		certificates: newCertificates(maxCertificates),
	}
	k.state.Store(newSnapshot(0, new(view), c.Clock(), c.MaxTokenLifetime))
	if err := k.Refresh(ctx); err != nil {
		return nil, err
	}
	return k, nil
}

// Refresh reads the records again. It returns a *[RecordsError] if some cannot be
// used; all others are, and of those that cannot the state before stays in use,
// save that a record which says that its key is revoked is always believed.
func (k *Keyring) Refresh(ctx context.Context) error {
	if err := k.take(ctx); err != nil {
		return err
	}
	defer k.release()
	v, err := k.load(ctx)
	if err != nil {
		return err
	}
	return v.problem()
}

// Generation changes whenever [Keyring.Ring] may return something else than
// before: records changed, or a key became active or expired with time. It costs
// a look at the clock, so it can be asked on every request. Ask before Ring, and
// not after: what changes in between is then noticed the next time.
func (k *Keyring) Generation() int64 { return k.now().generation }

// Keys returns all keys, those of the same algorithm together, the oldest first.
func (k *Keyring) Keys() []Status {
	s := k.now()
	var all []Status
	for _, a := range algorithms {
		for _, e := range s.view.of(a) {
			all = append(all, k.status(s.view, e))
		}
	}
	return all
}

// now returns the state of this moment.
func (k *Keyring) now() *snapshot {
	if s := k.state.Load(); s.holdsAt(k.config.Clock()) {
		return s
	}
	k.advancing.Lock()
	defer k.advancing.Unlock()
	return k.replace(k.state.Load().view)
}

// install replaces the state by one of new records.
func (k *Keyring) install(v *view) {
	k.advancing.Lock()
	defer k.advancing.Unlock()
	k.replace(v)
	k.certificates.keep(v.entries)
}

// replace is called with advancing held.
func (k *Keyring) replace(v *view) *snapshot {
	before := k.state.Load()
	next := newSnapshot(before.generation, v, k.config.Clock(), k.config.MaxTokenLifetime)
	if !next.publishes(before) {
		next.generation++
	}
	k.state.Store(next)
	return next
}

func (k *Keyring) take(ctx context.Context) error {
	select {
	case k.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("keyring: waiting for another change: %w", ctx.Err())
	}
}

func (k *Keyring) release() { <-k.turn }

// algorithms in the order in which keys are listed.
var algorithms = []token.Algorithm{token.RS256, token.PS256, token.ES256}
