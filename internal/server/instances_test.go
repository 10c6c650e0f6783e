package server_test

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/policy"
)

// several makes a server of four instances: two hosts, and two paths on a third.
func several(t *testing.T, owner *identity) (*fixture, http.Handler) {
	t.Helper()
	f := newFixture(t)
	f.settings.Mode, f.certificates = instance.Isolated, []*x509.Certificate{owner.certificate}
	for name, url := range map[string]string{
		"fabrikam": "https://fabrikam.example", "a": "https://laptop.example:8443/a", "ab": "https://laptop.example:8443/ab",
	} {
		f.others = append(f.others, instance.Settings{Name: name, URL: url, Mode: instance.AAD, Algorithm: "ES256"})
	}
	return f, f.server(t)
}

func TestInstancesKeepToThemselves(t *testing.T) {
	t.Parallel()
	owner := newIdentity(t, "owner")
	_, s := several(t, owner)
	name, value := bearer(t, auth.Contributor)
	urls := map[string]string{
		contoso: "contoso", "https://fabrikam.example": "fabrikam", "https://laptop.example:8443/a": "a", "https://laptop.example:8443/ab": "ab",
	}
	for url, number := range urls {
		jws := unsigned(numbered(number))
		if url == contoso {
			jws = owner.sign(t, policyPayload(numbered(number)))
		}
		_, claims := tokenOf(t, do(t, s, http.MethodPut, url+"/policies/SgxEnclave?api-version=2025-06-01", jws, name, value))
		if claims["iss"] != url {
			t.Errorf("%s answers for %s", claims["iss"], url)
		}
	}
	for url, number := range urls {
		header, claims := tokenOf(t, do(t, s, http.MethodPost, url+sgxPath, body))
		if claims["iss"] != url || header["jku"] != url+"/certs" || claims["number"] != number || claims["x-ms-policy-hash"] != policy.Hash(numbered(number)) {
			t.Errorf("%s: header %v, claims %v", url, header, claims)
		}
		_, claims = tokenOf(t, do(t, s, http.MethodGet, url+"/certificates?api-version=2025-06-01", "", name, value))
		keys, _ := claims["x-ms-policy-certificates"].(map[string]any)["keys"].([]any)
		if (len(keys) == 1) != (url == contoso) || claims["iss"] != url {
			t.Errorf("%s lists %d certificates as %v", url, len(keys), claims["iss"])
		}
		for _, document := range []string{"/.well-known/openid-configuration", "/certs"} {
			w := do(t, s, http.MethodGet, url+document, "")
			for other := range urls {
				if other != url && strings.Contains(w.Body.String(), `"`+other+`"`) {
					t.Errorf("%s%s names %s", url, document, other)
				}
			}
			if w.Code != http.StatusOK {
				t.Errorf("%s%s: status %d", url, document, w.Code)
			}
		}
	}
	// A reset is one instance's alone.
	tokenOf(t, do(t, s, http.MethodPost, "https://laptop.example:8443/a/policies/SgxEnclave:reset?api-version=2025-06-01", emptyJWS, name, value))
	if _, claims := tokenOf(t, do(t, s, http.MethodPost, "https://laptop.example:8443/ab"+sgxPath, body)); claims["number"] != "ab" {
		t.Errorf("the neighbor's policy was reset: %v", claims)
	}
}

