package keyrelease_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/internal/testtoken"
	"github.com/azattest/azattest/keyrelease"
)

func TestRelease(t *testing.T) {
	t.Parallel()
	for _, algorithm := range keyrelease.WrapAlgorithms() {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			v := newVault(t)
			var changes []set
			private := any(keysOf().rsa)
			wantTarget := "enclave-key"
			if algorithm == keyrelease.JWEECDHES {
				private, wantTarget = keysOf().ec, "enclave-ec-key"
				// Beside a key of the wrong kind.
				changes = append(changes, testtoken.Holding(rsaJWK(keysOf().rsa), ecJWK(t, keysOf().ec)))
			}
			request := keyrelease.Request{Target: v.token(t, changes...), Nonce: "a nonce", Algorithm: algorithm}
			response, err := v.releaser(t).Release(t.Context(), "Payroll", "", "7.4", request)
			if err != nil {
				t.Fatal(err)
			}
			e := v.expected()
			e.Nonce, e.Algorithm = "a nonce", algorithm
			r, err := keyrelease.VerifyResponse(response, e)
			if err != nil {
				t.Fatal(err)
			}
			if r.Name != "payroll" || r.Version != version || r.KeyID != vaultURL+"/keys/payroll/"+version || r.Target != wantTarget || r.Type != "RSA-HSM" ||
				!r.Attributes.Exportable || !r.Attributes.Created.Equal(now.Add(-time.Hour)) || len(r.Operations) != 2 {
				t.Errorf("response %+v", r)
			}
			material, err := r.Unwrap(private)
			if err != nil || !bytes.Equal(material, v.key.Material) {
				t.Errorf("got %d bytes, %v", len(material), err)
			}
			if len(v.decisions) != 1 || v.decisions[0].Err != nil || v.decisions[0].Target != wantTarget || v.decisions[0].Authority != contoso || !v.decisions[0].Outcome.Met {
				t.Errorf("decisions %+v", v.decisions)
			}
			for _, handed := range v.released {
				if len(bytes.Trim(handed, "\x00")) > 0 {
					t.Error("the key is still in memory")
				}
			}
		})
	}
}

func TestReleaseOfASymmetricKey(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.key.Type, v.key.Material, v.key.Public = "oct-HSM", bytes.Repeat([]byte("secret! "), 4), nil
	response, err := v.releaser(t).Release(t.Context(), "payroll", version, "7.4", keyrelease.Request{Target: v.token(t)})
	if err != nil {
		t.Fatal(err)
	}
	e := v.expected()
	e.Version = version
	r, err := keyrelease.VerifyResponse(response, e)
	if err != nil {
		t.Fatal(err)
	}
	material, err := r.Unwrap(keysOf().rsa)
	if err != nil || !bytes.Equal(material, v.key.Material) || r.Algorithm != keyrelease.CKMRSAAESKeyWrap {
		t.Errorf("got %q by %s, %v", material, r.Algorithm, err)
	}
}

const (
	unverified = "Target environment attestation statement cannot be verified."
	unmet      = "Target environment attestation does not meet key release policy requirements."
)

