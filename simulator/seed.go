package simulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math/big"
)

// Seed is the secret from which every key, serial number and identifier of a
// simulated platform is derived. It prints as a placeholder, so that a [Config]
// can be logged.
type Seed []byte

const (
	seedSize        = 32
	seedPlaceholder = "(secret)"
	serialSize      = 20
	// keyAttempts bounds the search for a scalar below the order of P-256. One
	// candidate fails with a probability of about 2⁻³².
	keyAttempts = 16
)

// String hides the seed.
func (s Seed) String() string {
	if len(s) == 0 {
		return ""
	}
	return seedPlaceholder
}

// GoString hides the seed.
func (s Seed) GoString() string { return fmt.Sprintf("%q", s.String()) }

// MarshalText hides the seed: [Platform.Save] is the way to keep one.
func (s Seed) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func newSeed() (Seed, error) {
	s := make(Seed, seedSize)
	if _, err := rand.Read(s); err != nil {
		return nil, fmt.Errorf("simulator: drawing a seed: %w", err)
	}
	return s, nil
}

// derive returns n bytes for one purpose (HKDF with SHA-256, RFC 5869).
func (s Seed) derive(purpose string, n int) ([]byte, error) {
	b, err := hkdf.Key(sha256.New, s, nil, "azattest simulator 1: "+purpose, n)
	if err != nil {
		return nil, fmt.Errorf("simulator: deriving the %s: %w", purpose, err)
	}
	return b, nil
}

func (s Seed) key(purpose string) (*ecdsa.PrivateKey, error) {
	for i := range keyAttempts {
		scalar, err := s.derive(fmt.Sprintf("key %d of %s", i, purpose), 32)
		if err != nil {
			return nil, err
		}
		// A scalar of zero or beyond the group's order is refused: try the next.
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar); err == nil {
			return key, nil
		}
	}
	return nil, fmt.Errorf("simulator: no key for %s in %d attempts", purpose, keyAttempts)
}

// serial returns a positive certificate serial number of exactly 20 bytes, the
// longest that RFC 5280 allows.
func (s Seed) serial(purpose string) (*big.Int, error) {
	b, err := s.derive("serial number of "+purpose, serialSize)
	if err != nil {
		return nil, err
	}
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b), nil
}
