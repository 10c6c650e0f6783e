package testtoken

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"sync"
	"testing"
)

// EnclaveKey is the RSA key of an enclave, one for all tests: making it takes long.
func EnclaveKey() *rsa.PrivateKey { return enclaveKey() }

var enclaveKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// Holding is the claim of an enclave that holds keys.
func Holding(keys ...Set) Set { return Set{"x-ms-runtime": Set{"keys": keys}} }

// RSAKey is a key as it stands in a claim: enclave-key, to encrypt to.
func RSAKey(key *rsa.PublicKey) Set {
	return Set{"kty": "RSA", "kid": "enclave-key", "key_ops": []string{"encrypt"}, "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}
}

// ECKey is a key as it stands in a claim: enclave-ec-key, to derive keys from.
func ECKey(tb testing.TB, key *ecdsa.PublicKey) Set {
	tb.Helper()
	point, err := key.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	x, y := point[1:len(point)/2+1], point[len(point)/2+1:]
	return Set{"kty": "EC", "kid": "enclave-ec-key", "key_ops": []string{"deriveKey"}, "crv": key.Curve.Params().Name, "x": b64(x), "y": b64(y)}
}
