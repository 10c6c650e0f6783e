package auth

import (
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"strings"
	"testing"
)

func TestKeysThatAreNotForTokensArePassedOver(t *testing.T) {
	t.Parallel()
	good := jwkOf("good", rsaKey().Public())
	with := func(changes map[string]any) map[string]any { return changed(good, changes) }
	weak, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // weak keys must be passed over
	if err != nil {
		t.Fatal(err)
	}
	point := jwkOf("p256", p256Key().Public())
	for name, jwk := range map[string]any{
		"for encryption":       with(map[string]any{"use": "enc"}),
		"use is a number":      with(map[string]any{"use": 1}),
		"to sign with":         with(map[string]any{"key_ops": []string{"sign"}}),
		"private":              with(map[string]any{"d": "AQAB"}),
		"private, by primes":   with(map[string]any{"p": "AQAB"}),
		"of RSA-OAEP":          with(map[string]any{"alg": "RSA-OAEP"}),
		"of HS256":             with(map[string]any{"alg": "HS256"}),
		"weak":                 jwkOf("weak", weak.Public()),
		"exponent 1":           with(map[string]any{"e": "AQ"}),
		"even exponent":        with(map[string]any{"e": "BA"}),
		"no modulus":           with(map[string]any{"n": nil}),
		"modulus is a number":  with(map[string]any{"n": 3}),
		"large modulus":        with(map[string]any{"n": strings.Repeat("_", 2048)}),
		"symmetric":            map[string]any{"kty": "oct", "k": "AQAB", "kid": "s"},
		"of another kind":      map[string]any{"kty": "OKP", "crv": "Ed25519", "x": strings.Repeat("A", 43)},
		"P-521":                jwkOf("p521", newEC(elliptic.P521()).Public()),
		"not on the curve":     changed(point, map[string]any{"x": point["y"]}),
		"no kind":              with(map[string]any{"kty": nil}),
		"ID is a number":       with(map[string]any{"kid": 7}),
		"not an object":        "key",
		"of personal accounts": with(map[string]any{"issuer": "https://login.microsoftonline.com/" + personalTenant + "/v2.0"}),
		"of no issuer":         with(map[string]any{"issuer": 1}),
		"of a broken issuer":   with(map[string]any{"issuer": "%"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set, err := parseKeySet([]byte(encodeJSON(map[string]any{"keys": []any{jwk, good}})), tenant)
			if err != nil || len(set) != 1 || set[0].id != "good" {
				t.Errorf("%d keys, %v, want the good one alone", len(set), err)
			}
			if _, err := parseKeySet([]byte(encodeJSON(map[string]any{"keys": []any{jwk}})), tenant); err == nil {
				t.Error("a set without a key that can be used is accepted")
			}
		})
	}
}

func TestKeysOfTheTenant(t *testing.T) {
	t.Parallel()
	for issuer, want := range map[string]bool{
		"https://login.microsoftonline.com/{tenantid}/v2.0":                        true,
		"https://login.microsoftonline.com/" + tenant + "/v2.0":                    true,
		"https://sts.windows.net/{tenantid}/":                                      true,
		"https://sts.windows.net/" + tenant + "/":                                  true,
		"https://sts.windows.net/" + personalTenant + "/":                          false,
		"https://login.microsoftonline.com/common/v2.0":                            false,
		"https://login.microsoftonline.com/" + personalTenant + "/" + tenant + "/": false,
	} {
		if got := isOfTenant(object{"issuer": issuer}, tenant); got != want {
			t.Errorf("%s: %v, want %v", issuer, got, want)
		}
	}
}

func TestKeySetsThatAreRefused(t *testing.T) {
	t.Parallel()
	good := jwkOf("good", rsaKey().Public())
	many := make([]any, maxKeys+1)
	for i := range many {
		many[i] = good
	}
	for name, raw := range map[string]string{
		"nothing": "", "array": "[]", "no keys": "{}", "keys are text": `{"keys":"x"}`, "keys are an object": `{"keys":{}}`, "no key": `{"keys":[]}`,
		"keys twice": `{"keys":[` + encodeJSON(good) + `],"keys":[` + encodeJSON(good) + `]}`,
		"too many":   encodeJSON(map[string]any{"keys": many}),
	} {
		if _, err := parseKeySet([]byte(raw), ""); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAlgorithmOfAKey(t *testing.T) {
	t.Parallel()
	rsaAny, rsaPS := key{public: rsaKey().Public()}, key{public: rsaKey().Public(), algorithm: "PS256"}
	p256, p384 := key{public: p256Key().Public()}, key{public: p384Key().Public()}
	for _, test := range []struct {
		k         key
		algorithm string
		want      bool
	}{
		{rsaAny, "RS256", true},
		{rsaAny, "PS256", true},
		{rsaAny, "ES256", false},
		{rsaAny, "HS256", false},
		{rsaAny, "none", false},
		{rsaPS, "PS256", true},
		{rsaPS, "RS256", false},
		{p256, "ES256", true},
		{p256, "ES384", false},
		{p256, "RS256", false},
		{p384, "ES384", true},
		{p384, "ES256", false},
		{key{public: []byte("secret")}, "HS256", false},
	} {
		if got := test.k.fits(test.algorithm); got != test.want {
			t.Errorf("%T %s for %s: %v, want %v", test.k.public, test.k.algorithm, test.algorithm, got, test.want)
		}
	}
}

func TestTokenWithoutAKeyIDNeedsTheOnlyKey(t *testing.T) {
	t.Parallel()
	set := keySet{{id: "a", public: rsaKey().Public()}, {id: "b", public: p256Key().Public()}}
	if got := set.find("", "RS256"); len(got) != 1 || got[0].id != "a" {
		t.Errorf("%d keys, want the only RSA key", len(got))
	}
	set = append(set, key{id: "c", public: otherRSAKey().Public()})
	if got := set.find("", "RS256"); len(got) != 0 {
		t.Errorf("%d keys, want none: two would do", len(got))
	}
	large := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), maxRSABits), E: 65537}
	if isStrong(large) {
		t.Error("a modulus of 8193 bits is accepted")
	}
	if isStrong("secret") || (keySet{{}}).equal(keySet{{}}) {
		t.Error("what is no key is one")
	}
}
