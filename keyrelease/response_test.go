package keyrelease_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/keyrelease"
)

// resigned lets a vault's signer sign what a test makes of a response.
func resigned(t *testing.T, v *vault, change func(set)) string {
	t.Helper()
	payload := payloadOf(t, released(t, v))
	change(payload)
	signer, err := v.config.Signer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := keyrelease.Sign(signer, text)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func released(t *testing.T, v *vault) string {
	t.Helper()
	response, err := v.releaser(t).Release(t.Context(), "payroll", "", "7.4", keyrelease.Request{Target: v.token(t), Nonce: "nonce"})
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func payloadOf(t *testing.T, response string) set {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(response, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	payload := set{}
	if err := json.Unmarshal(raw, &payload); err != nil {
		t.Fatal(err)
	}
	return payload
}

// at returns an object of a payload.
func at(payload set, path ...string) map[string]any {
	object := map[string]any(payload)
	for _, name := range path {
		object, _ = object[name].(map[string]any)
	}
	return object
}

// The members are those of the responses that Azure's SDKs have recorded.
func TestResponseHasTheShapeOfKeyVaults(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	response := released(t, v)
	payload := payloadOf(t, response)
	if got := at(payload, "request"); got["api-version"] != "7.4" || got["enc"] != "CKM_RSA_AES_KEY_WRAP" || got["kid"] != vaultURL+"/keys/payroll" || got["nonce"] != "nonce" {
		t.Errorf("request %v", got)
	}
	if got := at(payload, "response", "key", "attributes"); got["enabled"] != true || got["exportable"] != true || got["created"] != float64(now.Add(-time.Hour).Unix()) {
		t.Errorf("attributes %v", got)
	}
	key := at(payload, "response", "key", "key")
	if key["kid"] != vaultURL+"/keys/payroll/"+version || key["kty"] != "RSA-HSM" || key["e"] != "AQAB" || len(key["n"].(string)) != 342 {
		t.Errorf("key %v", key)
	}
	raw, err := base64.RawURLEncoding.DecodeString(key["key_hsm"].(string))
	if err != nil {
		t.Fatal(err)
	}
	var wrapped set
	if err := json.Unmarshal(raw, &wrapped); err != nil {
		t.Fatal(err)
	}
	if got := at(wrapped, "header"); wrapped["schema_version"] != "1.0" || got["alg"] != "dir" || got["enc"] != "CKM_RSA_AES_KEY_WRAP" || got["kid"] != "enclave-key" || wrapped["ciphertext"] == "" {
		t.Errorf("key_hsm %s", raw)
	}
	policy := at(payload, "response", "key", "release_policy")
	if policy["contentType"] != "application/json; charset=utf-8" || policy["data"] != b64(v.key.Policy.Text()) {
		t.Errorf("release_policy %v", policy)
	}
	raw, err = base64.RawURLEncoding.DecodeString(strings.Split(response, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	var header set
	if err := json.Unmarshal(raw, &header); err != nil {
		t.Fatal(err)
	}
	if chain, _ := header["x5c"].([]any); header["alg"] != "RS256" || header["kid"] == "" || len(chain) != 2 || header["x5t#S256"] == "" {
		t.Errorf("header %s", raw)
	}
}

func TestVerifyResponseRefuses(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	good := released(t, v)
	unsigned := func(alg string) string {
		return encoded(t, set{"alg": alg}) + "." + strings.Split(good, ".")[1] + "."
	}
	otherSigner, otherRoots := newSigner(t, "vault.example")
	elsewhere, elsewhereRoots := newSigner(t, "other.example")
	by := func(s *keyrelease.Signer) string {
		c := *v
		c.config.Keys, c.config.Record = &c, nil
		c.config.Signer = func(context.Context) (*keyrelease.Signer, error) { return s, nil }
		return released(t, &c)
	}
	policy, err := keyrelease.ParsePolicy([]byte(strings.Replace(string(v.key.Policy.Text()), `"equals"`, `"notEquals"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		response string
		change   func(*keyrelease.Expected)
		part     string
	}{
		"another nonce":           {response: good, change: func(e *keyrelease.Expected) { e.Nonce = "other" }, part: "request"},
		"no nonce":                {response: good, change: func(e *keyrelease.Expected) { e.Nonce = "" }, part: "request"},
		"another key asked for":   {response: good, change: func(e *keyrelease.Expected) { e.Name = "other" }, part: "request"},
		"a version asked for":     {response: good, change: func(e *keyrelease.Expected) { e.Version = version }, part: "request"},
		"another algorithm":       {response: good, change: func(e *keyrelease.Expected) { e.Algorithm = keyrelease.RSAAESKeyWrap256 }, part: "request"},
		"another vault":           {response: good, change: func(e *keyrelease.Expected) { e.Vault = "https://other.example" }, part: "certificate"},
		"another policy":          {response: good, change: func(e *keyrelease.Expected) { e.Policies = []*keyrelease.Policy{policy} }, part: "policy"},
		"no policy expected":      {response: good, change: func(e *keyrelease.Expected) { e.Policies = nil }, part: "expected"},
		"no time":                 {response: good, change: func(e *keyrelease.Expected) { e.Now = time.Time{} }, part: "expected"},
		"no vault":                {response: good, change: func(e *keyrelease.Expected) { e.Vault = "http://vault.example" }, part: "expected"},
		"no key":                  {response: good, change: func(e *keyrelease.Expected) { e.Name = "" }, part: "expected"},
		"no such algorithm":       {response: good, change: func(e *keyrelease.Expected) { e.Algorithm = "dir" }, part: "expected"},
		"an expired certificate":  {response: good, change: func(e *keyrelease.Expected) { e.Now = now.Add(2 * time.Hour) }, part: "certificate"},
		"roots of others":         {response: good, change: func(e *keyrelease.Expected) { e.Roots = otherRoots }, part: "certificate"},
		"a certificate of others": {response: by(otherSigner), part: "certificate"},
		"another host":            {response: by(elsewhere), change: func(e *keyrelease.Expected) { e.Roots = elsewhereRoots }, part: "certificate"},
		"unsigned":                {response: unsigned("none"), part: "signature"},
		"signed by a secret":      {response: unsigned("HS256"), part: "signature"},
		"no JWS":                  {response: "hello", part: "signature"},
		"endless":                 {response: strings.Repeat("a", 2<<20), part: "signature"},
		"another payload":         {response: strings.Replace(good, ".", ".e", 1), part: "signature"},
		"another key in it": {response: resigned(t, v, func(p set) {
			at(p, "response", "key", "key")["kid"] = vaultURL + "/keys/other/" + version
		}), part: "key"},
		"a key of another vault in it": {response: resigned(t, v, func(p set) {
			at(p, "response", "key", "key")["kid"] = "https://vault.example.evil/keys/payroll/" + version
		}), part: "key"},
		"another type":    {response: resigned(t, v, func(p set) { at(p, "response", "key", "key")["kty"] = "DSA" }), part: "key"},
		"no policy":       {response: resigned(t, v, func(p set) { delete(at(p, "response", "key"), "release_policy") }), part: "policy"},
		"a broken policy": {response: resigned(t, v, func(p set) { at(p, "response", "key", "release_policy")["data"] = "e30" }), part: "policy"},
		"no wrapped key":  {response: resigned(t, v, func(p set) { delete(at(p, "response", "key", "key"), "key_hsm") }), part: "wrapped key"},
		"wrapped by another algorithm": {response: resigned(t, v, func(p set) {
			at(p, "response", "key", "key")["key_hsm"] = encoded(t, set{"header": set{"enc": "RSA_AES_KEY_WRAP_256"}, "ciphertext": "AA"})
		}), part: "wrapped key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := v.expected()
			e.Nonce = "nonce"
			if tt.change != nil {
				tt.change(&e)
			}
			r, err := keyrelease.VerifyResponse(tt.response, e)
			if got, ok := errors.AsType[*keyrelease.ResponseError](err); !ok || r != nil || got.Part != tt.part {
				t.Errorf("got %v, want one about the %s", err, tt.part)
			}
		})
	}
}

// Policies are compared byte for byte, and whoever wrote one anew is told that it is
// only that.
func TestVerifyResponseTellsOtherPoliciesApart(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	response, text := released(t, v), string(v.key.Policy.Text())
	for name, test := range map[string]struct{ expected, want string }{
		"spaced anew": {" " + strings.Replace(text, ":", " :\n", 1), "policy: one of those expected with other white space"},
		"another":     {strings.Replace(text, `"equals"`, `"notEquals"`, 1), "policy: another than those expected"},
	} {
		e := v.expected()
		e.Nonce, e.Policies = "nonce", []*keyrelease.Policy{mustParse(t, test.expected)}
		if _, err := keyrelease.VerifyResponse(response, e); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q in it", name, err, test.want)
		}
	}
}

// Key Vault's API 7.2 has the wrapped key as an object, and others add padding.
func TestVerifyResponseOfOtherVersions(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	response := resigned(t, v, func(p set) {
		key := at(p, "response", "key", "key")
		raw, err := base64.RawURLEncoding.DecodeString(key["key_hsm"].(string))
		if err != nil {
			t.Fatal(err)
		}
		key["key_hsm"] = json.RawMessage(raw)
		key["n"] = key["n"].(string) + "=="
	})
	e := v.expected()
	e.Nonce, e.Policies, e.AnyPolicy = "nonce", nil, true
	r, err := keyrelease.VerifyResponse(response, e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Unwrap(keysOf().rsa); err != nil {
		t.Error(err)
	}
}

func TestUnwrapRefusesAnotherKey(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	e := v.expected()
	e.Nonce = "nonce"
	// The vault's response shows the public half of another key than the wrapped one.
	for name, change := range map[string]func(*vault){
		"another RSA key": func(v *vault) { v.key.Public = keysOf().rsa.Public() },
		"another type":    func(v *vault) { v.key.Type, v.key.Public = "EC", keysOf().ec.Public() },
		"no PKCS #8":      func(v *vault) { v.key.Material = []byte(strings.Repeat("secret", 10)) },
	} {
		c := *v
		c.config.Keys, c.config.Record = &c, nil
		change(&c)
		r, err := keyrelease.VerifyResponse(released(t, &c), e)
		if err != nil {
			t.Fatal(err)
		}
		material, err := r.Unwrap(keysOf().rsa)
		if got, ok := errors.AsType[*keyrelease.ResponseError](err); !ok || material != nil || got.Part != "wrapped key" || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	r, err := keyrelease.VerifyResponse(released(t, v), e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Unwrap(keysOf().other); err == nil {
		t.Error("another party's key unwraps")
	}
}

func TestNewSignerRefuses(t *testing.T) {
	t.Parallel()
	s, _ := newSigner(t, "vault.example")
	chain := []*x509.Certificate{s.Certificate()}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certificateOf := func(public any) []*x509.Certificate {
		spki, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		return []*x509.Certificate{{RawSubjectPublicKeyInfo: spki}}
	}
	for name, err := range map[string]error{
		"no certificate": failureOf(keyrelease.NewSigner(keysOf().rsa, nil)),
		"no key":         failureOf(keyrelease.NewSigner(nil, chain)),
		"another's":      failureOf(keyrelease.NewSigner(keysOf().rsa, chain)),
		"weak":           failureOf(keyrelease.NewSigner(keysOf().weak, certificateOf(keysOf().weak.Public()))),
		"P-224":          failureOf(keyrelease.NewSigner(p224, certificateOf(p224.Public()))),
		"many":           failureOf(keyrelease.NewSigner(keysOf().rsa, make([]*x509.Certificate, 9))),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, key := range []*rsa.PrivateKey{keysOf().rsa, keysOf().other} {
		if err := failureOf(keyrelease.NewSigner(key, certificateOf(key.Public()))); err != nil {
			t.Error(err)
		}
	}
}

func failureOf(_ *keyrelease.Signer, err error) error { return err }
