package dcap

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math/big"
	"sync"
	"testing"
)

func TestRawSignaturesBecomeDER(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// Enough signatures for values that begin with zero bytes and with a set
	// top bit.
	for i := range 1000 {
		digest := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		var raw [64]byte
		r.FillBytes(raw[:32])
		s.FillBytes(raw[32:])
		if !verifyRaw(&key.PublicKey, digest[:], raw[:]) {
			t.Fatalf("signature %x refused", raw)
		}
		raw[i%64] ^= 1
		if verifyRaw(&key.PublicKey, digest[:], raw[:]) {
			t.Fatalf("changed signature %x accepted", raw)
		}
	}
}

func TestDegenerateSignaturesAreRefused(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	order := elliptic.P256().Params().N
	one := big.NewInt(1)
	for name, rs := range map[string][2]*big.Int{
		"both zero":  {new(big.Int), new(big.Int)},
		"r zero":     {new(big.Int), one},
		"s zero":     {one, new(big.Int)},
		"r is order": {order, one},
		"s is order": {one, order},
	} {
		var raw [64]byte
		rs[0].FillBytes(raw[:32])
		rs[1].FillBytes(raw[32:])
		digest := sha256.Sum256(nil)
		if verifyRaw(&key.PublicKey, digest[:], raw[:]) {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestRememberedForgetsTheOldest(t *testing.T) {
	t.Parallel()
	r := newRemembered[int, string](3)
	for i := range 5 {
		r.put(i, fmt.Sprint(i))
		r.put(i, fmt.Sprint(i)) // twice is as good as once
	}
	for i, want := range []bool{false, false, true, true, true} {
		if _, ok := r.get(i); ok != want {
			t.Errorf("entry %d remembered: %t, want %t", i, ok, want)
		}
	}
	if len(r.entries) != 3 {
		t.Errorf("%d entries, want the limit of 3", len(r.entries))
	}
}

func TestRememberedIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	r := newRemembered[int, int](8)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 200 {
				r.put(i%16, worker)
				r.get((i + worker) % 16)
			}
		})
	}
	wg.Wait()
	if len(r.entries) != 8 {
		t.Errorf("%d entries, want 8", len(r.entries))
	}
}
