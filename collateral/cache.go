package collateral

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/azattest/azattest/evidence/dcap"
)

// Cache is a [Source] before another one. It asks that one once for all who ask
// at the same time, keeps what it gets as long as it is valid, and asks again
// in the background before it expires, if it was used since.
//
// Collateral that has expired is not served, unless the source itself gave it
// so; then it is kept for an hour. "There is none" is remembered for a minute, a
// failure to ask for five seconds or for as long as the server demanded.
//
// A query for a time other than now is an affair of its own: it goes to the
// source with its time, and the answer, kept for an hour, serves only queries
// for that same time. It is neither refreshed nor written to disk.
type Cache struct {
	source Source
	config CacheConfig

	flights singleflight.Group
	slots   chan struct{} // one for each call of the source under way
	poke    chan struct{} // wakes the refresher
	work    sync.WaitGroup
	ctx     context.Context // the lifetime of what runs in the background
	stop    context.CancelFunc

	mu      sync.Mutex
	closed  bool
	entries map[key]*entry
	misses  map[key]miss
	uses    uint64
}

var _ Source = (*Cache)(nil)

// key names what is kept: the platform, the number asked for, and the time
// unless it is now.
type key struct {
	platform dcap.Platform
	number   int
	at       time.Time // zero for now
}

func (k key) String() string {
	return fmt.Sprintf("%s e%d %s", k.platform, k.number, k.at.Format(time.RFC3339Nano))
}

// entry is collateral that is kept.
type entry struct {
	collateral *dcap.Collateral
	until      time.Time // serves up to this time
	asIs       bool      // the source gave it expired
	number     int       // TCB evaluation data number
	issued     time.Time // of the TCB info
	refreshAt  time.Time
	lastUse    uint64
	used       bool // since it was fetched
	refreshing bool
	failures   int // refreshes in a row
}

// miss is an error that is kept.
type miss struct {
	err   error
	until time.Time
}

var (
	errClosed = errors.New("collateral cache is closed")
	errWorse  = errors.New("the source gave collateral that has expired or is older than what is kept")
)

// NewCache returns a cache before a source. It runs a goroutine until it is
// closed.
func NewCache(source Source, c CacheConfig) (*Cache, error) {
	if source == nil {
		return nil, errors.New("collateral cache: no source given")
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	cache := &Cache{
		source: source, config: c.withDefaults(), poke: make(chan struct{}, 1),
		entries: make(map[key]*entry), misses: make(map[key]miss),
	}
	cache.slots = make(chan struct{}, cache.config.MaxFetches)
	cache.ctx, cache.stop = context.WithCancel(context.Background())
	cache.work.Go(cache.refresh)
	return cache, nil
}

// Close ends what runs in the background and waits for it. The source is left
// to its owner. Calls under way and later ones return an error.
func (c *Cache) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.work.Wait()
	return nil
}

// Collateral returns what is kept, or asks the source. It returns as soon as ctx
// ends; the source is then asked all the same, for the next who comes. The time
// of the query is rounded to now if it is within five minutes of it.
func (c *Cache) Collateral(ctx context.Context, q Query) (*dcap.Collateral, error) {
	if err := q.validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	now := c.config.Clock()
	k := keyOf(q, now)
	if found, err := c.lookup(k, now); found != nil || err != nil {
		return found, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case result := <-c.flights.DoChan(k.String(), func() (any, error) { return c.fetch(k) }):
		if result.Err != nil {
			return nil, result.Err
		}
		found, ok := result.Val.(*dcap.Collateral)
		if !ok {
			return nil, fmt.Errorf("collateral cache: flight of type %T", result.Val)
		}
		return found, nil
	}
}

func keyOf(q Query, now time.Time) key {
	k := key{platform: q.Platform, number: q.TCBEvaluationDataNumber}
	if away := q.At.Sub(now).Abs(); !q.At.IsZero() && away > live {
		k.at = q.At.UTC().Round(0)
	}
	return k
}

// Expires returns until when all of the collateral holds that was asked for since it
// was fetched, and false if there is none.
func (c *Cache) Expires() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var first time.Time
	for _, e := range c.entries {
		if e.used && e.collateral != nil && (first.IsZero() || e.until.Before(first)) {
			first = e.until
		}
	}
	return first, !first.IsZero()
}

// lookup returns what is kept and good: collateral, an error, or neither.
func (c *Cache) lookup(k key, now time.Time) (*dcap.Collateral, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	if e := c.entries[k]; e != nil && !now.After(e.until) {
		c.uses++
		e.lastUse = c.uses
		if !e.used {
			e.used = true
			c.wake()
		}
		return e.collateral, nil
	}
	if m, ok := c.misses[k]; ok && now.Before(m.until) {
		return nil, m.err
	}
	return nil, nil
}

// fetch gets collateral from disk or from the source. Only one call for a key
// is under way at a time.
func (c *Cache) fetch(k key) (*dcap.Collateral, error) {
	if !c.begin() {
		return nil, errClosed
	}
	defer c.work.Done()
	if found := c.settled(k); found != nil {
		return found, nil
	}
	onDisk, fetchedAt := c.load(k)
	if onDisk != nil && c.config.Clock().Sub(fetchedAt) < c.config.RefreshEvery {
		return c.resume(k, onDisk, fetchedAt), nil
	}
	found, err := c.ask(k)
	if err == nil {
		err = c.check(k, found)
	}
	if err != nil {
		return c.instead(k, onDisk, err)
	}
	set := describe(found, nil)
	if c.isWorse(k, &set) {
		return nil, c.failed(k, errWorse)
	}
	return c.fetched(k, &set), nil
}