func TestReleaseRefusesTokens(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	stranger := newAttester(t, contoso)
	foreign := newAttester(t, fabrikam)
	attackers := rsaJWK(keysOf().other, set{"kid": "attackers-key"})
	none := encoded(t, set{"alg": "none"}) + "." + encoded(t, v.enclave()) + "."
	for name, tt := range map[string]struct {
		token   string
		nonce   string
		message string
		cause   string
	}{
		"another authority":                {token: foreign.token(t), message: unverified, cause: "issuer"},
		"a stranger's key":                 {token: stranger.token(t), message: unverified, cause: ""},
		"a draft":                          {token: none, message: unverified, cause: "alg"},
		"expired":                          {token: v.token(t, set{"exp": now.Add(-time.Hour).Unix()}), message: unverified, cause: "exp"},
		"not yet valid":                    {token: v.token(t, set{"nbf": now.Add(time.Hour).Unix()}), message: unverified, cause: "nbf"},
		"a debug enclave":                  {token: v.token(t, set{"x-ms-sgx-is-debuggable": true}), message: unverified, cause: "debug"},
		"simulated evidence":               {token: v.token(t, set{"x-azattest-simulated": true}), message: unverified, cause: "simulated"},
		"another type":                     {token: v.token(t, set{"x-ms-attestation-type": "tdxvm"}), message: unverified, cause: "tdxvm"},
		"another enclave":                  {token: v.token(t, set{"x-ms-sgx-mrenclave": strings.Repeat("00", 32)}), message: unmet, cause: "x-ms-sgx-mrenclave"},
		"no measurement":                   {token: v.token(t, set{"x-ms-sgx-mrenclave": nil}), message: unmet, cause: "x-ms-sgx-mrenclave"},
		"no key":                           {token: v.token(t, set{"x-ms-runtime": nil}), message: unverified, cause: "x-ms-runtime"},
		"no key that encrypts":             {token: v.token(t, testtoken.Holding(rsaJWK(keysOf().rsa, set{"key_ops": []string{"verify"}}))), message: unverified, cause: "none of the 1 keys"},
		"no key ID":                        {token: v.token(t, testtoken.Holding(rsaJWK(keysOf().rsa, set{"kid": nil}))), message: unverified, cause: "none of the 1 keys"},
		"a weak key":                       {token: v.token(t, testtoken.Holding(rsaJWK(keysOf().weak))), message: unverified, cause: "1024"},
		"a weak key beside a good one":     {token: v.token(t, testtoken.Holding(rsaJWK(keysOf().rsa), rsaJWK(keysOf().weak))), message: unverified, cause: "1024"},
		"a private key":                    {token: v.token(t, testtoken.Holding(rsaJWK(keysOf().rsa, set{"d": "AQAB"}))), message: unverified, cause: "private"},
		"the attacker's key in the token":  {token: v.token(t, set{"x-ms-runtime": nil, "keys": []set{attackers}, "x-ms-inittime": set{"keys": []set{attackers}}, "x-ms-policy": testtoken.Holding(attackers)}), message: unverified, cause: "x-ms-runtime"},
		"the attacker's key in the header": {token: v.Sign(t, v.Header().With(set{"jwk": attackers}), v.enclave(set{"x-ms-runtime": nil}).JSON(t)), message: unverified, cause: "x-ms-runtime"},
		"the attacker's key as held data":  {token: v.token(t, set{"x-ms-runtime": nil, "x-ms-sgx-ehd": encoded(t, attackers)}), message: unverified, cause: "x-ms-runtime"},
		"a token for another request":      {token: v.token(t, set{"nonce": "one"}), nonce: "another", message: unverified, cause: "another request"},
		"claims that are read in two ways": {token: v.token(t, set{"x-ms-runtime": set{"keys": []set{rsaJWK(keysOf().rsa)}, "client": "\ufffd"}}), message: unverified, cause: "U+FFFD"},
		"no token":                         {token: "hello", message: unverified, cause: ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := *v
			v.decisions, v.released = nil, nil
			v.config.Keys = &v
			v.config.Record = func(_ context.Context, d *keyrelease.Decision) error {
				v.decisions = append(v.decisions, *d)
				return nil
			}
			response, err := v.releaser(t).Release(t.Context(), "payroll", "", "7.4", keyrelease.Request{Target: tt.token, Nonce: tt.nonce})
			e, ok := errors.AsType[*keyrelease.RefusalError](err)
			if !ok || response != "" || e.Status != http.StatusForbidden || e.Code != "Forbidden" || e.InnerCode != "AccessDenied" || e.Message != tt.message {
				t.Fatalf("got %q, %v, want %q", response, err, tt.message)
			}
			if e.Err == nil || !strings.Contains(e.Err.Error(), tt.cause) {
				t.Errorf("cause %v, want %q", e.Err, tt.cause)
			}
			// The trail has room for the beginning.
			if tt.message == unmet && !strings.HasPrefix(e.Err.Error(), "the policy is not met: 1:") {
				t.Errorf("what was not met comes late: %v", e.Err)
			}
			if tt.cause != "" && strings.Contains(string(e.JSON()), tt.cause) {
				t.Errorf("who asks is told the cause: %s", e.JSON())
			}
			if len(v.decisions) != 1 || v.decisions[0].Err == nil || v.decisions[0].Name != "payroll" {
				t.Errorf("decisions %+v", v.decisions)
			}
			for _, handed := range v.released {
				if len(bytes.Trim(handed, "\x00")) > 0 {
					t.Error("the key is still in memory")
				}
			}
		})
	}
}

