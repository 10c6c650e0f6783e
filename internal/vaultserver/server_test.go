package vaultserver_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/testtoken"
	"github.com/azattest/azattest/internal/throttle"
	"github.com/azattest/azattest/internal/vaultserver"
	"github.com/azattest/azattest/keyrelease"
)

func TestAKeyIsMadeAndReleased(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	made := answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/Payroll/create"+apiVersion, exportable()))
	kid, _ := member(made, "key", "kid").(string)
	if !strings.HasPrefix(kid, vaultURL+"/keys/Payroll/") || member(made, "key", "kty") != "EC-HSM" || member(made, "key", "crv") != "P-256" || member(made, "attributes", "exportable") != true {
		t.Errorf("made %v", made)
	}
	for _, path := range []string{"/keys/payroll/release", "/keys/payroll//release", strings.TrimPrefix(kid, vaultURL) + "/release"} {
		got := answer(t, f.do(t, s, auth.KeyReleaseUser, http.MethodPost, path+apiVersion, set{"target": f.token(t), "nonce": "n", "enc": "RSA_AES_KEY_WRAP_256"}))
		value, _ := got["value"].(string)
		p, err := keyrelease.ParsePolicy([]byte(policy(1)))
		if err != nil {
			t.Fatal(err)
		}
		e := keyrelease.Expected{Vault: vaultURL, Roots: f.roots, Name: "payroll", Nonce: "n", Algorithm: keyrelease.RSAAESKeyWrap256, Policies: []*keyrelease.Policy{p}, Now: at}
		if strings.HasPrefix(path, "/keys/Payroll/") {
			e.Version = kid[strings.LastIndex(kid, "/")+1:]
		}
		r, err := keyrelease.VerifyResponse(value, e)
		if err != nil {
			t.Fatal(err)
		}
		material, err := r.Unwrap(testtoken.EnclaveKey())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x509.ParsePKCS8PrivateKey(material); err != nil {
			t.Error(err)
		}
		if strings.Contains(f.logged.String(), b64(material)[:40]) {
			t.Error("the key stands in the log")
		}
	}
	wantRefusal(t, f.do(t, s, auth.KeyReleaseUser, http.MethodPost, "/keys/payroll/release"+apiVersion, set{"target": f.token(t, set{"x-ms-sgx-product-id": 2})}),
		http.StatusForbidden, "Forbidden", "does not meet key release policy requirements")
	if log := f.logged.String(); !strings.Contains(log, "x-ms-sgx-product-id") || !strings.Contains(log, `"token_id":"the-token"`) {
		t.Errorf("the log does not say why: %s", log)
	}
}

// Who looks after keys does not have them released, and the other way round.
func TestRoles(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/key/create"+apiVersion, exportable()))
	requests := []struct {
		method, path string
		body         any
		roles        []auth.Role
	}{
		{http.MethodGet, "/keys", nil, []auth.Role{auth.KeyReader, auth.KeyOfficer}},
		{http.MethodGet, "/keys/key", nil, []auth.Role{auth.KeyReader, auth.KeyOfficer}},
		{http.MethodGet, "/keys/key/versions", nil, []auth.Role{auth.KeyReader, auth.KeyOfficer}},
		{http.MethodPatch, "/keys/key", set{"tags": set{"a": "b"}}, []auth.Role{auth.KeyOfficer}},
		{http.MethodPost, "/keys/key/rotate", nil, []auth.Role{auth.KeyOfficer}},
		{http.MethodPost, "/keys/key/create", exportable(), []auth.Role{auth.KeyOfficer}},
		{http.MethodPost, "/keys/key/release", set{"target": f.token(t)}, []auth.Role{auth.KeyReleaseUser}},
	}
	for _, r := range requests {
		for _, role := range []auth.Role{"", auth.KeyReader, auth.KeyOfficer, auth.KeyReleaseUser} {
			w := f.do(t, s, role, r.method, r.path+apiVersion, r.body)
			may := false
			for _, allowed := range r.roles {
				may = may || role == allowed
			}
			switch {
			case may:
				answer(t, w)
			case role == "":
				wantRefusal(t, w, http.StatusUnauthorized, "Unauthorized", "AKV10000")
				if got := w.Header().Get("WWW-Authenticate"); !strings.Contains(got, `resource="https://vault.azure.net"`) || !strings.Contains(got, "authorization=") {
					t.Errorf("WWW-Authenticate: %s", got)
				}
			default:
				wantRefusal(t, w, http.StatusForbidden, "Forbidden", "ForbiddenByRbac")
			}
		}
	}
	// Roles of the attestation service are none here.
	for _, role := range []auth.Role{auth.Reader, auth.Contributor} {
		wantRefusal(t, f.do(t, s, role, http.MethodGet, "/keys/key"+apiVersion, nil), http.StatusUnauthorized, "Unauthorized", "AKV10022")
	}
}

func TestRolesForSomeKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	bindings := f.issuer.VaultBindings()
	for i := range bindings {
		bindings[i].Instances = []string{"mine"}
	}
	callers := must[*auth.Authenticator](t)(auth.New(auth.Config{Issuers: []auth.Issuer{f.issuer.VaultIssuer()}, Bindings: bindings, Clock: f.config.Clock}))
	t.Cleanup(func() { _ = callers.Close() })
	f.config.Auth = callers
	s := f.server(t)
	answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/Mine/create"+apiVersion, exportable()))
	wantRefusal(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/yours/create"+apiVersion, exportable()), http.StatusForbidden, "Forbidden", "ForbiddenByRbac")
	wantRefusal(t, f.do(t, s, auth.KeyOfficer, http.MethodGet, "/keys"+apiVersion, nil), http.StatusForbidden, "Forbidden", "ForbiddenByRbac")
	answer(t, f.do(t, s, auth.KeyReleaseUser, http.MethodPost, "/keys/MINE/release"+apiVersion, set{"target": f.token(t)}))
}

func TestImport(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	k := testtoken.EnclaveKey()
	jwk := func(changes set) set {
		all := set{
			"kty": "RSA-HSM", "key_ops": []string{"decrypt"}, "n": b64(k.N.Bytes()), "e": "AQAB", "d": b64(k.D.Bytes()), "p": b64(k.Primes[0].Bytes()), "q": b64(k.Primes[1].Bytes()),
			"dp": b64(k.Precomputed.Dp.Bytes()), "dq": b64(k.Precomputed.Dq.Bytes()), "qi": b64(k.Precomputed.Qinv.Bytes()),
		}
		for name, value := range changes {
			all[name] = value
			if value == nil {
				delete(all, name)
			}
		}
		return all
	}
	imported := func(key any) set {
		return set{"key": key, "Hsm": true, "attributes": set{"exportable": true}, "release_policy": releasePolicy(1)}
	}
	got := answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPut, "/keys/rsa"+apiVersion, imported(jwk(nil))))
	if member(got, "key", "n") != b64(k.N.Bytes()) || member(got, "key", "kty") != "RSA-HSM" || strings.Contains(fmt.Sprint(got), b64(k.D.Bytes())) {
		t.Errorf("imported %v", got)
	}
	// Clients say of a key of software that it goes into hardware, or nothing.
	for hardware, want := range map[any]string{true: "RSA-HSM", false: "RSA", nil: "RSA"} {
		body := imported(jwk(set{"kty": "RSA"}))
		body["Hsm"] = hardware
		got = answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPut, "/keys/rsa"+apiVersion, body))
		if member(got, "key", "kty") != want {
			t.Errorf("imported with Hsm %v: %v", hardware, got)
		}
	}
	answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPut, "/keys/oct"+apiVersion, imported(set{"kty": "oct-HSM", "k": b64([]byte(strings.Repeat("secret! ", 4)))})))
	for name, tt := range map[string]struct {
		body set
		says string
	}{
		"no key":        {set{"attributes": set{"exportable": true}}, "key is missing"},
		"null":          {imported(nil), "private half"},
		"a public key":  {imported(jwk(set{"d": nil})), "with its private half"},
		"another prime": {imported(jwk(set{"p": b64([]byte{5})})), "private half"},
		"no such type":  {imported(jwk(set{"kty": "DSA"})), "private half"},
		"a short key":   {imported(set{"kty": "oct", "k": "c2VjcmV0"}), ""},
		"no policy":     {set{"key": jwk(nil), "attributes": set{"exportable": true}}, "AKV.SKR.1004"},
	} {
		w := f.do(t, s, auth.KeyOfficer, http.MethodPut, "/keys/"+strings.ReplaceAll(name, " ", "-")+apiVersion, tt.body)
		wantRefusal(t, w, http.StatusBadRequest, "BadParameter", tt.says)
	}
	if log := f.logged.String(); strings.Contains(log, b64(k.D.Bytes())[:40]) || strings.Contains(log, "c2VjcmV0") {
		t.Error("a secret stands in the log")
	}
}

