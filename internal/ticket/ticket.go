// Package ticket seals what a service that keeps no state hands to a client and
// wants back unchanged: the challenge that a TPM's quote must answer, the secret
// that the enrollment of a key must return.
//
// Which function do I want? [New] makes a [Sealer] of secrets that all replicas
// share; [Sealer.Seal] makes a ticket and [Sealer.Open] reads it, on any of them.
//
// A ticket is encrypted and authenticated, expires, and opens for the use and the
// instance only for which it was made. It may be shown again until it expires:
// nothing remembers that it was used.
package ticket

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Use says what a ticket is for.
type Use string

// The uses.
const (
	Challenge  Use = "challenge"  // of a TPM's attestation
	Enrollment Use = "enrollment" // of an attestation identity key
)

// Config says how tickets are sealed.
type Config struct {
	// Secrets are known to all replicas and to nobody else, each of 32 bytes or
	// more. The first one seals, all open. None stands for one drawn at random,
	// whose tickets end with the process.
	Secrets [][]byte
	// Lifetime is how long a ticket may be shown, in whole seconds. Required.
	Lifetime time.Duration
	// Clock returns the time; nil stands for [time.Now].
	Clock func() time.Time
}

// Sealer makes and reads tickets. It is immutable and safe for concurrent use.
type Sealer struct {
	secrets  []secret
	lifetime time.Duration
	clock    func() time.Time
}

// secret is one of the secrets, with the name by which tickets know it.
type secret struct {
	name string // 64 hexadecimal digits in upper case, as the real service's
	key  []byte
}

// New returns a sealer. Its errors quote no secret.
func New(c Config) (*Sealer, error) {
	if c.Lifetime < time.Second || c.Lifetime > maxLifetime || c.Lifetime%time.Second != 0 {
		return nil, fmt.Errorf("ticket: lifetime %s, want whole seconds from 1s to %s", c.Lifetime, maxLifetime)
	}
	s := &Sealer{lifetime: c.Lifetime, clock: c.Clock}
	if s.clock == nil {
		s.clock = time.Now
	}
	secrets := c.Secrets
	if len(secrets) == 0 {
		drawn := make([]byte, secretSize)
		// It never fails: the library ends the program first.
		_, _ = rand.Read(drawn)
		secrets = [][]byte{drawn}
	}
	for i, raw := range secrets {
		if len(raw) < secretSize {
			return nil, fmt.Errorf("ticket: secret %d of %d bytes, want at least %d", i+1, len(raw), secretSize)
		}
		name, err := hkdf.Key(sha256.New, raw, nil, "azattest ticket name", sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("ticket: secret %d: %w", i+1, err)
		}
		s.secrets = append(s.secrets, secret{name: strings.ToUpper(hex.EncodeToString(name)), key: raw})
	}
	return s, nil
}

// Lifetime returns how long tickets may be shown.
func (s *Sealer) Lifetime() time.Duration { return s.lifetime }

// GoString keeps the secrets out of %#v.
func (s *Sealer) GoString() string { return s.String() }

// String names the sealer for logs, without anything secret.
func (s *Sealer) String() string { return fmt.Sprintf("tickets of %s", s.lifetime) }

// aead returns the cipher of one ticket. The salt gives each a key of its own, so
// that no number of tickets wears a key out; use and instance stand in what the
// key is derived from, and so no ticket opens for others.
func (k *secret) aead(salt []byte, use Use, instance string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, k.key, salt, "azattest ticket\x00"+string(use)+"\x00"+instance, secretSize)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