// What was not decided because the request ended is nobody's fault but who ended it.
func TestReleaseEndsWithItsRequest(t *testing.T) {
	t.Parallel()
	gone, leave := context.WithCancel(t.Context())
	leave()
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for name, tt := range map[string]struct {
		ctx    context.Context
		key    string
		status int
		code   string
	}{
		"gone":              {gone, "payroll", 499, "ClientClosedRequest"},
		"late":              {late, "payroll", http.StatusGatewayTimeout, "GatewayTimeout"},
		"waited for":        {t.Context(), "payroll", http.StatusServiceUnavailable, "ServiceUnavailable"},
		"gone, but decided": {gone, "../payroll", http.StatusNotFound, "KeyNotFound"},
	} {
		v := newVault(t)
		v.err = errors.New("the store gave up")
		_, err := v.releaser(t).Release(tt.ctx, tt.key, "", "7.4", keyrelease.Request{Target: v.token(t)})
		if e, ok := errors.AsType[*keyrelease.RefusalError](err); !ok || e.Status != tt.status || e.Code != tt.code || (tt.status > 500) != (e.RetryAfter > 0) {
			t.Errorf("%s: %#v, want %d %s", name, err, tt.status, tt.code)
		}
		if d := v.decisions; len(d) != 1 || d[0].Err != err { //nolint:errorlint // The very same.
			t.Errorf("%s: decisions %+v", name, d)
		}
	}
}

func TestReleaseRefusesKeys(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	good := v.token(t)
	disk := errors.New("disk on fire")
	for name, tt := range map[string]struct {
		change      func(*vault)
		key         string
		version     string
		request     keyrelease.Request
		status      int
		code, inner string
	}{
		"no such key":         {key: "other", status: 404, code: "KeyNotFound"},
		"no such version":     {version: strings.Repeat("0", 32), status: 404, code: "KeyNotFound"},
		"a name that is none": {key: "../payroll", status: 404, code: "KeyNotFound"},
		"disabled":            {change: func(v *vault) { v.key.Attributes.Enabled = false }, status: 403, code: "Forbidden", inner: "KeyDisabled"},
		"not yet valid":       {change: func(v *vault) { v.key.Attributes.NotBefore = now.Add(time.Second) }, status: 403, code: "Forbidden", inner: "KeyNotYetValid"},
		"expired":             {change: func(v *vault) { v.key.Attributes.Expires = now }, status: 403, code: "Forbidden", inner: "KeyExpired"},
		"not exportable":      {change: func(v *vault) { v.key.Attributes.Exportable = false }, status: 403, code: "Forbidden", inner: "KeyOperationForbidden"},
		"no policy":           {change: func(v *vault) { v.key.Policy = nil }, status: 403, code: "Forbidden", inner: "KeyOperationForbidden"},
		"no target":           {request: keyrelease.Request{Algorithm: keyrelease.RSAAESKeyWrap256}, status: 400, code: "BadParameter"},
		"no algorithm":        {request: keyrelease.Request{Target: good, Algorithm: "RSA1_5"}, status: 400, code: "BadParameter"},
		"no store":            {change: func(v *vault) { v.err = disk }, status: 503, code: "ServiceUnavailable"},
		"refused by the store": {change: func(v *vault) {
			v.err = fmt.Errorf("vault: %w", &keyrelease.RefusalError{Status: 500, Code: "InternalServerError", Message: "It is broken.", Err: disk})
		}, status: 500, code: "InternalServerError"},
		"no signer": {change: func(v *vault) {
			v.config.Signer = func(context.Context) (*keyrelease.Signer, error) { return nil, disk }
		}, status: 503, code: "ServiceUnavailable"},
		"no trail": {change: func(v *vault) {
			v.config.Record = func(context.Context, *keyrelease.Decision) error { return disk }
		}, status: 503, code: "ServiceUnavailable"},
		"no nonce where one is required": {change: func(v *vault) { v.config.RequireNonce = true }, status: 403, code: "Forbidden", inner: "AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := *v
			v.config.Keys = &v
			v.config.Record = nil
			if tt.change != nil {
				tt.change(&v)
			}
			if tt.key == "" {
				tt.key = "payroll"
			}
			if tt.request == (keyrelease.Request{}) {
				tt.request.Target = good
			}
			response, err := v.releaser(t).Release(t.Context(), tt.key, tt.version, "7.4", tt.request)
			e, ok := errors.AsType[*keyrelease.RefusalError](err)
			if !ok || response != "" || e.Status != tt.status || e.Code != tt.code || e.InnerCode != tt.inner {
				t.Fatalf("got %q, %#v", response, err)
			}
			if strings.Contains(string(e.JSON()), disk.Error()) || (tt.status == 503) != (e.RetryAfter > 0) {
				t.Errorf("who asks is told %s, retry after %d", e.JSON(), e.RetryAfter)
			}
		})
	}
}

