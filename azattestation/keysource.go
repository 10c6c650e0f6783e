package azattestation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// KeySource holds the keys that verify a service's tokens, and says whose they
// are. That of a client fetches them from its endpoint and keeps them:
//
//   - one request serves any number of tokens and goroutines;
//   - keys are fetched again when they are an hour old, and when a token names a
//     kid that is not among them. The latter happens at most a few times in a row and
//     then once a minute, so that forged tokens cannot cause a request each;
//   - while they are fetched again, and while they cannot be, the keys at hand are
//     used, for seven days at most. A failure takes no key away. Where there are no
//     keys at hand, a few requests are made in a row and then one every few seconds.
//
// [NewKeySource] makes one of a fixed set, for a relying party without a network.
// A KeySource is safe for concurrent use.
type KeySource struct {
	issuer string
	fetch  func(context.Context) ([]*publishedKey, error) // nil for a fixed set

	mu       sync.Mutex
	keys     map[string][]*publishedKey
	fetched  time.Time
	pending  *fetching
	failures int       // in a row, without keys
	failure  error     // the last of them
	failed   time.Time // when that was
	credit   int       // fetches that may still be made out of turn
	credited time.Time // when credit was last added to
}

// fetching is a request for keys that is under way.
type fetching struct {
	done chan struct{}
	err  error
}

// keysRetryBurst is how many fetches unknown kids and failures may cause before
// [keysRetryAfter] applies: a service that rotates its key twice in a minute is
// rare, one that forged tokens ask about is not.
const keysRetryBurst = 3

// NewKeySource returns a source of fixed keys: those of jwks, a JSON Web Key Set
// as the service answers to GET /certs, which must have come over a way that can
// be trusted. The issuer is the URL of the service, which its tokens must name.
//
// It returns an *[ArgumentError], also for a set of which no key can be used.
func NewKeySource(issuer string, jwks []byte) (*KeySource, error) {
	if issuer == "" {
		return nil, &ArgumentError{Argument: "issuer", Expected: "the URL of the service"}
	}
	// An issuer is the endpoint of a client, as a rule, and clients write theirs in
	// one form.
	if url, err := parseEndpoint(issuer); err == nil {
		issuer = url
	}
	keys, err := parseSavedJWKS(jwks)
	if err != nil {
		return nil, err
	}
	s := &KeySource{issuer: issuer}
	s.keep(keys)
	return s, nil
}

func newFetchingSource(issuer string, fetch func(context.Context) ([]*publishedKey, error)) *KeySource {
	return &KeySource{issuer: issuer, fetch: fetch, credit: keysRetryBurst}
}

// Issuer returns the URL of the service whose keys these are.
func (s *KeySource) Issuer() string { return s.issuer }

