package keyrelease_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/relyingparty"
)

// FuzzPolicy changes policies and claims. Whatever is read is JSON for encoding/json
// too, whatever is refused says where, and an outcome is met only if an authority of
// the policy issued the token and the parts of the outcome say so.
func FuzzPolicy(f *testing.F) {
	claims := claimsOf(`"a":{"b":1},"x-ms-sgx-is-debuggable":false`)
	for _, condition := range []string{
		`{"claim":"a.b","equals":1}`, `{"claim":"a.b","greaterOrEquals":"1e0"}`,
		`{"anyOf":[{"claim":"x","exists":false},{"allOf":[{"claim":"x-ms-sgx-is-debuggable","notEquals":"true"}]}]}`,
	} {
		f.Add([]byte(policyOf(condition)), []byte(claims))
	}
	f.Add([]byte(policyOf(`{"claim":"a","equals":1}`)+" ,:"), []byte(claims+":,"))
	if _, ok := corpus.Find(); ok {
		for _, name := range publishedTokens {
			f.Add([]byte(policyOf(`{"claim":"a","equals":1}`)), corpus.Read(f, "maa", "tokens", name))
		}
	}
	f.Fuzz(func(t *testing.T, text, claims []byte) {
		policy, err := keyrelease.ParsePolicy(text)
		if err != nil {
			if fault, ok := errors.AsType[*keyrelease.PolicyError](err); !ok || len(fault.Faults) == 0 || policy != nil {
				t.Errorf("policy %v, error %v; want a *PolicyError alone", policy, err)
			}
			return
		}
		if !json.Valid(text) || len(policy.Authorities()) == 0 {
			t.Errorf("read, though no JSON or without authority: %q", text)
		}
		outcome, err := policy.Evaluate(claims)
		if err != nil {
			if _, ok := errors.AsType[*keyrelease.ClaimsError](err); !ok || outcome != nil {
				t.Errorf("outcome %v, error %v; want a *ClaimsError alone", outcome, err)
			}
			return
		}
		var token map[string]any
		d := json.NewDecoder(bytes.NewReader(claims))
		d.UseNumber()
		if err := d.Decode(&token); err != nil {
			t.Errorf("evaluated, though no JSON: %q", claims)
		}
		issuer, _ := token["iss"].(string)
		if outcome.Met && !slices.Contains(policy.Authorities(), strings.TrimSuffix(issuer, "/")) {
			t.Errorf("met by a token of %q:\n%s", issuer, outcome)
		}
		checkOutcome(t, outcome)
	})
}

// checkOutcome holds every selector against its parts.
func checkOutcome(t *testing.T, o *keyrelease.Outcome) {
	t.Helper()
	met := 0
	for i := range o.Parts {
		checkOutcome(t, &o.Parts[i])
		if o.Parts[i].Met {
			met++
		}
	}
	switch {
	case len(o.Parts) == 0:
	case strings.HasSuffix(o.Text, "anyOf") && o.Met != (met > 0),
		strings.HasSuffix(o.Text, "allOf") && o.Met != (met == len(o.Parts)):
		t.Errorf("%d of %d parts are met, and the whole is %t:\n%s", met, len(o.Parts), o.Met, o)
	}
}

// FuzzUnwrap changes wrapped keys, of which none unwraps but those that were wrapped.
func FuzzUnwrap(f *testing.F) {
	const algorithm = keyrelease.CKMRSAAESKeyWrap
	secret := []byte("a secret of thirty-two bytes....")
	for range 3 {
		wrapped, err := algorithm.Wrap(&partyKey().PublicKey, secret)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wrapped)
		f.Add(wrapped[:256])
	}
	f.Fuzz(func(t *testing.T, wrapped []byte) {
		key, err := algorithm.Unwrap(partyKey(), wrapped)
		if err != nil {
			if _, ok := errors.AsType[*keyrelease.WrapError](err); !ok || key != nil {
				t.Errorf("key %x, error %v; want a *WrapError alone", key, err)
			}
			return
		}
		if string(key) != string(secret) {
			t.Errorf("unwrapped what was never wrapped: %x", wrapped)
		}
	})
}

func FuzzRequest(f *testing.F) {
	for _, body := range []string{`{"target":"a.b.c"}`, `{"target":"a","nonce":"n","enc":"RSA_AES_KEY_WRAP_256"}`, `{"target":null}`, `[]`, `{"enc":1}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := keyrelease.ParseRequest(body)
		if err != nil {
			if _, ok := errors.AsType[*keyrelease.RefusalError](err); !ok {
				t.Fatalf("error of type %T", err)
			}
			return
		}
		again, err := r.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if other, err := keyrelease.ParseRequest(again); err != nil || *other != *r {
			t.Fatalf("%+v is read again as %+v, %v", r, other, err)
		}
	})
}

// FuzzResponse has a vault sign whatever it is given.
func FuzzResponse(f *testing.F) {
	v := newVault(f)
	response, err := v.releaser(f).Release(f.Context(), "payroll", "", "7.4", keyrelease.Request{Target: v.token(f), Nonce: "nonce"})
	if err != nil {
		f.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(response, ".")[1])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	f.Add([]byte(`{"request":{},"response":{"key":{"key":{"key_hsm":{}}}}}`))
	signer, err := v.config.Signer(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	e := v.expected()
	e.Nonce = "nonce"
	f.Fuzz(func(t *testing.T, payload []byte) {
		signed, err := keyrelease.Sign(signer, payload)
		if err != nil {
			t.Skip()
		}
		r, err := keyrelease.VerifyResponse(signed, e)
		if err != nil {
			if _, ok := errors.AsType[*keyrelease.ResponseError](err); !ok {
				t.Fatalf("error of type %T", err)
			}
			return
		}
		if !strings.EqualFold(r.Name, "payroll") || r.Policy == nil {
			t.Fatalf("accepted %+v", r)
		}
		_, _ = r.Unwrap(keysOf().rsa)
	})
}

func FuzzHeldData(f *testing.F) {
	v := newVault(f)
	verifier := mustVerifier(f, v.require)
	r, err := verifier.Verify(f.Context(), v.token(f), relyingparty.Expected{})
	if err != nil {
		f.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&keysOf().rsa.PublicKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	f.Add([]byte(`{"kty":"RSA","n":"AQAB","e":"AQAB"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		result := *r
		claims := *r.Claims
		claims.RuntimeClaims, claims.EnclaveHeldData = nil, data
		result.Claims = &claims
		target, err := keyrelease.ChooseTarget(&result, keyrelease.RSAAESKeyWrap256, keyrelease.HeldForms()...)
		if err != nil {
			if _, ok := errors.AsType[*keyrelease.TargetError](err); !ok {
				t.Fatalf("error of type %T", err)
			}
			return
		}
		if _, err := keyrelease.RSAAESKeyWrap256.Wrap(target.Public, make([]byte, 32)); err != nil {
			t.Fatalf("chosen, and not fit: %v", err)
		}
	})
}
