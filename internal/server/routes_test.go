package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestMethods(t *testing.T) {
	t.Parallel()
	s := newFixture(t).server(t)
	const get, post = "GET, HEAD", "POST"
	for path, allowed := range map[string]string{
		sgxPath: post, oePath: post,
		"/certs": get, "/.well-known/openid-configuration": get, "/healthz": get, "/readyz": get,
	} {
		for _, method := range []string{
			http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
			http.MethodDelete, http.MethodOptions, http.MethodTrace, "BREW",
		} {
			text := ""
			if method == http.MethodPost {
				text = body
			}
			w := do(t, s, method, path, text)
			if strings.Contains(allowed, method) {
				if method == http.MethodPost && strings.Contains(path, "OpenEnclave") {
					continue // the body is for the other route
				}
				if w.Code != http.StatusOK {
					t.Errorf("%s %s: status %d, want 200: %s", method, path, w.Code, w.Body)
				}
				continue
			}
			wantRefusal(t, w, http.StatusMethodNotAllowed, "MethodNotAllowed")
			if got := w.Header().Get("Allow"); got != allowed {
				t.Errorf("%s %s: Allow %q, want %q", method, path, got, allowed)
			}
		}
	}
}

func TestPathsInAnyCase(t *testing.T) {
	t.Parallel()
	s := newFixture(t).server(t)
	for _, path := range []string{"/attest/SgxEnclave", "/attest/sgxenclave", "/ATTEST/SGXENCLAVE", "/Attest/sgxEnclave"} {
		tokenOf(t, do(t, s, http.MethodPost, path+"?api-version=2020-10-01", body))
	}
	for _, path := range []string{"/certs", "/Certs", "/.Well-Known/OpenID-Configuration", "/healthZ", "/READYZ"} {
		if w := do(t, s, http.MethodGet, path, ""); w.Code != http.StatusOK {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
}

func TestPathsThatAreNone(t *testing.T) {
	t.Parallel()
	s := newFixture(t).server(t)
	for _, path := range []string{
		"/", "/attest", "/attest/", "/attest/SgxEnclave/", "/attest/SgxEnclave:reset/", "/policies", "/policies/",
		"/certificates:", "/certificates:list", "/operations", "/operations/policy", "/tcbbaselines", "/certs/", "//certs", "/./certs", "/x/../certs", "/attest//sgxenclave", "/revoke",
		"/%63erts", "/attest%2Fsgxenclave", "/certs%00", "/certs%20", "/certs;x", "/.well-\u212Anown/openid-configuration",
		"/" + strings.Repeat("x", 4000),
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			w := do(t, s, method, path, "")
			wantRefusal(t, w, http.StatusNotFound, "NotFound")
			if w.Header().Get("Location") != "" || w.Body.Len() > 1000 {
				t.Errorf("%s %s: Location %q, body of %d bytes", method, path, w.Header().Get("Location"), w.Body.Len())
			}
		}
	}
	for _, target := range []string{"*", "contoso.example:443"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, "/", http.NoBody)
		r.RequestURI, r.URL.Path = target, strings.TrimSuffix(target, "contoso.example:443")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		wantRefusal(t, w, http.StatusNotFound, "NotFound")
	}
}

func TestAPIVersions(t *testing.T) {
	t.Parallel()
	s := newFixture(t).server(t)
	for query, code := range map[string]string{
		"":                                "ApiVersionUnspecified",
		"?api-version=":                   "ApiVersionUnspecified",
		"?api-version=2018-09-01-preview": "UnsupportedApiVersion",
		"?api-version=2023-04-01-preview": "UnsupportedApiVersion",
		"?api-version=2020-10-01&api-version=2022-08-01": "AmbiguousApiVersion",
		"?api-version=2020-10-01&x=%zz":                  "InvalidParameter",
	} {
		for _, path := range []string{"/attest/SgxEnclave", "/attest/OpenEnclave"} {
			w := do(t, s, http.MethodPost, path+query, body)
			wantRefusal(t, w, http.StatusBadRequest, code)
			if !strings.Contains(w.Body.String(), "innererror") {
				t.Errorf("%s%s: %s, want the oldest shape where the version is not known", path, query, w.Body)
			}
		}
	}
	tokenOf(t, do(t, s, http.MethodPost, "/attest/SgxEnclave?API-VERSION=2020-10-01", body))
	// The documents have no version, and none is missed.
	for _, query := range []string{"", "?api-version=2020-10-01", "?api-version=x", "?%zz"} {
		if w := do(t, s, http.MethodGet, "/certs"+query, ""); w.Code != http.StatusOK {
			t.Errorf("/certs%s: status %d", query, w.Code)
		}
	}
}

func TestErrorsHaveTheShapeOfTheVersion(t *testing.T) {
	t.Parallel()
	s := newFixture(t).server(t)
	for version, isLegacy := range map[string]bool{"2020-10-01": true, "2022-08-01": true, "2025-06-01": false} {
		for _, path := range []string{"/attest/SgxEnclave", "/nowhere"} {
			w := do(t, s, http.MethodPost, path+"?api-version="+version, `{}`)
			if got := strings.Contains(w.Body.String(), `"innererror":{"code":`); got != isLegacy {
				t.Errorf("%s of %s: %s", path, version, w.Body)
			}
		}
	}
}

func TestRoutesBelowThePathOfTheIssuer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const url = contoso + "/Tenant-1"
	f.settings.URL = url
	s := f.server(t)
	for path, status := range map[string]int{
		"/Tenant-1/certs": 200, "/Tenant-1/Certs": 200, "/certs": 200, "/Tenant-1/.well-known/openid-configuration": 200,
		"/tenant-1/certs": 200, "/TENANT-1/CERTS": 200,
		"/Tenant-1": 404, "/Tenant-1/": 404, "/Tenant-1certs": 404, "/Tenant-1/Tenant-1/certs": 404, "/other/certs": 404,
	} {
		if w := do(t, s, http.MethodGet, path, ""); w.Code != status {
			t.Errorf("%s: status %d, want %d", path, w.Code, status)
		}
	}
	header, claims := tokenOf(t, do(t, s, http.MethodPost, "/Tenant-1/attest/SgxEnclave?api-version=2020-10-01", body))
	if header["jku"] != url+"/certs" || claims["iss"] != url {
		t.Errorf("token header %v, issuer %v", header, claims["iss"])
	}
}