// A token that has a nonce passes with that of the request alone; one without passes,
// unless the vault wants one.
func TestNonces(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.config.Record = nil
	for _, tt := range []struct {
		ofToken, ofRequest string
		required, refused  bool
	}{
		{"", "", false, false},
		{"one", "", false, true},
		{"", "one", false, false},
		{"one", "one", false, false},
		{"one", "two", false, true},
		{"one", "one", true, false},
		{"one", "two", true, true},
		{"one", "", true, true},
		{"", "one", true, true},
	} {
		c := v.config
		v := *v
		v.config = c
		v.config.Keys, v.config.RequireNonce = &v, tt.required
		changes := set{"nonce": nil}
		if tt.ofToken != "" {
			changes["nonce"] = tt.ofToken
		}
		_, err := v.releaser(t).Release(t.Context(), "payroll", "", "", keyrelease.Request{Target: v.token(t, changes), Nonce: tt.ofRequest})
		if (err != nil) != tt.refused {
			t.Errorf("token %q, request %q, required %t: %v", tt.ofToken, tt.ofRequest, tt.required, err)
		}
	}
}

// Keys that are out of reach refuse nobody for good.
func TestUndecidedTokens(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.require.SigningCertificate = func(context.Context, *azattestation.SigningCertificate) error { return errors.New("no collateral") }
	_, err := v.releaser(t).Release(t.Context(), "payroll", "", "", keyrelease.Request{Target: v.token(t)})
	if e, ok := errors.AsType[*keyrelease.RefusalError](err); !ok || e.Status != http.StatusServiceUnavailable || e.RetryAfter == 0 {
		t.Errorf("got %v", err)
	}
}

func TestNewReleaserRefuses(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.releaser(t)
	for field, change := range map[string]func(*keyrelease.Config){
		"Verifier": func(*keyrelease.Config) {},
		"Keys":     func(c *keyrelease.Config) { c.Keys = nil },
		"Signer":   func(c *keyrelease.Config) { c.Signer = nil },
		"Vault":    func(c *keyrelease.Config) { c.Vault = "http://vault.example" },
		"HeldData": func(c *keyrelease.Config) { c.HeldData = []keyrelease.HeldForm{"jwks"} },
	} {
		c := v.config
		if field != "Verifier" {
			c.Verifier = mustVerifier(t, v.require)
		}
		change(&c)
		_, err := keyrelease.NewReleaser(c)
		if e, ok := errors.AsType[*keyrelease.ConfigError](err); !ok || e.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
}