// check asks whoever knows whether an answer is worth keeping.
func (c *Cache) check(k key, found *dcap.Collateral) error {
	if c.config.Check == nil {
		return nil
	}
	at := k.at
	if at.IsZero() {
		at = c.config.Clock()
	}
	if err := c.config.Check(c.ctx, found, at); err != nil {
		return fmt.Errorf("collateral cache: the source gave collateral that does not hold: %w", err)
	}
	return nil
}

// instead returns what is on disk where the source could not be asked. That the
// source has none is an answer, and nothing on disk is instead of it.
func (c *Cache) instead(k key, onDisk *Set, err error) (*dcap.Collateral, error) {
	if _, none := errors.AsType[*NotFoundError](err); none || onDisk == nil || c.ctx.Err() != nil {
		return nil, c.failed(k, err)
	}
	found := c.resume(k, onDisk, c.config.Clock())
	// The error itself is logged; it must not answer the next who ask.
	_ = c.failed(k, err)
	return found, nil
}

// begin counts a piece of background work, unless the cache is closed.
func (c *Cache) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.work.Add(1)
	return true
}

// settled returns what another flight has fetched between our look and our
// flight.
func (c *Cache) settled(k key) *dcap.Collateral {
	now := c.config.Clock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[k]; e != nil && !now.After(e.until) && now.Before(e.refreshAt) {
		return e.collateral
	}
	return nil
}

// ask calls the source.
func (c *Cache) ask(k key) (*dcap.Collateral, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-c.ctx.Done():
		return nil, errClosed
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.config.FetchTimeout)
	defer cancel()
	q := Query{Platform: k.platform, TCBEvaluationDataNumber: k.number, At: k.at}
	if q.At.IsZero() {
		q.At = c.config.Clock()
	}
	found, err := c.source.Collateral(ctx, q)
	if err == nil && found == nil {
		err = errors.New("collateral cache: the source returned neither collateral nor an error")
	}
	return found, err
}

// isWorse reports whether the source gave less than what is kept and still
// valid: collateral that has expired, of a lower evaluation number, or issued
// earlier. A copy that lags behind gives such, and so does an attacker who wants
// a revocation forgotten.
func (c *Cache) isWorse(k key, s *Set) bool {
	now := c.config.Clock()
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[k]
	if e == nil || !k.at.IsZero() || e.asIs || now.After(e.until) {
		return false
	}
	return now.After(s.ValidUntil) || s.TCBEvaluationDataNumber < e.number || s.Issued.Before(e.issued)
}

// fetched keeps what the source gave.
func (c *Cache) fetched(k key, s *Set) *dcap.Collateral {
	now := c.config.Clock()
	e := &entry{collateral: s.Collateral, until: now.Add(asIsFor), number: s.TCBEvaluationDataNumber, issued: s.Issued}
	switch {
	case !k.at.IsZero():
		e.refreshAt = e.until // the refresher leaves it alone
	case now.After(s.ValidUntil):
		e.asIs = true
		e.refreshAt = now.Add(c.refreshAfter(asIsFor))
	default:
		e.until = s.ValidUntil
		e.refreshAt = now.Add(c.refreshAfter(e.until.Sub(now)))
		c.save(k, s)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.entries[k]; old != nil && old.collateral.Digest() == e.collateral.Digest() {
		// The verifier knows the old one.
		e.collateral = old.collateral
	}
	c.keep(k, e)
	return e.collateral
}

// failed keeps an error for a while, and puts off the next refresh.
func (c *Cache) failed(k key, err error) error {
	if c.ctx.Err() != nil {
		return errClosed
	}
	now := c.config.Clock()
	pause := failedFor
	if _, ok := errors.AsType[*NotFoundError](err); ok {
		pause = notFoundFor
	}
	if e, ok := errors.AsType[*HTTPError](err); ok {
		pause = max(pause, min(e.RetryAfter, maxFailedFor))
	}
	c.mu.Lock()
	c.keepMiss(k, miss{err: err, until: now.Add(pause)}, now)
	e := c.entries[k]
	if e == nil {
		c.mu.Unlock()
		return err
	}
	e.refreshAt = now.Add(max(pause, min(maxRefreshRetry, firstRefreshRetry<<min(e.failures, 10))))
	e.failures++
	until, next := e.until, e.refreshAt
	c.mu.Unlock()
	c.config.Logger.LogAttrs(c.ctx, slog.LevelWarn, "collateral could not be refreshed",
		slog.String("platform", k.platform.String()), slog.Time("valid_until", until),
		slog.Time("next_attempt", next), slog.Any("error", err))
	return err
}

// keep adds an entry, or replaces one, and forgets the one not used for
// longest. The caller holds the lock.
func (c *Cache) keep(k key, e *entry) {
	if old := c.entries[k]; old != nil {
		e.lastUse = old.lastUse
	} else {
		c.uses++
		e.lastUse = c.uses
	}
	c.entries[k] = e
	for len(c.entries) > c.config.MaxEntries {
		oldest, least := key{}, uint64(math.MaxUint64)
		for candidate, kept := range c.entries {
			if kept.lastUse < least {
				oldest, least = candidate, kept.lastUse
			}
		}
		delete(c.entries, oldest)
	}
}

// keepMiss adds an error, within the same bound as entries. Errors have a map
// of their own: a flood of unknown platforms must not drive out known ones. The
// caller holds the lock.
func (c *Cache) keepMiss(k key, m miss, now time.Time) {
	for old, kept := range c.misses {
		if !now.Before(kept.until) {
			delete(c.misses, old)
		}
	}
	for old := range c.misses {
		if len(c.misses) < c.config.MaxEntries {
			break
		}
		delete(c.misses, old) // any: all are about to go
	}
	c.misses[k] = m
}
