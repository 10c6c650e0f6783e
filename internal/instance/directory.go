package instance

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/ticket"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/token"
)

// Keys gives the keys that sign. [keyring.Keyring] is what a service uses; tests
// and recorded exchanges bring a ring of their own.
type Keys interface {
	// Ring returns the keys for the instance at url, certified for it.
	Ring(ctx context.Context, url string, a token.Algorithm) (*token.Ring, error)
	// Generation changes whenever Ring may return something else. It is asked at
	// every request.
	Generation() int64
	// Refresh reads the keys of the store again. An error with a method IsPartial
	// that returns true says that all have been read but some that cannot be used.
	Refresh(ctx context.Context) error
}

// Config is what a directory is made of.
type Config struct {
	// Store keeps everything. Required.
	Store store.Store
	// Keys sign. Required.
	Keys Keys
	// Verifiers say which kinds of evidence the process can attest.
	Verifiers map[attest.Type]evidence.Verifier
	// Fixed are policies that the operator's configuration holds in force, by
	// name of instance and type. They can be changed there and nowhere else.
	Fixed map[string]map[attest.Type]string
	// MaxStaleness is how old the directory's knowledge may be for attestation
	// to go on; 0 means 10 seconds, and less than a second is refused.
	MaxStaleness time.Duration
	// MaxTokenLifetime is the longest that the settings of an instance may ask
	// for, because its keys are published for no longer; 0 means 24 hours.
	MaxTokenLifetime time.Duration
	// Tickets seal the challenges that TPMs answer. Required if Verifiers has one of
	// TPMs.
	Tickets *ticket.Sealer
	// Clock, VerifyAt and Random are as in [attest.Config].
	Clock    func() time.Time
	VerifyAt time.Time
	Random   io.Reader
	// Observe is told how long each phase of an attestation took; nil for nobody.
	Observe func(ctx context.Context, phase attest.Phase, took time.Duration)
	// Log takes what goes wrong in the background. Required.
	Log *slog.Logger
}

// ConfigError says why a [Config] makes no directory.
type ConfigError struct {
	// Field is the field of Config.
	Field string
	// Problem is what is wrong with it, and what would be right.
	Problem string
}

func (e *ConfigError) Error() string { return "instance: config: " + e.Field + ": " + e.Problem }

// Directory knows the instances of a store. It is safe for concurrent use.
type Directory struct {
	config Config
	// view is what is known; each look at the store puts another in its place.
	view atomic.Pointer[view]
	// turns are for attestations that sign.
	turns turns
	// refreshing lets one goroutine at a time read changes.
	refreshing sync.Mutex
	// isDoubtful says that the last attempt failed. It is guarded by refreshing.
	isDoubtful bool
}

// view is what the directory knows as of a revision. It is immutable.
type view struct {
	revision int64
	// asOf is when the store said so, by the monotonic clock.
	asOf      time.Time
	instances map[string]*Instance
	places    map[place]*Instance
	// broken are instances whose records cannot be read, by name.
	broken map[string]error
}

// Open reads the store and returns its directory. It returns a *[ConfigError] for
// a configuration that is incomplete, and whatever the store fails with. Call
// [Directory.Run] to keep it up to date.
func Open(ctx context.Context, c Config) (*Directory, error) {
	switch {
	case c.Store == nil:
		return nil, &ConfigError{"Store", "missing, want one that keeps the instances"}
	case c.Keys == nil:
		return nil, &ConfigError{"Keys", "missing, want keys that sign"}
	case c.Log == nil:
		return nil, &ConfigError{"Log", "missing, want a logger"}
	case c.Verifiers[attest.TPM] != nil && c.Tickets == nil:
		return nil, &ConfigError{"Tickets", "missing, want what seals the challenges that TPMs answer"}
	case c.MaxStaleness != 0 && c.MaxStaleness < time.Second:
		return nil, &ConfigError{"MaxStaleness", fmt.Sprintf("%s, want a second or more, or 0 for %s", c.MaxStaleness, defaultStaleness)}
	}
	for name, policies := range c.Fixed {
		for t, text := range policies {
			if _, err := policy.Compile(text); err != nil {
				return nil, &ConfigError{"Fixed", fmt.Sprintf("policy of %s for instance %q: %v", t, name, err)}
			}
		}
	}
	c.MaxStaleness = cmp.Or(c.MaxStaleness, defaultStaleness)
	c.MaxTokenLifetime = cmp.Or(c.MaxTokenLifetime, defaultTokenLifetime)
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	d := &Directory{config: c, turns: newTurns()}
	d.view.Store(&view{})
	if err := d.Refresh(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// Run follows the store until the context ends, and returns nil then. What goes
// wrong is logged and tried again; [Directory.Age] grows meanwhile.
func (d *Directory) Run(ctx context.Context) error {
	failing := false
	for ctx.Err() == nil {
		d.wait(ctx)
		look, cancel := context.WithTimeout(ctx, lookTimeout)
		err := d.Refresh(look)
		cancel()
		switch {
		case err == nil && failing:
			failing = false
			d.config.Log.LogAttrs(ctx, slog.LevelInfo, "the store can be read again", slog.Int64("revision", d.Revision()))
		case err != nil && ctx.Err() == nil:
			if !failing {
				d.config.Log.LogAttrs(ctx, slog.LevelError, "the store cannot be read, changes are not seen",
					slog.String("cause", err.Error()), slog.Duration("attestation_ends_in", d.config.MaxStaleness-d.Age()))
			}
			failing = true
			pause(ctx, lookEvery/2)
		}
	}
	return nil
}

// wait returns when the store has something new, or after a while.
func (d *Directory) wait(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	if _, err := d.config.Store.Wait(ctx, d.Revision()); err != nil {
		// Whatever it was, Refresh will meet it again; do not spin meanwhile.
		pause(ctx, lookEvery/10)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// Revision returns that of the store which the directory knows.
func (d *Directory) Revision() int64 { return d.view.Load().revision }

// Age returns how long ago the store last confirmed what the directory knows.
func (d *Directory) Age() time.Duration { return between(d.view.Load().asOf, time.Now()) }

// between returns the time from one moment to another by whichever clock says more:
// the monotonic one stands still while the machine is suspended, and the other may
// be set back.
func between(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// IsFresh reports whether attestation goes on.
func (d *Directory) IsFresh() bool { return d.Age() <= d.config.MaxStaleness }

func (d *Directory) checkFresh() error {
	if age := d.Age(); age > d.config.MaxStaleness {
		return &StaleError{age, d.config.MaxStaleness}
	}
	return nil
}

func (d *Directory) fixed(name string, t attest.Type) (string, bool) {
	text, ok := d.config.Fixed[name][t]
	return text, ok
}