// find returns the keys that are published under a kid. It returns a
// *[TokenValidationError] if there are none, and a *[KeySourceError] if there are
// no keys at all to look in.
func (s *KeySource) find(ctx context.Context, keyID string) ([]*publishedKey, error) {
	keys, isLate, err := s.ask(ctx, keyID)
	// What was asked for before the question was put may be older than the key.
	if keys == nil && err == nil && isLate {
		keys, _, err = s.ask(ctx, keyID)
	}
	if keys != nil || err != nil {
		return keys, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return nil, s.unknown(keyID)
}

// ask looks for a kid among the keys, after a request for newer ones if it is not
// there. It says whether that request had begun before.
func (s *KeySource) ask(ctx context.Context, keyID string) ([]*publishedKey, bool, error) {
	s.mu.Lock()
	now := time.Now()
	known := s.known(keyID, now)
	isLate := s.pending != nil
	if known == nil || !s.isFresh(now) {
		s.begin(now)
	}
	pending, failure := s.pending, s.failure
	isUsable := s.isUsable(now)
	s.mu.Unlock()
	switch {
	// Whoever has a key does not wait for a newer one.
	case known != nil:
		return known, false, nil
	case pending != nil:
		failure = pending.wait(ctx)
	case isUsable:
		failure = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.known(keyID, time.Now()); known != nil {
		return known, false, nil
	}
	if failure != nil {
		return nil, false, &KeySourceError{Issuer: s.issuer, Err: failure}
	}
	return nil, isLate, nil
}

// ready makes sure that there are keys, whichever they are.
func (s *KeySource) ready(ctx context.Context) error {
	s.mu.Lock()
	now := time.Now()
	if s.isUsable(now) {
		s.mu.Unlock()
		return nil
	}
	s.begin(now)
	pending, failure := s.pending, s.failure
	s.mu.Unlock()
	if pending != nil {
		failure = pending.wait(ctx)
	}
	if failure != nil {
		return &KeySourceError{Issuer: s.issuer, Err: failure}
	}
	return nil
}

// The following four are called with the lock held.

// age is that of the keys, by the clock on the wall: a machine that was asleep
// has old keys.
func (s *KeySource) age(now time.Time) time.Duration { return now.Round(0).Sub(s.fetched.Round(0)) }

func (s *KeySource) isUsable(now time.Time) bool {
	return s.fetch == nil || s.keys != nil && s.age(now) < keysUsableFor
}

// isFresh says no of keys from the future too, where a clock was set back.
func (s *KeySource) isFresh(now time.Time) bool {
	age := s.age(now)
	return s.fetch == nil || s.keys != nil && age >= 0 && age < keysFreshFor
}

func (s *KeySource) known(keyID string, now time.Time) []*publishedKey {
	if !s.isUsable(now) {
		return nil
	}
	return s.keys[keyID]
}

// begin starts a request for keys, unless one is under way or none may be made
// now. It serves everybody, so it hangs on nobody's context: neither may one
// caller's haste keep the others from their keys, nor one caller's headers go
// along with it. It is called with the lock held.
func (s *KeySource) begin(now time.Time) {
	if s.fetch == nil || s.pending != nil || !s.mayBegin(now) {
		return
	}
	f := &fetching{done: make(chan struct{})}
	s.pending = f
	// A transport that does not heed its context must not keep everybody waiting.
	watch := time.AfterFunc(2*keysFetchTimeout, func() { s.complete(f, nil, context.DeadlineExceeded) })
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), keysFetchTimeout)
		var keys []*publishedKey
		err := errors.New("the transport ended the goroutine")
		defer func() {
			if reason := recover(); reason != nil {
				err = fmt.Errorf("the transport panicked: %v", reason)
			}
			cancel()
			watch.Stop()
			s.complete(f, keys, err)
		}()
		keys, err = s.fetch(ctx)
	}()
}

// mayBegin says whether a request may be made now. Without keys there may be a few
// in a row, and then one in a while: who asks is as often an attacker with a token
// that he made up. It is called with the lock held.
func (s *KeySource) mayBegin(now time.Time) bool {
	if s.isUsable(now) {
		return s.takeCredit(now)
	}
	pause := now.Round(0).Sub(s.failed.Round(0))
	return s.failures < keysRetryBurst || pause < 0 || pause >= keysColdRetryAfter
}

// complete ends a request, once.
func (s *KeySource) complete(f *fetching, keys []*publishedKey, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending != f {
		return
	}
	s.pending, f.err = nil, err
	now := time.Now()
	switch {
	case err == nil:
		s.keep(keys)
		s.failures, s.failure = 0, nil
	case s.isUsable(now): // takeCredit counts these
	default:
		s.failures, s.failure, s.failed = s.failures+1, err, now
	}
	close(f.done)
}

// takeCredit says whether a fetch may be made out of turn. It is called with
// the lock held.
func (s *KeySource) takeCredit(now time.Time) bool {
	if earned := int(min(now.Sub(s.credited)/keysRetryAfter, keysRetryBurst)); earned > 0 {
		s.credit = min(s.credit+earned, keysRetryBurst)
		s.credited = now
	}
	if s.credit == 0 {
		return false
	}
	s.credit--
	return true
}

// wait returns when the request has ended, or with the caller's own reason to
// wait no longer.
func (f *fetching) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keep takes keys in place of those at hand.
func (s *KeySource) keep(keys []*publishedKey) {
	s.keys = make(map[string][]*publishedKey, len(keys))
	for _, k := range keys {
		s.keys[k.keyID] = append(s.keys[k.keyID], k)
	}
	s.fetched = time.Now()
}

// unknown says that a kid is none of the published ones. It is called with the
// lock held.
func (s *KeySource) unknown(keyID string) error {
	ids := make([]string, 0, len(s.keys))
	for id := range s.keys {
		ids = append(ids, shown(id))
	}
	slices.Sort(ids)
	return &TokenValidationError{
		Check: TokenCheckSigningKey, Part: "kid",
		Expected: "one of the " + fmt.Sprint(len(ids)) + " keys that " + s.issuer + " publishes: " + shown(strings.Join(ids, ", ")), Found: keyID,
	}
}
