package azattestation

import (
	"context"
	"fmt"
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
//   - while they cannot be fetched, the keys at hand are used, for seven days at
//     most. A failure is never kept.
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
	credit   int       // fetches that may still be made out of turn
	credited time.Time // when credit was last added to
}

// fetching is a request for keys that is under way.
type fetching struct {
	done      chan struct{}
	err       error
	abandoned bool // whoever made the request gave up; it says nothing
}

// keysRetryBurst is how many fetches unknown kids and failures may cause before
// [keysRetryAfter] applies: a service that rotates its key twice in a minute is
// rare, one that forged tokens ask about is not.
const keysRetryBurst = 3

// NewKeySource returns a source of fixed keys: those of jwks, a JSON Web Key Set
// as the service answers to GET /certs, which must have come over a way that can
// be trusted. The issuer is the URL of the service, which its tokens must name.
//
// It returns an *[ArgumentError].
func NewKeySource(issuer string, jwks []byte) (*KeySource, error) {
	if issuer == "" {
		return nil, &ArgumentError{Argument: "issuer", Expected: "the URL of the service"}
	}
	keys, err := parseJWKS(jwks)
	if err != nil {
		return nil, &ArgumentError{Argument: "jwks", Expected: "a JSON Web Key Set", Err: err}
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
// *[TokenValidationError] if there are none, and the error of the request if
// there are no keys at all to look in.
func (s *KeySource) find(ctx context.Context, keyID string) ([]*publishedKey, error) {
	for {
		s.mu.Lock()
		now := time.Now()
		known, age := s.keys[keyID], now.Sub(s.fetched)
		isUsable := s.fetch == nil || s.keys != nil && age < keysUsableFor
		isFresh := s.fetch == nil || isUsable && age < keysFreshFor
		pending := s.pending
		switch {
		case isFresh && known != nil, isUsable && known != nil && pending != nil:
			s.mu.Unlock()
			return known, nil
		case pending != nil:
			s.mu.Unlock()
			if err := pending.wait(ctx); err != nil {
				return s.despite(keyID, err)
			}
			// Either the keys are there now, or whoever asked gave up.
			if pending.abandoned {
				continue
			}
			return s.despite(keyID, nil)
		case s.fetch == nil, isUsable && !s.takeCredit(now):
			s.mu.Unlock()
			return s.despite(keyID, nil)
		}
		pending = &fetching{done: make(chan struct{})}
		s.pending = pending
		s.mu.Unlock()
		return s.despite(keyID, s.refresh(ctx, pending))
	}
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

// refresh makes the request, for everybody who waits.
func (s *KeySource) refresh(ctx context.Context, f *fetching) error {
	// A fetch that panics, as a transport of the caller's may, must not leave
	// everybody waiting.
	f.abandoned = true
	defer func() {
		s.mu.Lock()
		s.pending = nil
		s.mu.Unlock()
		close(f.done)
	}()
	keys, err := s.fetch(ctx)
	if err != nil {
		// That this caller had no more time says nothing to the others.
		if ctx.Err() == nil {
			f.abandoned, f.err = false, err
		}
		return err
	}
	s.mu.Lock()
	s.keep(keys)
	s.mu.Unlock()
	f.abandoned = false
	return nil
}

// keep takes keys in place of those at hand.
func (s *KeySource) keep(keys []*publishedKey) {
	s.keys = make(map[string][]*publishedKey, len(keys))
	for _, k := range keys {
		s.keys[k.keyID] = append(s.keys[k.keyID], k)
	}
	s.fetched = time.Now()
}

// despite returns the keys of a kid that are at hand, whatever became of an
// attempt to fetch newer ones.
func (s *KeySource) despite(keyID string, err error) ([]*publishedKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	isUsable := s.fetch == nil || s.keys != nil && time.Since(s.fetched) < keysUsableFor
	if isUsable {
		if known := s.keys[keyID]; known != nil {
			return known, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("azattestation: fetch the signing keys of %s: %w", s.issuer, err)
	}
	ids := make([]string, 0, len(s.keys))
	for id := range s.keys {
		ids = append(ids, shown(id))
	}
	return nil, &TokenValidationError{
		Check: TokenCheckSigningKey, Part: "kid",
		Expected: "one of the " + fmt.Sprint(len(ids)) + " keys that " + s.issuer + " publishes: " + shown(strings.Join(ids, ", ")), Found: keyID,
	}
}
