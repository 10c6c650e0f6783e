package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestDocuments(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	certs := do(t, s, http.MethodGet, "/certs", "", "Accept", "application/jwk+json, application/json")
	only, _ := f.instances.Only()
	issuer, err := only.Issuer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := certs.Body.String(), string(issuer.Ring().JWKS()); got != want {
		t.Errorf("keys\n%s\nwant\n%s", got, want)
	}
	openID := do(t, s, http.MethodGet, "/.well-known/openid-configuration", "")
	var document struct {
		Issuer     string   `json:"issuer"`
		JWKSURI    string   `json:"jwks_uri"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
	}
	if err := json.Unmarshal(openID.Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	if document.Issuer != contoso || document.JWKSURI != contoso+"/certs" || len(document.Algorithms) != 1 || document.Algorithms[0] != "ES256" {
		t.Errorf("document %s", openID.Body)
	}
	for path, w := range map[string]http.Header{"/certs": certs.Header(), "/.well-known/openid-configuration": openID.Header()} {
		if w.Get("Content-Type") != "application/json; charset=utf-8" || w.Get("Cache-Control") != "public, max-age=300" {
			t.Errorf("%s: headers %v", path, w)
		}
	}
}

func TestDocumentsAreNotSentTwice(t *testing.T) {
	t.Parallel()
	s := newFixture(t).server(t)
	for _, path := range []string{"/certs", "/.well-known/openid-configuration"} {
		etag := do(t, s, http.MethodGet, path, "").Header().Get("ETag")
		if len(etag) < 10 || etag[0] != '"' {
			t.Fatalf("%s: ETag %q", path, etag)
		}
		for given, status := range map[string]int{
			etag:                                 http.StatusNotModified,
			"W/" + etag:                          http.StatusNotModified,
			`"x", ` + etag + `, "y"`:             http.StatusNotModified,
			"*":                                  http.StatusNotModified,
			"":                                   http.StatusOK,
			`"x"`:                                http.StatusOK,
			strings.Trim(etag, `"`):              http.StatusOK,
			strings.ToUpper(etag):                http.StatusOK,
			`"` + strings.Trim(etag, `"`) + `x"`: http.StatusOK,
		} {
			w := do(t, s, http.MethodGet, path, "", "If-None-Match", given)
			if w.Code != status || (w.Body.Len() == 0) != (status == http.StatusNotModified) || w.Header().Get("ETag") != etag {
				t.Errorf("%s: If-None-Match %s: status %d, %d bytes, want %d", path, given, w.Code, w.Body.Len(), status)
			}
		}
	}
	if do(t, s, http.MethodGet, "/certs", "").Header().Get("ETag") == do(t, s, http.MethodGet, "/.well-known/openid-configuration", "").Header().Get("ETag") {
		t.Error("two documents have the same tag")
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	isReady := false
	f.config.Ready = func() bool { return isReady }
	s := f.server(t)
	check := func(path string, status int, text string) {
		t.Helper()
		w := do(t, s, http.MethodGet, path, "")
		if w.Code != status || w.Body.String() != text || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s %v, want %d %s", path, w.Code, w.Body, w.Header(), status, text)
		}
	}
	check("/healthz", http.StatusOK, `{"status":"ok"}`)
	check("/readyz", http.StatusServiceUnavailable, `{"status":"starting"}`)
	isReady = true
	check("/readyz", http.StatusOK, `{"status":"ready"}`)
	s = newFixture(t).server(t)
	check("/readyz", http.StatusOK, `{"status":"ready"}`)
}
