package server_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/policy"
)

// call is one management call that succeeds where somebody may do it.
type call struct {
	method, path string
	query        string // behind the version
	versions     []string
	needs        auth.Role // the least that may
	// about is "policy" or "certificate" for changes.
	about string
	// payload is of the JWS to send, where one is sent.
	payload string
	isSent  bool
}

const versions = "2020-10-01 2022-08-01 2022-09-01-preview 2025-06-01"

func calls(added *identity) map[string]call {
	all, preview, baselines := strings.Fields(versions), []string{"2018-09-01-preview"}, []string{"2022-09-01-preview", "2025-06-01"}
	plain := `{"AttestationPolicy":"` + strings.ReplaceAll(numbered("preview"), `"`, `\"`) + `"}`
	return map[string]call{
		"get":       {method: "GET", path: "/policies/SgxEnclave", versions: all, needs: auth.Reader},
		"set":       {method: "PUT", path: "/policies/SgxEnclave", versions: all, needs: auth.Contributor, about: "policy", payload: policyPayload(numbered("1")), isSent: true},
		"reset":     {method: "POST", path: "/policies/SgxEnclave:reset", versions: all, needs: auth.Contributor, about: "policy", isSent: true},
		"list":      {method: "GET", path: "/certificates", versions: all, needs: auth.Reader},
		"add":       {method: "POST", path: "/certificates:add", versions: all, needs: auth.Contributor, about: "certificate", payload: certificatePayload(added), isSent: true},
		"remove":    {method: "POST", path: "/certificates:remove", versions: all, needs: auth.Contributor, about: "certificate", payload: certificatePayload(added), isSent: true},
		"baselines": {method: "GET", path: "/tcbbaselines/SgxEnclave", versions: baselines, needs: auth.Reader},

		"preview get":     {method: "GET", path: "/operations/policy/current", query: "&tee=SgxEnclave", versions: preview, needs: auth.Reader},
		"preview set":     {method: "PUT", path: "/operations/policy/current", query: "&tee=SgxEnclave", versions: preview, needs: auth.Contributor, about: "policy", payload: plain, isSent: true},
		"preview reset":   {method: "POST", path: "/operations/policy/current", query: "&tee=SgxEnclave", versions: preview, needs: auth.Contributor, about: "policy", isSent: true},
		"preview propose": {method: "POST", path: "/operations/policy/updatepolicy", query: "&tee=SgxEnclave", versions: preview, needs: auth.Reader, payload: plain, isSent: true},
		"preview list":    {method: "GET", path: "/operations/policy/certificates", versions: preview, needs: auth.Reader},
		"preview add":     {method: "PUT", path: "/operations/policy/certificates", versions: preview, needs: auth.Contributor, about: "certificate", payload: certificatePayload(added), isSent: true},
		"preview remove":  {method: "POST", path: "/operations/policy/certificates", versions: preview, needs: auth.Contributor, about: "certificate", payload: certificatePayload(added), isSent: true},
	}
}

// body is what the call sends on an instance whose owner signs.
func (c call) body(tb testing.TB, owner *identity) string {
	tb.Helper()
	if !c.isSent {
		return ""
	}
	return owner.sign(tb, c.payload)
}

// untouched is a body that nobody may read.
type untouched struct{ t *testing.T }

func (u untouched) Read([]byte) (int, error) {
	u.t.Helper()
	u.t.Error("the body is read before anybody knows whose it is")
	return 0, io.EOF
}

