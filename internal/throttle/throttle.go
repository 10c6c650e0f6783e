// Package throttle bounds how many requests callers send, and instances get: New,
// then Throttle.Allow for each request, of a caller whom CallerKey names.
package throttle

import (
	"container/list"
	"fmt"
	"hash/maphash"
	"math"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limit says how many requests somebody may send. The zero value means any
// number.
type Limit struct {
	// PerSecond is how many in the long run.
	PerSecond float64
	// Burst is how many at once; 0 means PerSecond rounded up.
	Burst int
}

func (l Limit) isSet() bool { return l.PerSecond > 0 }

func (l Limit) burst() int {
	if l.Burst == 0 {
		return max(1, int(math.Ceil(l.PerSecond)))
	}
	return l.Burst
}

// LimitError says what is wrong with a limit.
type LimitError struct {
	// Field is the field of the Limit.
	Field string
	// Problem is what is wrong with it, and what would be right.
	Problem string
}

func (e *LimitError) Error() string { return "throttle: limit: " + e.Field + ": " + e.Problem }

// Check says what is wrong with a limit that means nothing, nil for any other.
func (l Limit) Check() *LimitError {
	switch {
	case math.IsNaN(l.PerSecond) || l.PerSecond < 0 || l.PerSecond > maxRate:
		return &LimitError{"PerSecond", fmt.Sprintf("%g, want requests per second, at most %d, or 0 for any number", l.PerSecond, maxRate)}
	case l.Burst < 0 || l.Burst > maxRate:
		return &LimitError{"Burst", fmt.Sprintf("%d, want a number of requests, at most %d, or 0 for the default", l.Burst, maxRate)}
	case l.Burst > 0 && l.PerSecond == 0:
		return &LimitError{"Burst", "set without PerSecond, want both or none"}
	}
	return nil
}

const (
	// maxRate is beyond what a process can serve.
	maxRate = 1_000_000

	// maxBuckets bounds how many callers, and how many instances, are told apart,
	// at some 300 bytes each.
	maxBuckets = 16384

	// sharedBuckets are for callers beyond these.
	sharedBuckets = 64

	// maxEvicted bounds how many buckets a request looks at to find one that may
	// go.
	maxEvicted = 8
)

// Reached says which limit a request ran into.
type Reached string

// The limits.
const (
	ReachedCaller   Reached = "caller"
	ReachedInstance Reached = "instance"
)

// Throttle bounds how many requests a caller sends and an instance gets. It is
// safe for concurrent use.
type Throttle struct {
	clock func() time.Time

	mu sync.Mutex
	// named are callers with a name, who have proved it, and addresses all others:
	// a flood of addresses is no flood of names. All are nil without a limit.
	named, addresses, instances *buckets
}

// New makes a throttle for limits that are valid.
func New(caller, instance Limit, clock func() time.Time) *Throttle {
	return &Throttle{
		clock: clock, named: newBuckets(caller, maxBuckets), addresses: newBuckets(caller, maxBuckets),
		instances: newBuckets(instance, maxBuckets),
	}
}

// Allow counts a request of a caller, as CallerKey names them. If there were too
// many, it returns how long to wait, and which limit that is; such a request counts
// for neither: who is refused by a limit of their own must not use up that of an
// instance.
func (t *Throttle) Allow(instance, caller string) (time.Duration, Reached) {
	callers := t.addresses
	if strings.HasPrefix(caller, namePrefix) {
		callers = t.named
	}
	if callers == nil && t.instances == nil {
		return 0, ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock()
	own, wait := callers.reserve(caller, now)
	if wait > 0 {
		return wait, ReachedCaller
	}
	if _, wait := t.instances.reserve(instance, now); wait > 0 {
		if own != nil {
			own.CancelAt(now)
		}
		return wait, ReachedInstance
	}
	return 0, ""
}

// namePrefix begins the keys of callers with a name.
const namePrefix = "name "

// CallerKey is whom a limit counts: a caller with a name by that, all others by
// their address, with a port or without. Whoever has one IPv6 address has the 64
// bits below it too.
func CallerKey(name, address string) string {
	if name != "" {
		return namePrefix + name
	}
	addr, err := netip.ParseAddr(address)
	if err != nil {
		addrPort, err := netip.ParseAddrPort(address)
		if err != nil {
			// No network that we serve has such addresses. One limit for all of them.
			return "address"
		}
		addr = addrPort.Addr()
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if prefix, err := addr.Prefix(64); err == nil {
			return "address " + prefix.String()
		}
	}
	return "address " + addr.String()
}

// buckets hold one token bucket for each key, up to a number.
//
// A bucket that is full says no more than one that is not there, so it may go. One
// that is not full is a debt, and never goes: a flood of fresh keys cannot wipe it
// out. While all are in debt, further keys share a few buckets among them, by a
// hash that nobody outside can foresee. So those who come late in a flood pay for
// it, and nobody who is limited gets free.
type buckets struct {
	limit  Limit
	most   int
	seed   maphash.Seed
	byKey  map[string]*list.Element
	recent list.List // of *bucket, the one used last in front
	shared [sharedBuckets]*rate.Limiter
}

type bucket struct {
	key     string
	limiter *rate.Limiter
}

func newBuckets(limit Limit, most int) *buckets {
	if !limit.isSet() {
		return nil
	}
	b := &buckets{limit: limit, most: most, seed: maphash.MakeSeed(), byKey: make(map[string]*list.Element)}
	for i := range b.shared {
		b.shared[i] = b.limiter()
	}
	return b
}

func (b *buckets) limiter() *rate.Limiter {
	return rate.NewLimiter(rate.Limit(b.limit.PerSecond), b.limit.burst())
}

// reserve takes a token, or says how long it is until there is one.
func (b *buckets) reserve(key string, now time.Time) (*rate.Reservation, time.Duration) {
	if b == nil {
		return nil, 0
	}
	r := b.find(key, now).ReserveN(now, 1)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return nil, wait
	}
	return r, 0
}

func (b *buckets) find(key string, now time.Time) *rate.Limiter {
	if e, ok := b.byKey[key]; ok {
		b.recent.MoveToFront(e)
		return held(e).limiter
	}
	if len(b.byKey) >= b.most && !b.evict(now) {
		return b.shared[maphash.String(b.seed, key)%sharedBuckets]
	}
	one := &bucket{key: key, limiter: b.limiter()}
	b.byKey[key] = b.recent.PushFront(one)
	return one.limiter
}

// evict makes room by letting a full bucket go, if one is found among those that
// were not used for longest.
func (b *buckets) evict(now time.Time) bool {
	e := b.recent.Back()
	for range maxEvicted {
		if e == nil {
			return false
		}
		if one := held(e); one.limiter.TokensAt(now) >= float64(b.limit.burst()) {
			delete(b.byKey, one.key)
			b.recent.Remove(e)
			return true
		}
		// It was looked at: the next request looks at others.
		previous := e.Prev()
		b.recent.MoveToFront(e)
		e = previous
	}
	return false
}

func held(e *list.Element) *bucket {
	one, ok := e.Value.(*bucket)
	if !ok {
		panic("throttle: a bucket of another type")
	}
	return one
}
