package keyrelease_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/keyrelease"
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