func TestWhoMayManageWhat(t *testing.T) {
	t.Parallel()
	owner, added := newIdentity(t, "owner"), newIdentity(t, "added")
	readerHeader, reader := bearer(t, auth.Reader)
	_, contributor := bearer(t, auth.Contributor)
	for _, mode := range instance.Modes() {
		for name, c := range calls(added) {
			t.Run(string(mode)+"/"+name, func(t *testing.T) {
				t.Parallel()
				f := newFixture(t)
				f.settings.Mode = mode
				if mode == instance.Isolated {
					f.certificates = []*x509.Certificate{owner.certificate}
				}
				s := f.server(t)
				f.config.Auth = authenticator(t,
					auth.Binding{Role: auth.Contributor, Instances: []string{"elsewhere"}},
					auth.Binding{Role: auth.Reader, Instances: []string{"elsewhere"}})
				f.records, f.others = nil, nil
				bound := f.server(t)
				for _, version := range c.versions {
					target := c.path + "?api-version=" + version + c.query
					for who, test := range map[string]struct {
						handler   http.Handler
						header    []string
						isAllowed bool
					}{
						"anonymous":                     {s, nil, false},
						"made up":                       {s, []string{readerHeader, "Bearer e30.e30.AAAA"}, false},
						"another scheme":                {s, []string{readerHeader, "Basic YTpi"}, false},
						"reader":                        {s, []string{readerHeader, reader}, c.needs == auth.Reader},
						"contributor":                   {s, []string{readerHeader, contributor}, true},
						"contributor of another":        {bound, []string{readerHeader, contributor}, false},
						"reader of another":             {bound, []string{readerHeader, reader}, false},
						"contributor, signature cut":    {s, []string{readerHeader, contributor[:len(contributor)-4]}, false},
						"contributor, two of a kind":    {s, []string{readerHeader, contributor + ", " + contributor}, false},
						"contributor, in another field": {s, []string{"X-Authorization", contributor}, false},
					} {
						if !test.isAllowed {
							r := httptest.NewRequestWithContext(t.Context(), c.method, target, untouched{t})
							for i := 0; i < len(test.header); i += 2 {
								r.Header.Set(test.header[i], test.header[i+1])
							}
							w := httptest.NewRecorder()
							test.handler.ServeHTTP(w, r)
							wantRefusal(t, w, http.StatusUnauthorized, "Unauthorized")
							if got := w.Header().Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer") {
								t.Errorf("%s: WWW-Authenticate %q, want where to get a token", who, got)
							}
							continue
						}
						w := do(t, test.handler, c.method, target, c.body(t, owner), test.header...)
						isRefused := c.about != "" && mode == instance.Shared || c.about == "certificate" && mode != instance.Isolated
						if isRefused {
							wantRefusal(t, w, http.StatusBadRequest, "InvalidOperation")
						} else if w.Code != http.StatusOK {
							t.Errorf("%s, %s: status %d: %s", who, version, w.Code, w.Body)
						}
						if w.Header().Get("Cache-Control") != "no-store" {
							t.Errorf("%s: Cache-Control %q", who, w.Header().Get("Cache-Control"))
						}
					}
				}
			})
		}
	}
}

func TestUnknownVersionsOfEachRouteListTheKnownOnes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	for what, c := range calls(newIdentity(t, "added")) {
		for _, version := range append(strings.Fields(versions), "2018-09-01-preview", "2023-04-01-preview", "", "2020-10-01%00") {
			isSpoken := false
			for _, v := range c.versions {
				isSpoken = isSpoken || v == version
			}
			if isSpoken {
				continue
			}
			w := do(t, s, c.method, c.path+"?api-version="+version+c.query, "x", name, value)
			code := "UnsupportedApiVersion"
			if version == "" {
				code = "ApiVersionUnspecified"
			}
			wantRefusal(t, w, http.StatusBadRequest, code)
			for _, v := range c.versions {
				if !strings.Contains(w.Body.String(), v) {
					t.Errorf("%s of %q: %s does not name %s", what, version, w.Body, v)
				}
			}
		}
	}
	for _, path := range []string{"/policies/Nitro", "/policies/", "/policies/Sgx", "/tcbbaselines/Nitro", "/attest/Nitro"} {
		method := http.MethodGet
		if strings.HasPrefix(path, "/attest") {
			method = http.MethodPost
		}
		w := do(t, s, method, path+"?api-version=2022-09-01-preview", "", name, value)
		if path == "/policies/" {
			wantRefusal(t, w, http.StatusNotFound, "NotFound")
			if !strings.Contains(w.Body.String(), "/policies/{type}:reset") {
				t.Errorf("%s does not list the routes", w.Body)
			}
			continue
		}
		wantRefusal(t, w, http.StatusBadRequest, "InvalidParameter")
		for _, kind := range []string{"SgxEnclave", "OpenEnclave", "Tpm", "SevSnpVm", "TdxVm", "AzureGuest"} {
			if !strings.Contains(w.Body.String(), kind) {
				t.Errorf("%s: %s does not name %s", path, w.Body, kind)
			}
		}
	}
}

func TestHEADIsGETWithoutABody(t *testing.T) {
	t.Parallel()
	s := newFixture(t).server(t)
	name, value := bearer(t, auth.Reader)
	for _, path := range []string{
		"/policies/SgxEnclave?api-version=2020-10-01", "/certificates?api-version=2020-10-01",
		"/tcbbaselines/SgxEnclave?api-version=2025-06-01", "/servicehealth", "/certs",
	} {
		get, head := do(t, s, http.MethodGet, path, "", name, value), do(t, s, http.MethodHead, path, "", name, value)
		if get.Code != head.Code || get.Code >= 300 || get.Header().Get("Content-Type") != head.Header().Get("Content-Type") {
			t.Errorf("%s: GET %d, HEAD %d", path, get.Code, head.Code)
		}
	}
	w := do(t, s, http.MethodHead, "/policies/SgxEnclave?api-version=2020-10-01", "")
	if w.Code != http.StatusUnauthorized {
		t.Errorf("HEAD without a credential: status %d", w.Code)
	}
}

