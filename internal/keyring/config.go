package keyring

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/token"
)

// Config says how to keep keys.
type Config struct {
	// Store holds the records, under "keys/". Required.
	Store store.Store
	// Wrap seals the records. Nil only with AllowPlain.
	Wrap *Wrapping
	// AllowPlain keeps private keys as they are if there is no Wrap: for trials
	// on a laptop. Whoever reads or writes the store then has the keys, or puts
	// their own there. Beside Wrap it means nothing: records that are not sealed
	// are refused.
	AllowPlain bool
	// Bits is the length of new keys, by algorithm; what is missing gets the
	// default of [token.GenerateSigner].
	Bits map[token.Algorithm]int
	// Devices make and hold the private keys of an algorithm instead. A key that
	// is in memory already goes on until the next rotation.
	Devices map[token.Algorithm]Device
	// Announce is how long a key that Run makes is published before it signs;
	// 0 stands for [DefaultAnnounce]. It must be longer than relying parties
	// cache keys.
	Announce time.Duration
	// RotateAfter is the age at which Run replaces a key that signs; 0 stands for
	// [DefaultRotateAfter], a negative one for never.
	RotateAfter time.Duration
	// MaxTokenLifetime is the longest life of any token of any instance: for so
	// long, and an hour more, a key is published after it has signed for the last
	// time. Required.
	MaxTokenLifetime time.Duration
	// Report returns an Open Enclave report with the given report data, which
	// vouches for a new key: see [token.OpenEnclaveReport]. Nil, or a nil report
	// without an error, stands for none. It is asked once for each key; replicas
	// share the report, for they share the key.
	Report func(ctx context.Context, reportData [64]byte) ([]byte, error)
	// Clock returns the time. Nil stands for time.Now.
	Clock func() time.Time
	// Log hears of keys that were made, revoked and removed. Nil for nobody.
	Log *slog.Logger
}

func (c Config) orDefaults() (Config, error) {
	c.Announce = cmp.Or(c.Announce, DefaultAnnounce)
	c.RotateAfter = cmp.Or(c.RotateAfter, DefaultRotateAfter)
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Bits, c.Devices = maps.Clone(c.Bits), maps.Clone(c.Devices)
	return c, c.validate()
}

func (c Config) validate() error {
	switch {
	case c.Store == nil:
		return &ConfigError{"Store", "missing, want the store that holds the keys"}
	case c.Wrap == nil && !c.AllowPlain:
		return &ConfigError{"Wrap", "missing, want a wrapping key: without one whoever reads the store has the keys"}
	case c.Wrap != nil && len(c.Wrap.keys) == 0:
		return &ConfigError{"Wrap", "holds no key, want what ParseWrapping returns"}
	case c.MaxTokenLifetime <= 0:
		return &ConfigError{"MaxTokenLifetime", fmt.Sprintf("%s, want the life of the longest-lived token", c.MaxTokenLifetime)}
	case c.Announce < 0:
		return &ConfigError{"Announce", fmt.Sprintf("%s, want 0 or more", c.Announce)}
	case c.RotateAfter > 0 && c.RotateAfter <= c.Announce:
		return &ConfigError{"RotateAfter", fmt.Sprintf("%s, want more than the %s for which a key is announced", c.RotateAfter, c.Announce)}
	}
	for a, bits := range c.Bits {
		if problem := bitsProblem(a, bits); problem != "" {
			return &ConfigError{"Bits", problem}
		}
	}
	for a, d := range c.Devices {
		if !isKnown(a) || d == nil {
			return &ConfigError{"Devices", fmt.Sprintf("%q, want a device for RS256, PS256 or ES256", string(a))}
		}
	}
	return nil
}

// bitsProblem is found before the first key is needed, which may be on a night
// three months from now.
func bitsProblem(a token.Algorithm, bits int) string {
	want := []int{0, 2048, 3072, 4096}
	switch {
	case !isKnown(a):
		return fmt.Sprintf("%q, want lengths for RS256, PS256 or ES256", string(a))
	case a == token.ES256:
		want = []int{0, 256}
	}
	if slices.Contains(want, bits) {
		return ""
	}
	return fmt.Sprintf("%d for %s, want one of %v", bits, a, want[1:])
}

func isKnown(a token.Algorithm) bool { return slices.Contains(algorithms, a) }

func checkAlgorithm(a token.Algorithm) error {
	if !isKnown(a) {
		return &ConfigError{"algorithm", fmt.Sprintf("%q, want RS256, PS256 or ES256", clip(string(a)))}
	}
	return nil
}
