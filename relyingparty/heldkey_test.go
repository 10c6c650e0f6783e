package relyingparty_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/internal/testtoken"
	"github.com/azattest/azattest/relyingparty"
)

// heldRSA is the key of an enclave or a machine.
var heldRSA = testtoken.EnclaveKey

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func raw(t testing.TB, text any) []byte {
	t.Helper()
	decoded, err := base64.RawURLEncoding.DecodeString(text.(string))
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

func rsaJWK(changes set) set { return testtoken.RSAKey(&heldRSA().PublicKey).With(changes) }

func ecJWK(t testing.TB, curve elliptic.Curve, changes set) set {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return testtoken.ECKey(t, &key.PublicKey).With(set{"kid": nil, "key_ops": nil}, changes)
}

// resultOf is the result of a token with runtime data.
func resultOf(t testing.TB, runtime any) *relyingparty.Result {
	t.Helper()
	raw, err := json.Marshal(runtime)
	if err != nil {
		t.Fatal(err)
	}
	return &relyingparty.Result{Claims: &azattestation.AttestationResult{RuntimeClaims: raw}}
}

func keysOf(keys ...any) set { return set{"keys": keys} }

func TestHeldKeys(t *testing.T) {
	t.Parallel()
	r := resultOf(t, keysOf(
		rsaJWK(nil), rsaJWK(set{"kid": nil, "key_ops": nil, "use": "sig"}), rsaJWK(set{"key_ops": nil, "key_use": "enc"}),
		ecJWK(t, elliptic.P256(), set{"kid": "p256"}), ecJWK(t, elliptic.P384(), nil), ecJWK(t, elliptic.P521(), nil),
	))
	keys, err := r.HeldKeys()
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) != 6 || keys[0].KeyID != "enclave-key" || keys[1].KeyID != "" || keys[3].KeyID != "p256" {
		t.Errorf("keys %+v, want six in their order", keys)
	}
	for i, canEncrypt := range []bool{true, false, true, false, false, false} {
		if keys[i].CanEncrypt() != canEncrypt {
			t.Errorf("key %d can encrypt: %t, want %t", i, !canEncrypt, canEncrypt)
		}
	}
	for i, k := range keys[:3] {
		if public, ok := k.Public.(*rsa.PublicKey); !ok || !public.Equal(&heldRSA().PublicKey) {
			t.Errorf("key %d is %v, want the one that was sent", i, k.Public)
		}
	}
	for i, k := range keys[3:] {
		if _, ok := k.Public.(*ecdsa.PublicKey); !ok {
			t.Errorf("key %d is a %T, want ECDSA", 3+i, k.Public)
		}
	}
}