// decodeJWT returns the claims of a token.
func decodeJWT(tb testing.TB, jwt string) map[string]any {
	tb.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		tb.Fatalf("%q is no token", jwt)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		tb.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		tb.Fatal(err)
	}
	return claims
}

func TestAPolicyIsGivenBackByteForByte(t *testing.T) {
	t.Parallel()
	s := newFixture(t).server(t)
	anybody := newIdentity(t, "anybody")
	name, value := bearer(t, auth.Contributor)
	const path = "/policies/OpenEnclave?api-version=2022-08-01"
	for what, jws := range map[string]string{
		"unsigned": unsigned(numbered("1")),
		"signed":   anybody.sign(t, policyPayload(numbered("2"))),
		"odd":      encode("{ \"typ\" : \"JWT\",\n\"alg\":\"none\"}") + "." + encode(" { \"AttestationPolicy\" :\t\""+base64.URLEncoding.EncodeToString([]byte(numbered("33")))+"\" } ") + ".",
	} {
		for _, sent := range []string{jws, `"` + jws + `"`, " \r\n" + jws + "\n"} {
			_, claims := tokenOf(t, do(t, s, http.MethodPut, path, sent, name, value))
			sum := sha256.Sum256([]byte(jws))
			want := map[string]any{
				"iss": contoso, "iat": float64(at.Unix()), "nbf": float64(at.Unix()), "exp": float64(at.Unix() + 3600),
				"x-ms-policy-result": "Updated", "x-ms-policy-token-hash": base64.RawURLEncoding.EncodeToString(sum[:]),
			}
			if what == "signed" {
				want["x-ms-policy-signer"] = map[string]any{"alg": "ES256", "kty": "EC", "use": "sig", "x5c": []any{anybody.x5c()}}
			}
			if diff := cmp.Diff(want, claims); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
			header, claims := tokenOf(t, do(t, s, http.MethodGet, path, "", name, value))
			if claims["x-ms-policy"] != jws || header["jku"] != contoso+"/certs" || header["typ"] != "JWT" {
				t.Errorf("%s: header %v, policy %v", what, header, claims["x-ms-policy"])
			}
		}
	}
	_, claims := tokenOf(t, do(t, s, http.MethodPost, "/policies/OpenEnclave:reset?api-version=2022-08-01", emptyJWS, name, value))
	if len(claims) != 5 || claims["x-ms-policy-result"] != "Removed" {
		t.Errorf("claims of a reset: %v", claims)
	}
	text, _ := policy.Default("OpenEnclave")
	_, claims = tokenOf(t, do(t, s, http.MethodGet, path, "", name, value))
	if claims["x-ms-policy"] != policytoken.Unsigned(text) {
		t.Errorf("policy after a reset: %v", claims["x-ms-policy"])
	}
}

func TestPoliciesComeWithAnyContentType(t *testing.T) {
	t.Parallel()
	s := newFixture(t).server(t)
	name, value := bearer(t, auth.Contributor)
	for n, contentType := range []string{"", "text/plain", "application/json", "application/octet-stream", "application/jose", "text/plain; charset=utf-16", "nonsense"} {
		_, claims := tokenOf(t, do(t, s, http.MethodPut, "/policies/SgxEnclave?api-version=2020-10-01", unsigned(numbered(fmt.Sprint(n))), name, value, "Content-Type", contentType))
		if claims["x-ms-policy-result"] != "Updated" {
			t.Errorf("%q: %v", contentType, claims)
		}
	}
	w := do(t, s, http.MethodPut, "/policies/SgxEnclave?api-version=2020-10-01", "\x1f\x8b", name, value, "Content-Encoding", "gzip")
	wantRefusal(t, w, http.StatusUnsupportedMediaType, "UnsupportedMediaType")
}

