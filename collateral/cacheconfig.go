package collateral

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
)

// CacheConfig configures [NewCache]. The zero value keeps 256 entries in memory
// and none on disk.
type CacheConfig struct {
	// Dir keeps collateral on disk, so that a restart needs no network; empty
	// for none. Below it stand archives that [OpenArchive] reads. What they hold
	// is trusted no more than the network is. It is used as long as it is younger
	// than RefreshEvery; older, it stands in only where the source cannot be asked,
	// and only while it is valid.
	Dir string
	// MaxEntries bounds the platforms kept; 0 for 256. Beyond it the one that
	// was not used for longest is forgotten.
	MaxEntries int
	// RefreshEvery is how old collateral may become before it is asked for
	// again, in the background; 0 for 24 hours. Collateral that expires sooner
	// is asked for sooner. A revocation is noticed no later than that.
	RefreshEvery time.Duration
	// Check says whether collateral that was fetched is worth keeping, as of a
	// time: its signatures hold, say. What fails is neither kept nor written, and
	// counts as a failure of the source, so that one bad answer does not last. Nil
	// keeps everything; the verifier refuses it all the same.
	Check func(ctx context.Context, c *dcap.Collateral, at time.Time) error
	// FetchTimeout bounds one call of the source; 0 for a minute.
	FetchTimeout time.Duration
	// MaxFetches bounds the calls of the source under way at once; 0 for 8.
	MaxFetches int
	// Logger hears of refreshes that failed and of files that are corrupt; nil
	// for nobody.
	Logger *slog.Logger
	// Clock says what the time is; nil for time.Now.
	Clock func() time.Time
}

// Validate reports what NewCache would refuse.
func (c CacheConfig) Validate() error {
	switch {
	case c.MaxEntries < 0:
		return fmt.Errorf("collateral cache: %d entries, want 0 or more", c.MaxEntries)
	case c.MaxFetches < 0:
		return fmt.Errorf("collateral cache: %d fetches at once, want 0 or more", c.MaxFetches)
	case c.RefreshEvery < 0:
		return fmt.Errorf("collateral cache: refresh every %s, want 0 or more", c.RefreshEvery)
	case c.FetchTimeout < 0:
		return fmt.Errorf("collateral cache: fetch timeout %s, want 0 or more", c.FetchTimeout)
	}
	return nil
}

func (c CacheConfig) withDefaults() CacheConfig {
	if c.MaxEntries == 0 {
		c.MaxEntries = 256
	}
	if c.MaxFetches == 0 {
		c.MaxFetches = 8
	}
	if c.RefreshEvery == 0 {
		c.RefreshEvery = 24 * time.Hour
	}
	if c.FetchTimeout == 0 {
		c.FetchTimeout = time.Minute
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return c
}