func TestManagement(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	officer := func(method, path string, body any) set {
		t.Helper()
		return answer(t, f.do(t, s, auth.KeyOfficer, method, path, body))
	}
	for n := range 3 {
		officer(http.MethodPost, fmt.Sprintf("/keys/key-%d/create%s", n, apiVersion), exportable(set{"tags": set{"n": fmt.Sprint(n)}}))
	}
	first, _ := member(officer(http.MethodGet, "/keys/key-0"+apiVersion, nil), "key", "kid").(string)
	if second := member(officer(http.MethodPost, "/keys/key-0/rotate"+apiVersion, nil), "key", "kid"); second == first {
		t.Error("nothing was rotated")
	}
	if got := member(officer(http.MethodGet, strings.TrimPrefix(first, vaultURL)+apiVersion, nil), "key", "kid"); got != first {
		t.Errorf("the first version is %v", got)
	}
	updated := officer(http.MethodPatch, strings.TrimPrefix(first, vaultURL)+apiVersion, set{"attributes": set{"enabled": false, "exp": at.Add(time.Hour).Unix()}, "release_policy": releasePolicy(2)})
	if member(updated, "attributes", "enabled") != false || member(updated, "attributes", "exp") != float64(at.Add(time.Hour).Unix()) || member(updated, "release_policy", "data") != b64([]byte(policy(2))) {
		t.Errorf("updated %v", updated)
	}
	wantRefusal(t, f.do(t, s, auth.KeyReleaseUser, http.MethodPost, strings.TrimPrefix(first, vaultURL)+"/release"+apiVersion, set{"target": f.token(t)}), http.StatusForbidden, "Forbidden", "KeyDisabled")
	// Pages, as the SDKs walk them.
	for path, want := range map[string]int{"/keys": 3, "/keys/key-0/versions": 2} {
		var found []any
		for next := vaultURL + path + apiVersion + "&maxresults=1"; next != ""; {
			page := officer(http.MethodGet, strings.TrimPrefix(next, vaultURL), nil)
			list, _ := page["value"].([]any)
			found = append(found, list...)
			next, _ = page["nextLink"].(string)
		}
		if len(found) != want {
			t.Errorf("%s: %d entries, want %d: %v", path, len(found), want, found)
		}
	}
	officer(http.MethodDelete, "/keys/key-1"+apiVersion, nil)
	wantRefusal(t, f.do(t, s, auth.KeyReader, http.MethodGet, "/keys/key-1"+apiVersion, nil), http.StatusNotFound, "KeyNotFound", "(name/id) key-1 was not found")
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.Limits.BodyBytes = 4096
	s := f.server(t)
	answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/fixed/create"+apiVersion, exportable(set{"release_policy": set{"data": b64([]byte(policy(1))), "immutable": true}})))
	for name, tt := range map[string]struct {
		method, path string
		body         any
		status       int
		code, says   string
	}{
		"another path":          {http.MethodGet, "/secrets", nil, 404, "NotFound", ""},
		"a longer path":         {http.MethodGet, "/keys/a/b/c/d", nil, 404, "NotFound", ""},
		"a backup":              {http.MethodPost, "/keys/key/backup", nil, 404, "NotFound", "nothing here"},
		"an attestation":        {http.MethodGet, "/keys/key//attestation", nil, 404, "NotFound", "nothing here"},
		"a rotation policy":     {http.MethodGet, "/keys/key/rotationpolicy", nil, 404, "NotFound", "nothing here"},
		"another method":        {http.MethodDelete, "/keys", nil, 405, "MethodNotAllowed", "want GET"},
		"no version of the API": {http.MethodGet, "/keys/a", nil, 400, "BadParameter", "api-version"},
		"no body":               {http.MethodPost, "/keys/a/create" + apiVersion, nil, 415, "UnsupportedMediaType", ""},
		"an array":              {http.MethodPost, "/keys/a/create" + apiVersion, []string{}, 400, "BadParameter", "wrong type"},
		"a wrong type":          {http.MethodPost, "/keys/a/create" + apiVersion, set{"kty": 1}, 400, "BadParameter", "kty"},
		"too much":              {http.MethodPost, "/keys/a/create" + apiVersion, set{"kty": strings.Repeat("a", 5000)}, 413, "RequestEntityTooLarge", "4096"},
		"no type":               {http.MethodPost, "/keys/a/create" + apiVersion, exportable(set{"kty": nil}), 400, "BadParameter", ""},
		"an exponent":           {http.MethodPost, "/keys/a/create" + apiVersion, exportable(set{"public_exponent": 3}), 400, "BadParameter", "public_exponent"},
		"a name":                {http.MethodPost, "/keys/a_b/create" + apiVersion, exportable(), 400, "BadParameter", ""},
		"a broken policy":       {http.MethodPost, "/keys/a/create" + apiVersion, exportable(set{"release_policy": set{"data": b64([]byte("{}"))}}), 400, "BadParameter", "no anyOf"},
		"a policy in no base64": {http.MethodPost, "/keys/a/create" + apiVersion, exportable(set{"release_policy": set{"data": "*"}}), 400, "BadParameter", "base64url"},
		"an immutable policy":   {http.MethodPatch, "/keys/fixed" + apiVersion, set{"release_policy": releasePolicy(2)}, 400, "BadParameter", "AKV.SKR.1020"},
		"a long page":           {http.MethodGet, "/keys" + apiVersion + "&maxresults=26", nil, 400, "BadParameter", "maxresults"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, f.do(t, s, auth.KeyOfficer, tt.method, tt.path, tt.body), tt.status, tt.code, tt.says)
		})
	}
}

