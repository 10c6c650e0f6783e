package keyrelease

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"math/big"
	"slices"
	"testing"
)

// What can be reached of a private half is overwritten where it lies.
func TestEphemeralKeysAreWiped(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []WrapAlgorithm{RSAAESKeyWrap256, JWEECDHES} {
		key, err := newEphemeralKey(algorithm, 2048)
		if err != nil {
			t.Fatal(err)
		}
		var secrets []*big.Int
		switch private := key.private.(type) {
		case *rsa.PrivateKey:
			secrets = append(slices.Clone(private.Primes), private.D, private.Precomputed.Dp, private.Precomputed.Dq, private.Precomputed.Qinv)
		case *ecdsa.PrivateKey:
			secrets = []*big.Int{private.D} //nolint:staticcheck // SA1019: it is to be seen that nothing is left
		}
		var words [][]big.Word
		for _, secret := range secrets {
			if secret.Sign() == 0 {
				t.Fatalf("%s: a secret is zero before", algorithm)
			}
			words = append(words, secret.Bits())
		}
		key.wipe()
		if key.private != nil {
			t.Errorf("%s: the key is still held", algorithm)
		}
		for i, secret := range secrets {
			if secret.Sign() != 0 || slices.ContainsFunc(words[i], func(w big.Word) bool { return w != 0 }) {
				t.Errorf("%s: secret %d is still in memory", algorithm, i)
			}
		}
	}
}