func TestCertificatesComeInEveryShapeThatClientsSend(t *testing.T) {
	t.Parallel()
	owner, added := newIdentity(t, "owner"), newIdentity(t, "added")
	f := newFixture(t)
	f.settings.Mode, f.certificates = instance.Isolated, []*x509.Certificate{owner.certificate}
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	jws := owner.sign(t, certificatePayload(added))
	shapes := func(member string) []string {
		return []string{
			jws, `"` + jws + `"`, ` "` + jws + `" `, `{"` + member + `":"` + jws + `"}`, `{"` + strings.ToUpper(member) + `":"` + jws + `"}`,
		}
	}
	thumbprint := policytoken.Thumbprint(added.certificate)
	listed := func() int {
		t.Helper()
		_, claims := tokenOf(t, do(t, s, http.MethodGet, "/certificates?api-version=2025-06-01", "", name, value))
		return len(claims["x-ms-policy-certificates"].(map[string]any)["keys"].([]any))
	}
	for i, add := range shapes("policyCertificateToAdd") {
		remove := shapes("policyCertificateToRemove")[i]
		for _, change := range []struct {
			path, body, want string
			count            int
		}{
			{"/certificates:add", add, "IsPresent", 2},
			{"/certificates:add", add, "IsPresent", 2},
			{"/certificates:remove", remove, "IsAbsent", 1},
			{"/certificates:remove", remove, "IsAbsent", 1},
		} {
			_, claims := tokenOf(t, do(t, s, http.MethodPost, change.path+"?api-version=2025-06-01", change.body, name, value))
			if claims["x-ms-certificate-thumbprint"] != thumbprint || claims["x-ms-policycertificates-result"] != change.want || len(claims) != 6 {
				t.Errorf("%s of %.40s: %v", change.path, change.body, claims)
			}
			if n := listed(); n != change.count {
				t.Errorf("%s of %.40s: %d certificates, want %d", change.path, change.body, n, change.count)
			}
		}
	}
	for body, code := range map[string]string{
		"":   "InvalidParameter",
		"{}": "InvalidParameter",
		`{"policyCertificateToRemove":"` + jws + `"}`: "InvalidParameter",
		`{"policyCertificateToAdd":7}`:                "InvalidParameter",
		`{"policyCertificateToAdd":""}`:               "InvalidParameter",
		`{"policyCertificateToAdd":"a.b"}`:            "InvalidOperation",
		`["` + jws + `"]`:                             "InvalidOperation",
		owner.sign(t, policyPayload(numbered("1"))):   "InvalidOperation",
		added.sign(t, certificatePayload(added)):      "InvalidParameter", // its issuer is not found
	} {
		wantRefusal(t, do(t, s, http.MethodPost, "/certificates:add?api-version=2025-06-01", body, name, value), http.StatusBadRequest, code)
	}
	wantRefusal(t, do(t, s, http.MethodPost, "/certificates:remove?api-version=2025-06-01", owner.sign(t, certificatePayload(owner)), name, value), http.StatusBadRequest, "InvalidOperation")
	if n := listed(); n != 1 {
		t.Errorf("%d certificates after refusals, want 1", n)
	}
}

func TestBaselinesSayWhichOneHolds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings.AzureDefaultTCB = 12
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	selected := func() string {
		t.Helper()
		w := do(t, s, http.MethodGet, "/tcbbaselines/SgxEnclave?api-version=2025-06-01", "", name, value)
		var answer struct {
			TCBBaselines []struct {
				TCBIdentifier string
				IsSelectedTCB bool
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK || len(answer.TCBBaselines) < 3 {
			t.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
		}
		all := ""
		for _, b := range answer.TCBBaselines {
			if b.IsSelectedTCB {
				all += b.TCBIdentifier
			}
		}
		return all
	}
	if got := selected(); got != "12" {
		t.Errorf("selected %q, want that of the settings", got)
	}
	demanding := `version=1.1;configurationrules{=>issueproperty(type="x-ms-sgx-tcbidentifier",value="11");};authorizationrules{=>permit();};issuancerules{};`
	tokenOf(t, do(t, s, http.MethodPut, "/policies/SgxEnclave?api-version=2025-06-01", unsigned(demanding), name, value))
	if got := selected(); got != "11" {
		t.Errorf("selected %q, want that of the policy", got)
	}
	wantRefusal(t, do(t, s, http.MethodGet, "/tcbbaselines/Tpm?api-version=2025-06-01", "", name, value), http.StatusBadRequest, "InvalidOperation")
}

func TestServiceHealthFollowsReadiness(t *testing.T) {
	t.Parallel()
	isReady := true
	f := newFixture(t)
	f.config.Ready = func() bool { return isReady }
	s := f.server(t)
	if w := do(t, s, http.MethodGet, "/servicehealth", ""); w.Code != http.StatusNoContent || w.Body.Len() > 0 {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
	isReady = false
	wantRefusal(t, do(t, s, http.MethodGet, "/servicehealth", ""), http.StatusServiceUnavailable, "ServiceUnavailable")
}