func TestHostsThatAreNobodys(t *testing.T) {
	t.Parallel()
	f, s := several(t, newIdentity(t, "owner"))
	name, value := bearer(t, auth.Contributor)
	for _, target := range []string{
		"https://evil.example/certs", "https://contoso.example.evil.example/certs", "https://laptop.example:8443/certs",
		"https://laptop.example/a/certs", "https://laptop.example:8443/abc/certs", "https://laptop.example:8443/a", "https://xcontoso.example/policies/SgxEnclave?api-version=2025-06-01",
	} {
		w := do(t, s, http.MethodGet, target, "", name, value)
		wantRefusal(t, w, http.StatusNotFound, "NotFound")
		for _, known := range []string{"contoso.example/", "fabrikam", "laptop.example:8443/a/", `"ab"`} {
			if strings.Contains(w.Body.String(), known) && !strings.Contains(target, strings.Trim(known, "/")) {
				t.Errorf("%s is told of %s: %s", target, known, w.Body)
			}
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if w := do(t, s, http.MethodGet, "https://evil.example"+path, ""); w.Code != http.StatusOK {
			t.Errorf("%s on any host: status %d", path, w.Code)
		}
	}
	// What is deleted is nobody's at once.
	if err := f.instances.Delete(t.Context(), "fabrikam"); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, do(t, s, http.MethodGet, "https://fabrikam.example/certs", ""), http.StatusNotFound, "NotFound")
	// A host with a port that is not the usual one is the same host.
	if w := do(t, s, http.MethodGet, "https://contoso.example:8443/certs", ""); w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
}

func TestABearerIsForTheInstancesOfItsBinding(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.others = []instance.Settings{{Name: "fabrikam", URL: "https://fabrikam.example", Mode: instance.AAD, Algorithm: "ES256"}}
	f.config.Auth = authenticator(t,
		auth.Binding{Role: auth.Contributor, Instances: []string{"fabrikam"}}, auth.Binding{Role: auth.Reader})
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	const path = "/policies/SgxEnclave?api-version=2025-06-01"
	tokenOf(t, do(t, s, http.MethodPut, "https://fabrikam.example"+path, unsigned(numbered("1")), name, value))
	wantRefusal(t, do(t, s, http.MethodPut, contoso+path, unsigned(numbered("1")), name, value), http.StatusUnauthorized, "Unauthorized")
	_, reader := bearer(t, auth.Reader)
	tokenOf(t, do(t, s, http.MethodGet, contoso+path, "", name, reader))
}

func TestAttestationAsksForTheRoleWhereTheSettingsSaySo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings.AttestationNeedsReader = true
	s := f.server(t)
	for _, role := range []auth.Role{auth.Reader, auth.Contributor} {
		name, value := bearer(t, role)
		tokenOf(t, do(t, s, http.MethodPost, sgxPath, body, name, value))
	}
	for _, header := range [][]string{nil, {"Authorization", "Bearer x"}} {
		w := do(t, s, http.MethodPost, sgxPath, body, header...)
		wantRefusal(t, w, http.StatusUnauthorized, "Unauthorized")
		if w.Header().Get("WWW-Authenticate") == "" {
			t.Error("no challenge")
		}
	}
	// Keys and metadata are for everybody.
	if w := do(t, s, http.MethodGet, "/certs", ""); w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
	// Where nobody is asked, not even a bad credential is looked at.
	tokenOf(t, do(t, newFixture(t).server(t), http.MethodPost, sgxPath, body, "Authorization", "Bearer x"))
}

