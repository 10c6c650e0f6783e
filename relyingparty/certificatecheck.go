package relyingparty

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/azattest/azattest/azattestation"
)

// certificateCheck asks whether a signing certificate is acceptable, and remembers
// for a while which ones are. One caller at a time asks about one certificate.
type certificateCheck struct {
	ask    func(context.Context, *azattestation.SigningCertificate) error
	maxAge time.Duration

	mu      sync.Mutex
	entries map[[32]byte]*checkedCertificate
}

// checkedCertificate is under the lock of certificateCheck.
type checkedCertificate struct {
	asking   *asking   // nil if nobody asks
	accepted time.Time // zero for never
}

// asking is a question that is being asked, and its answer.
type asking struct {
	done chan struct{}
	err  error
	// own is set where the answer is about the asker's context, and says nothing to
	// others.
	own bool
}

func newCertificateCheck(ask func(context.Context, *azattestation.SigningCertificate) error, maxAge time.Duration) *certificateCheck {
	if maxAge == 0 {
		maxAge = DefaultSigningCertificateMaxAge
	}
	return &certificateCheck{ask: ask, maxAge: maxAge, entries: map[[32]byte]*checkedCertificate{}}
}

// check returns what ask says, now or not long ago. A nil check accepts all.
func (c *certificateCheck) check(ctx context.Context, certificate *azattestation.SigningCertificate, now time.Time) error {
	if c == nil {
		return nil
	}
	if c.maxAge < 0 {
		return c.ask(ctx, certificate)
	}
	entry := c.entry(identify(certificate))
	if c.isFresh(entry, now) {
		return nil
	}
	for {
		c.mu.Lock()
		under := entry.asking
		if under == nil {
			under = &asking{done: make(chan struct{}), own: true}
			entry.asking = under
			c.mu.Unlock()
			return c.askFor(ctx, certificate, now, entry, under)
		}
		c.mu.Unlock()
		select {
		case <-under.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		// Everybody who waited shares the answer: were each to ask in turn, a check
		// that takes long would take as many times as long.
		if !under.own {
			return under.err
		}
	}
}

// askFor asks, for all who wait.
func (c *certificateCheck) askFor(ctx context.Context, certificate *azattestation.SigningCertificate, now time.Time, entry *checkedCertificate, a *asking) error {
	defer func() {
		c.mu.Lock()
		entry.asking = nil
		c.mu.Unlock()
		close(a.done)
	}()
	err := c.ask(ctx, certificate)
	a.err, a.own = err, err != nil && ctx.Err() != nil
	if err == nil {
		c.mu.Lock()
		entry.accepted = now
		c.mu.Unlock()
	}
	return err
}

// isFresh regards a time ahead of now as past: a clock that was set back must not
// keep an acceptance alive.
func (c *certificateCheck) isFresh(entry *checkedCertificate, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := now.Sub(entry.accepted)
	return !entry.accepted.IsZero() && age >= 0 && age < c.maxAge
}

func (c *certificateCheck) entry(id [32]byte) *checkedCertificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if entry := c.entries[id]; entry != nil {
		return entry
	}
	if len(c.entries) >= maxCheckedCertificates {
		c.forgetOldest()
	}
	entry := new(checkedCertificate)
	c.entries[id] = entry
	return entry
}

// forgetOldest is called with the lock held.
func (c *certificateCheck) forgetOldest() {
	var oldest [32]byte
	var at *time.Time
	for id, entry := range c.entries {
		if at == nil || entry.accepted.Before(*at) {
			oldest, at = id, &entry.accepted
		}
	}
	delete(c.entries, oldest)
}

// identify hashes all that a check may look at: the kid and the whole chain.
func identify(certificate *azattestation.SigningCertificate) [32]byte {
	h := sha256.New()
	add := func(part []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	add([]byte(certificate.KeyID))
	for _, cert := range certificate.Chain {
		add(cert.Raw)
	}
	return [32]byte(h.Sum(nil))
}

// isRefusal tells a certificate that is not acceptable from one of which nobody
// could tell.
func isRefusal(err error) bool {
	_, ok := errors.AsType[*SigningCertificateError](err)
	return ok
}