// Each release, change, and refusal of either to a caller with a name, is recorded.
func TestTrail(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/key/create"+apiVersion, exportable()))
	answer(t, f.do(t, s, auth.KeyReleaseUser, http.MethodPost, "/keys/key/release"+apiVersion, set{"target": f.token(t)}))
	f.do(t, s, auth.KeyReleaseUser, http.MethodPost, "/keys/key/release"+apiVersion, set{"target": f.token(t, set{"x-ms-sgx-product-id": 2})})
	f.do(t, s, auth.KeyReader, http.MethodDelete, "/keys/key"+apiVersion, nil)
	f.do(t, s, auth.KeyReader, http.MethodGet, "/keys/key"+apiVersion, nil)
	f.do(t, s, "", http.MethodPost, "/keys/key/release"+apiVersion, set{"target": f.token(t)})
	if err := f.config.Audit.Close(); err != nil {
		t.Fatal(err)
	}
	var records []set
	files := must[[]string](t)(filepath.Glob(filepath.Join(f.auditDir, "*")))
	for _, name := range files {
		for line := range strings.Lines(string(must[[]byte](t)(os.ReadFile(name)))) {
			var record set
			if json.Unmarshal([]byte(line), &record) == nil {
				records = append(records, record)
			}
		}
	}
	var got []string
	for _, r := range records {
		got = append(got, fmt.Sprint(r["operationName"], " ", r["resultType"], " ", r["resultSignature"]))
	}
	want := []string{"KeyCreate Succeeded 200", "KeyRelease Succeeded 200", "KeyRelease Failed 403", "KeyDelete Failed 403"}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Fatalf("recorded %v, want %v", got, want)
	}
	if text := fmt.Sprint(records[1]); !strings.Contains(text, "the-token") || !strings.Contains(text, authorityURL) || !strings.Contains(text, "enclave-key") || !strings.Contains(text, vaultURL+"/keys/key/") {
		t.Errorf("the release is recorded as %s", text)
	}
	if text := fmt.Sprint(records[2]); !strings.Contains(text, "the policy is not met: 1:") || strings.Contains(text, "\ufffd") {
		t.Errorf("the refusal is recorded as %s", text)
	}
	// What cannot be recorded is not done.
	wantRefusal(t, f.do(t, s, auth.KeyReleaseUser, http.MethodPost, "/keys/key/release"+apiVersion, set{"target": f.token(t)}), http.StatusServiceUnavailable, "ServiceUnavailable", "recorded")
	wantRefusal(t, f.do(t, s, auth.KeyOfficer, http.MethodDelete, "/keys/key"+apiVersion, nil), http.StatusServiceUnavailable, "ServiceUnavailable", "recorded")
	answer(t, f.do(t, s, auth.KeyReader, http.MethodGet, "/keys/key"+apiVersion, nil))
}

func TestLimits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.Limits.Caller = throttle.Limit{PerSecond: 0.001, Burst: 2}
	s := f.server(t)
	for range 2 {
		answer(t, f.do(t, s, auth.KeyReader, http.MethodGet, "/keys"+apiVersion, nil))
	}
	w := f.do(t, s, auth.KeyReader, http.MethodGet, "/keys"+apiVersion, nil)
	wantRefusal(t, w, http.StatusTooManyRequests, "Throttled", "")
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	for name, l := range map[string]vaultserver.Limits{
		"negative": {Concurrent: -1}, "rate": {Caller: throttle.Limit{PerSecond: -1}},
	} {
		f.config.Limits = l
		_, err := vaultserver.New(f.config)
		if _, ok := errors.AsType[*vaultserver.ConfigError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*vaultserver.Config){
		"Vault": func(c *vaultserver.Config) { c.Vault = nil },
		"Auth":  func(c *vaultserver.Config) { c.Auth = nil },
		"Log":   func(c *vaultserver.Config) { c.Log = nil },
	} {
		f := newFixture(t)
		change(&f.config)
		_, err := vaultserver.New(f.config)
		if e, ok := errors.AsType[*vaultserver.ConfigError](err); !ok || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	f := newFixture(t)
	f.config.Release.Verifier = nil
	if _, err := vaultserver.New(f.config); err == nil {
		t.Error("a vault that trusts nobody in particular")
	}
}
