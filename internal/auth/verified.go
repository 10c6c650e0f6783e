package auth

import (
	"crypto/sha256"
	"sync"
	"time"
)

// verified remembers tokens that were verified a moment ago, by their hash, so
// that the next request of the same client costs a look-up. Tokens themselves are
// not kept.
type verified struct {
	mu      sync.Mutex
	entries map[[sha256.Size]byte]verifiedEntry
}

type verifiedEntry struct {
	caller *Caller
	issuer *trusted
	// generation is that of the issuer's keys; with other keys it does not count.
	generation  int64
	from, until time.Time
}

func newVerified() *verified {
	return &verified{entries: make(map[[sha256.Size]byte]verifiedEntry)}
}

func (v *verified) get(token string, now time.Time) *Caller {
	sum := sha256.Sum256([]byte(token))
	v.mu.Lock()
	defer v.mu.Unlock()
	e, ok := v.entries[sum]
	if !ok {
		return nil
	}
	// A clock that was set back makes the token unverified, not eternal.
	if now.Before(e.from) || !now.Before(e.until) || e.generation != e.issuer.keys.generation.Load() {
		delete(v.entries, sum)
		return nil
	}
	return e.caller
}

func (v *verified) put(token string, e verifiedEntry) {
	sum := sha256.Sum256([]byte(token))
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.entries) >= maxVerified {
		v.shrink(e.from)
	}
	v.entries[sum] = e
}

// shrink forgets what is over, and of the rest as many as needed, whichever come.
func (v *verified) shrink(now time.Time) {
	for sum, e := range v.entries {
		if !now.Before(e.until) {
			delete(v.entries, sum)
		}
	}
	for sum := range v.entries {
		if len(v.entries) <= maxVerified*3/4 {
			return
		}
		delete(v.entries, sum)
	}
}