func TestTypesThatAreNotAttestedYet(t *testing.T) {
	t.Parallel()
	s := newFixture(t).server(t)
	name, value := bearer(t, auth.Contributor)
	_, reader := bearer(t, auth.Reader)
	const tpm = "/attest/Tpm?api-version=2020-10-01"
	wantRefusal(t, do(t, s, http.MethodPost, tpm, `{"data":"e30"}`), http.StatusUnauthorized, "Unauthorized")
	w := do(t, s, http.MethodPost, tpm, `{"data":"e30"}`, name, reader)
	wantRefusal(t, w, http.StatusBadRequest, "Bad request") // so it was recorded
	if !strings.Contains(w.Body.String(), "A VBS attestation policy has not been set on the attestation provider.") {
		t.Errorf("%s, want the recorded words", w.Body)
	}
	tokenOf(t, do(t, s, http.MethodPut, "/policies/Tpm?api-version=2020-10-01", unsigned(numbered("1")), name, value))
	for path, header := range map[string]string{
		tpm: reader, "/attest/SevSnpVm?api-version=2022-08-01": "", "/attest/TdxVm?api-version=2025-06-01": "", "/attest/AzureGuest?api-version=2020-10-01": "",
	} {
		w := do(t, s, http.MethodPost, path, `{}`, name, header)
		wantRefusal(t, w, http.StatusBadRequest, "InvalidOperation")
		if !strings.Contains(w.Body.String(), "not enabled on this instance") {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
	f := newFixture(t)
	f.settings.Types = []attest.Type{attest.OpenEnclave}
	w = do(t, f.server(t), http.MethodPost, sgxPath, body)
	wantRefusal(t, w, http.StatusBadRequest, "InvalidOperation")
}

// Every token states the hash of a policy that was in force, and none of one that
// was replaced before the request began.
func TestTokensBesidePolicyChanges(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	const path = "/policies/SgxEnclave?api-version=2025-06-01"
	tokenOf(t, do(t, s, http.MethodPut, path, unsigned(numbered("0")), name, value))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[any]bool{}
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				w := do(t, s, http.MethodPost, sgxPath, body)
				if w.Code != http.StatusOK {
					t.Errorf("status %d: %s", w.Code, w.Body)
					return
				}
				_, claims := tokenOf(t, w)
				mu.Lock()
				seen[claims["x-ms-policy-hash"]] = true
				mu.Unlock()
			}
		})
	}
	const changes = 25
	for n := range changes {
		text := numbered(fmt.Sprint(n))
		tokenOf(t, do(t, s, http.MethodPut, path, unsigned(text), name, value))
		if _, claims := tokenOf(t, do(t, s, http.MethodPost, sgxPath, body)); claims["x-ms-policy-hash"] != policy.Hash(text) {
			t.Errorf("judged by another policy after change %d was acknowledged", n)
		}
	}
	close(stop)
	wg.Wait()
	for n := range changes {
		delete(seen, policy.Hash(numbered(fmt.Sprint(n))))
	}
	if len(seen) > 0 {
		t.Errorf("tokens of policies that never were in force: %v", seen)
	}
}

func TestTokensSayWhoSignedThePolicy(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	anybody := newIdentity(t, "anybody")
	name, value := bearer(t, auth.Contributor)
	const path = "/policies/SgxEnclave"
	const version = "?api-version=2025-06-01"
	want := map[string]any{"alg": "ES256", "kty": "EC", "use": "sig", "x5c": []any{anybody.x5c()}}
	for n, test := range []struct {
		method, path, jws string
		isSigned          bool
	}{
		{http.MethodPut, path, anybody.sign(t, policyPayload(numbered("1"))), true},
		{http.MethodPut, path, unsigned(numbered("2")), false},
		{http.MethodPut, path, anybody.sign(t, policyPayload(numbered("3"))), true},
		{http.MethodPost, path + ":reset", anybody.sign(t, ""), false},
	} {
		tokenOf(t, do(t, s, test.method, test.path+version, test.jws, name, value))
		_, claims := tokenOf(t, do(t, s, http.MethodPost, sgxPath, body))
		signer, ok := claims["x-ms-policy-signer"]
		if ok != test.isSigned || ok && !cmp.Equal(want, signer) {
			t.Errorf("change %d: signer %v", n, signer)
		}
		draft := `{"quote":"cXVvdGU","draftPolicyForAttestation":"version= 1.0;authorizationrules{=>permit();};issuancerules{};"}`
		if _, claims := tokenOf(t, do(t, s, http.MethodPost, sgxPath, draft)); claims["x-ms-policy-signer"] != nil {
			t.Errorf("change %d: a draft is signed by %v", n, claims["x-ms-policy-signer"])
		}
		// The policy of one type says nothing of another's.
		if _, claims := tokenOf(t, do(t, s, http.MethodPost, oePath, `{"report":"cXVvdGU"}`)); claims["x-ms-policy-signer"] != nil {
			t.Errorf("change %d: OpenEnclave's policy is signed by %v", n, claims["x-ms-policy-signer"])
		}
	}
}