func TestHeldKeysRefuses(t *testing.T) {
	t.Parallel()
	ec := func(changes set) set { return ecJWK(t, elliptic.P256(), changes) }
	bits := func(n int) string {
		raw := make([]byte, n/8)
		raw[0], raw[len(raw)-1] = 0x80, 1
		return b64(raw)
	}
	even := heldRSA().N.Bytes()
	even[len(even)-1] &^= 1
	// x and y are the same 64 bytes, split elsewhere.
	moved := ec(nil)
	x, y := raw(t, moved["x"]), raw(t, moved["y"])
	moved["x"], moved["y"] = b64(append(x, y[0])), b64(y[1:])
	many := make([]any, 65)
	for i := range many {
		many[i] = rsaJWK(nil)
	}
	for name, c := range map[string]struct {
		runtime any
		claim   string
	}{
		"no keys":             {set{"jwk": rsaJWK(nil)}, "x-ms-runtime/keys"},
		"an empty list":       {keysOf(), "x-ms-runtime/keys"},
		"no list":             {set{"keys": rsaJWK(nil)}, "x-ms-runtime/keys"},
		"no object":           {"keys", "x-ms-runtime/keys"},
		"too many":            {keysOf(many...), "x-ms-runtime/keys"},
		"lists twice":         {json.RawMessage(`{"keys":[],"keys":[{}]}`), "x-ms-runtime"},
		"a member twice":      {json.RawMessage(`{"keys":[{"kty":"RSA","kty":"EC"}]}`), "x-ms-runtime"},
		"bottomless":          {json.RawMessage(strings.Repeat(`{"keys":`, 100) + "1" + strings.Repeat("}", 100)), "x-ms-runtime"},
		"a key that is none":  {keysOf("RSA"), "x-ms-runtime/keys/0"},
		"the second is none":  {keysOf(rsaJWK(nil), set{}), "x-ms-runtime/keys/1"},
		"kty of another case": {keysOf(rsaJWK(set{"kty": "rsa"})), "x-ms-runtime/keys/0"},
		"symmetric":           {keysOf(set{"kty": "oct", "k": "AAAA"}), "x-ms-runtime/keys/0"},
		"OKP":                 {keysOf(set{"kty": "OKP", "crv": "X25519", "x": b64(make([]byte, 32))}), "x-ms-runtime/keys/0"},
		"private RSA":         {keysOf(rsaJWK(set{"d": "AQAB"})), "x-ms-runtime/keys/0"},
		"prime":               {keysOf(rsaJWK(set{"p": "AQAB"})), "x-ms-runtime/keys/0"},
		"private EC":          {keysOf(ec(set{"d": "AQAB"})), "x-ms-runtime/keys/0"},
		"kid of a number":     {keysOf(rsaJWK(set{"kid": 1})), "x-ms-runtime/keys/0"},
		"use of a list":       {keysOf(rsaJWK(set{"use": []string{"enc"}})), "x-ms-runtime/keys/0"},
		"two uses":            {keysOf(rsaJWK(set{"use": "sig", "key_use": "enc"})), "x-ms-runtime/keys/0"},
		"operations in text":  {keysOf(rsaJWK(set{"key_ops": "encrypt"})), "x-ms-runtime/keys/0"},
		"operations, numbers": {keysOf(rsaJWK(set{"key_ops": []int{1}})), "x-ms-runtime/keys/0"},
		"without n":           {keysOf(rsaJWK(set{"n": nil})), "x-ms-runtime/keys/0"},
		"n is empty":          {keysOf(rsaJWK(set{"n": ""})), "x-ms-runtime/keys/0"},
		"n is padded":         {keysOf(rsaJWK(set{"n": b64(heldRSA().N.Bytes()) + "=="})), "x-ms-runtime/keys/0"},
		"n of two lines":      {keysOf(rsaJWK(set{"n": "\n" + b64(heldRSA().N.Bytes())})), "x-ms-runtime/keys/0"},
		"1024 bits":           {keysOf(rsaJWK(set{"n": bits(1024)})), "x-ms-runtime/keys/0"},
		"16384 bits":          {keysOf(rsaJWK(set{"n": bits(16384)})), "x-ms-runtime/keys/0"},
		"n is even":           {keysOf(rsaJWK(set{"n": b64(even)})), "x-ms-runtime/keys/0"},
		"without e":           {keysOf(rsaJWK(set{"e": nil})), "x-ms-runtime/keys/0"},
		"e is one":            {keysOf(rsaJWK(set{"e": "AQ"})), "x-ms-runtime/keys/0"},
		"e is even":           {keysOf(rsaJWK(set{"e": "BA"})), "x-ms-runtime/keys/0"},
		"e of 32 bits":        {keysOf(rsaJWK(set{"e": "_____w"})), "x-ms-runtime/keys/0"},
		"e of 40 bits":        {keysOf(rsaJWK(set{"e": b64([]byte{1, 0, 0, 0, 1})})), "x-ms-runtime/keys/0"},
		"unknown curve":       {keysOf(ec(set{"crv": "secp256k1"})), "x-ms-runtime/keys/0"},
		"another curve":       {keysOf(ec(set{"crv": "P-384"})), "x-ms-runtime/keys/0"},
		"without y":           {keysOf(ec(set{"y": 1})), "x-ms-runtime/keys/0"},
		"one byte moved":      {keysOf(moved), "x-ms-runtime/keys/0"},
		"not on the curve":    {keysOf(ec(set{"x": b64(make([]byte, 32))})), "x-ms-runtime/keys/0"},
		"infinity":            {keysOf(ec(set{"x": b64(make([]byte, 32)), "y": b64(make([]byte, 32))})), "x-ms-runtime/keys/0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := resultOf(t, c.runtime)
			keys, err := r.HeldKeys()
			if keys != nil {
				t.Errorf("%d keys beside an error", len(keys))
			}
			wantMissed(t, err, relyingparty.RequirementHeldKeys, c.claim)
			_, _, err = r.EncryptionKey()
			wantMissed(t, err, relyingparty.RequirementHeldKeys, c.claim)
		})
	}
	_, err := (&relyingparty.Result{Claims: &azattestation.AttestationResult{}}).HeldKeys()
	wantMissed(t, err, relyingparty.RequirementHeldKeys, "x-ms-runtime")
}

func TestEncryptionKey(t *testing.T) {
	t.Parallel()
	p256 := ecJWK(t, elliptic.P256(), set{"kid": "ec", "key_ops": []string{"encrypt"}})
	public, kid, err := resultOf(t, keysOf(p256, rsaJWK(set{"kid": nil}), rsaJWK(set{"key_ops": []string{"verify"}}), rsaJWK(set{"kid": "this"}), rsaJWK(set{"kid": "not this"}))).EncryptionKey()
	if err != nil {
		t.Fatal(err)
	}
	if kid != "this" || !public.Equal(&heldRSA().PublicKey) {
		t.Errorf("key %q, want the first RSA key with a kid that is for encryption", kid)
	}
	_, _, err = resultOf(t, keysOf(p256)).EncryptionKey()
	wantMissed(t, err, relyingparty.RequirementEncryptionKey, "x-ms-runtime/keys")
	if e, ok := errors.AsType[*relyingparty.RequirementError](err); ok && e.Unwrap() != nil {
		t.Errorf("cause %v, want none", e.Unwrap())
	}
}
