// Package vault keeps the keys of a Secure Key Release server in a store, sealed,
// and answers about them as Azure Key Vault does.
//
// Which function do I want?
//
//   - to keep a key: [Vault.Create] makes it, [Vault.Import] takes it, and
//     [Vault.Rotate] makes another version of the same kind;
//   - to read what is public of it: [Vault.Get], [Vault.List], [Vault.Versions];
//   - to have its secret, for a release: [Vault.ReleaseKey], which alone opens it;
//   - to change or end it: [Vault.Update], [Vault.Delete], and [Vault.Discard] for
//     one whose records do not open any more;
//   - to be rid of an old secret: [Vault.Rewrap].
//
// Each version of a key is one record, encrypted and authenticated as a whole by
// AES-256-GCM: the secret, and what decides to whom it is released. One more record
// for each key lists its versions; the last is the current one. All are bound to
// the name and the version for which they were sealed. So whoever reads and writes
// the store and has none of the secrets cannot read a key, its policy or its tags,
// cannot change them, and cannot put one key or policy in the place of another.
//
// What sealing cannot prevent: such a writer deletes records, sees names, times and
// sizes, and puts back an older record of the same place: an older policy of the
// version, an older list of versions, a key that was deleted. Nothing in the records
// says which is the latest. What was sealed with a secret that is gone opens no more,
// so if that matters, change the wrapping key, Rewrap, and take the old one away:
// that ends all older records. For the same reason no two services should share
// wrapping keys: each would take the records of the other.
package vault

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/store"
)

// Config says how to keep keys.
type Config struct {
	// Store holds the records, under "keyrelease/". Required.
	Store store.Store
	// Secrets seal the records, each of 32 random bytes: the first one seals, all
	// open. Required. Every replica needs the same ones.
	Secrets [][]byte `json:"-"`
	// Clock returns the time; nil stands for [time.Now].
	Clock func() time.Time
}

// String says how many secrets there are, for they are for nobody's eyes.
func (c Config) String() string { return fmt.Sprintf("vault of %d secrets", len(c.Secrets)) }

// Format keeps the secrets out of what is printed with any verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// LogValue keeps the secrets out of logs of any form.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Vault keeps keys. It holds nothing but its secrets: what it answers, it has read of
// the store. It is safe for concurrent use.
type Vault struct {
	store  store.Store
	sealer *sealer
	clock  func() time.Time
}

var _ keyrelease.KeySource = (*Vault)(nil)

// Open returns the vault in a store. It reads nothing yet. The error is a
// *[ConfigError].
func Open(c Config) (*Vault, error) {
	if c.Store == nil {
		return nil, &ConfigError{"Store", "missing, want where the keys are kept"}
	}
	s, err := newSealer(c.Secrets)
	if err != nil {
		return nil, err
	}
	v := &Vault{store: c.Store, sealer: s, clock: c.Clock}
	if v.clock == nil {
		v.clock = time.Now
	}
	return v, nil
}

// String names the vault for logs, without anything secret.
func (v *Vault) String() string { return fmt.Sprintf("vault of %d secrets", len(v.sealer.secrets)) }

// Format keeps the secrets out of what is printed with any verb.
func (v *Vault) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(v.String())) }

// LogValue keeps the secrets out of logs of any form.
func (v *Vault) LogValue() slog.Value { return slog.StringValue(v.String()) }

// seconds is the time in the resolution of records, which is that of Key Vault.
func (v *Vault) seconds() int64 { return v.clock().Unix() }
