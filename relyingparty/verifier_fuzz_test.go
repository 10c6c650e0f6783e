package relyingparty_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

// FuzzVerify signs any claims and expects that none are accepted in which another
// reader does not find what was required, and that every refusal has its type.
func FuzzVerify(f *testing.F) {
	i := newInstance(f, contoso, token.ES256)
	f.Add(claimsOf(f, i.token(f)))
	f.Add(claimsOf(f, i.token(f, set{"x-ms-runtime": keysOf(rsaJWK(nil)), "x-ms-policy": set{"tee": "sgx"}})))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"iss":"https://contoso.example","exp":1e9,"x-ms-policy":{"x-ms-ver":1}}`))
	c := i.config(f)
	c.Signers = signers(mrsigner, 1, 2)
	v := mustNew(f, c)
	f.Fuzz(func(t *testing.T, payload []byte) {
		_, err := v.Verify(t.Context(), i.sign(t, payload), relyingparty.Expected{})
		if err != nil {
			_, holdsNot := errors.AsType[*azattestation.TokenValidationError](err)
			_, misses := errors.AsType[*relyingparty.RequirementError](err)
			if holdsNot == misses {
				t.Errorf("error %v is of no type", err)
			}
			return
		}
		var said map[string]any
		if err := json.Unmarshal(payload, &said); err != nil {
			t.Fatalf("accepted what is no JSON: %v", err)
		}
		svn, _ := said["x-ms-sgx-svn"].(float64)
		_, simulated := said["x-azattest-simulated"]
		if said["iss"] != contoso && said["iss"] != contoso+"/" || said["x-ms-attestation-type"] != "sgx" || said["x-ms-sgx-is-debuggable"] != false ||
			said["x-ms-sgx-product-id"] != 1.0 || svn < 2 || simulated {
			t.Errorf("accepted %s", payload)
		}
	})
}

// FuzzVerifyReport signs any claims as a report, and expects that none are accepted
// in which another reader does not find what was required, or finds another kind of
// evidence.
func FuzzVerifyReport(f *testing.F) {
	i := newInstance(f, contoso, token.ES256)
	f.Add(claimsOf(f, i.reportOf(f)))
	f.Add(claimsOf(f, i.reportOf(f, set{"cnf": nil, "x-ms-tpm-request-key": nil, "codeIntegrityPolicy": []string{"a", "b"}})))
	f.Add(claimsOf(f, i.token(f)))
	f.Add([]byte(`{"iss":"https://contoso.example","exp":1e10,"x-ms-ver":"1.0"}`))
	v := mustNew(f, healthConfig(f, i))
	f.Fuzz(func(t *testing.T, payload []byte) {
		_, err := v.Verify(t.Context(), i.signReport(t, payload), relyingparty.Expected{})
		if err != nil {
			_, holdsNot := errors.AsType[*azattestation.TokenValidationError](err)
			_, misses := errors.AsType[*relyingparty.RequirementError](err)
			if holdsNot == misses {
				t.Errorf("error %v is of no type", err)
			}
			return
		}
		var said map[string]any
		if err := json.Unmarshal(payload, &said); err != nil {
			t.Fatalf("accepted what is no JSON: %v", err)
		}
		if said["x-ms-policy-hash"] != policyHash(healthPolicy) || said["secureBootEnabled"] != true || said["bootDebuggingDisabled"] != true {
			t.Errorf("accepted %s", payload)
		}
		for name := range said {
			if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-ms-sgx-") || strings.HasPrefix(lower, "tdx_") || lower == "x-ms-attestation-type" || lower == "x-ms-runtime" {
				t.Errorf("accepted with %s", name)
			}
		}
	})
}

// FuzzHeldKeys reads any runtime data and expects keys that are fit for use, as
// many as another reader counts, or one kind of refusal.
func FuzzHeldKeys(f *testing.F) {
	for _, runtime := range []any{
		keysOf(rsaJWK(nil)), keysOf(ecJWK(f, elliptic.P256(), nil), rsaJWK(set{"use": "enc"})), keysOf(ecJWK(f, elliptic.P521(), nil)), set{"keys": 1},
	} {
		raw, err := json.Marshal(runtime)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	corpus.Seed(f, "maa/snp/*/runtime_data.json")
	f.Fuzz(func(t *testing.T, runtime []byte) {
		r := &relyingparty.Result{Claims: &azattestation.AttestationResult{RuntimeClaims: runtime}}
		keys, err := r.HeldKeys()
		if err != nil {
			if _, ok := errors.AsType[*relyingparty.RequirementError](err); !ok || keys != nil {
				t.Errorf("%d keys and error %v, want a *RequirementError alone", len(keys), err)
			}
			return
		}
		var other map[string]any
		if err := json.Unmarshal(runtime, &other); err != nil {
			t.Fatalf("keys of what is no JSON: %v", err)
		}
		if list, ok := other["keys"].([]any); !ok || len(list) != len(keys) || len(keys) == 0 || len(keys) > 64 {
			t.Errorf("%d keys of %s", len(keys), runtime)
		}
		for i, k := range keys {
			if _, err := x509.MarshalPKIXPublicKey(k.Public); err != nil {
				t.Errorf("key %d: %v", i, err)
			}
			switch public := k.Public.(type) {
			case *rsa.PublicKey:
				if bits := public.N.BitLen(); bits < 2048 || bits > 8192 || public.E < 3 {
					t.Errorf("key %d: %d bits, exponent %d", i, bits, public.E)
				}
			case *ecdsa.PublicKey:
				if _, err := public.ECDH(); err != nil {
					t.Errorf("key %d: %v", i, err)
				}
			default:
				t.Errorf("key %d is a %T", i, public)
			}
		}
		if public, kid, err := r.EncryptionKey(); err == nil && (kid == "" || public.N.BitLen() < 2048) {
			t.Errorf("key %q of %d bits to encrypt to", kid, public.N.BitLen())
		}
	})
}
