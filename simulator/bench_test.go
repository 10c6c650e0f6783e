package simulator_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/azattest/azattest/simulator"
)

// BenchmarkSign is the unit by which the others are judged: one deterministic
// signature.
func BenchmarkSign(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	for b.Loop() {
		if _, err := key.Sign(nil, digest[:], crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := simulator.New(simulator.Config{Now: epoch}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkQuote(b *testing.B) {
	p := newPlatform(b, simulator.Config{})
	for b.Loop() {
		if _, err := p.Quote(simulator.Report{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCollateral(b *testing.B) {
	p := newPlatform(b, simulator.Config{})
	for b.Loop() {
		if _, err := p.Collateral(simulator.CollateralOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWith(b *testing.B) {
	p := newPlatform(b, simulator.Config{})
	for b.Loop() {
		if _, err := p.With(simulator.FaultPCKExpired); err != nil {
			b.Fatal(err)
		}
	}
}
