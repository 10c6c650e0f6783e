package vaultserver_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/vaultserver"
	"github.com/azattest/azattest/keyrelease"
)

// FuzzBody sends whatever there is as a key to make, to import and to change: it is
// done or refused with the client's fault, and nothing but JSON comes back.
func FuzzBody(f *testing.F) {
	for _, body := range []any{
		exportable(), exportable(set{"kty": "oct", "key_size": 256}),
		set{"key_ops": []string{"sign"}, "attributes": set{"exp": 1, "nbf": -1}},
		set{"key": set{"kty": "oct", "k": b64(bytes.Repeat([]byte{1}, 32))}, "attributes": set{"exportable": true}, "release_policy": releasePolicy(1)},
		set{"key": set{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA"}},
		set{"tags": set{"a": "b"}, "release_policy": nil},
		set{"key": nil},
	} {
		text, err := json.Marshal(body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	fix := newFixture(f)
	fix.config.Audit = nil // a disk is slow
	s := fix.server(f)
	bearer := fix.bearer(f, auth.KeyOfficer)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, asked := range [][2]string{{http.MethodPost, "/keys/fuzzed/create"}, {http.MethodPut, "/keys/fuzzed"}, {http.MethodPatch, "/keys/fuzzed"}} {
			if asked[1] == "/keys/fuzzed/create" && bytes.Contains(body, []byte("RSA")) {
				continue // it takes seconds
			}
			r := httptest.NewRequestWithContext(t.Context(), asked[0], asked[1]+apiVersion, bytes.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", bearer)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code >= http.StatusInternalServerError || !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%s %s: status %d: %s", asked[0], asked[1], w.Code, w.Body)
			}
		}
		// A key keeps so many versions, and no more.
		r := httptest.NewRequestWithContext(t.Context(), http.MethodDelete, "/keys/fuzzed"+apiVersion, http.NoBody)
		r.Header.Set("Authorization", bearer)
		s.ServeHTTP(httptest.NewRecorder(), r)
	})
}

// FuzzPath asks for whatever path there is: without a credential, nothing is told.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"/keys", "/keys/a/release", "/keys/a//release", "/keys/a/b/release", "//keys", "/keys/%2e%2e/x", "/KEYS/a", "/readyz"} {
		f.Add(http.MethodPost, path)
	}
	fix := newFixture(f)
	s := fix.server(f)
	f.Fuzz(func(t *testing.T, method, path string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.Method, r.URL.Path, r.URL.RawPath = method, path, ""
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		// Who is authorized for a key is who gets that key.
		if name, version, ok := keyrelease.ParsePath(r.URL.EscapedPath()); ok {
			if a, _ := vaultserver.Route(http.MethodPost, r.URL.EscapedPath()); a != [3]string{string(vaultserver.KeyRelease), name, version} {
				t.Fatalf("%q is authorized as %q, and released as %q, %q", path, a, name, version)
			}
		}
		if isProbe := path == "/healthz" || path == "/readyz"; w.Code == http.StatusOK && !isProbe || w.Code >= http.StatusInternalServerError {
			t.Fatalf("%q %q: status %d: %s", method, path, w.Code, w.Body)
		}
	})
}
