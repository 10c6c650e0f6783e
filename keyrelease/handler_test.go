package keyrelease_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/azattest/azattest/keyrelease"
)

func ask(t *testing.T, h http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// The requests are shaped as Azure's SDKs (Python, JavaScript, .NET, Java, Go) and
// the samples for confidential machines and containers send them.
func TestHandlerAnswersAzuresClients(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.config.Record = nil
	h := keyrelease.NewHandler(v.releaser(t))
	target := v.token(t)
	for name, tt := range map[string]struct{ path, body, kid, nonce, enc, api string }{
		"a version":        {path: "/keys/payroll/" + version + "/release?api-version=7.4", body: `{"target":"T"}`, kid: "/keys/payroll/" + version, api: "7.4"},
		"no version":       {path: "/keys/payroll/release?api-version=7.3", body: `{"target":"T","enc":"RSA_AES_KEY_WRAP_256"}`, kid: "/keys/payroll", enc: "RSA_AES_KEY_WRAP_256", api: "7.3"},
		"an empty version": {path: "/keys/payroll//release?api-version=7.3-preview", body: `{"target":"T"}`, kid: "/keys/payroll", api: "7.3-preview"},
		"by date":          {path: "/keys/payroll/" + version + "/release?api-version=2025-07-01", body: `{"target":"T","nonce":"n","enc":"RSA_AES_KEY_WRAP_384"}`, kid: "/keys/payroll/" + version, nonce: "n", enc: "RSA_AES_KEY_WRAP_384", api: "2025-07-01"},
		"a preview":        {path: "/keys/payroll/release?api-version=7.6-preview.2", body: `{"nonce":null,"target":"T","enc":null,"new":1}`, kid: "/keys/payroll", api: "7.6-preview.2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ask(t, h, http.MethodPost, tt.path, strings.Replace(tt.body, "T", target, 1), "Content-Type", "application/json; charset=utf-8")
			if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json; charset=utf-8" || w.Header().Get("Cache-Control") != "no-store" {
				t.Fatalf("status %d, %v: %s", w.Code, w.Header(), w.Body)
			}
			var answer map[string]string
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || len(answer) != 1 {
				t.Fatalf("%v: %s", err, w.Body)
			}
			request := at(payloadOf(t, answer["value"]), "request")
			if tt.enc == "" {
				tt.enc = "CKM_RSA_AES_KEY_WRAP"
			}
			nonce, _ := request["nonce"].(string)
			if request["kid"] != vaultURL+tt.kid || request["enc"] != tt.enc || request["api-version"] != tt.api || nonce != tt.nonce {
				t.Errorf("request %v", request)
			}
		})
	}
}

func TestHandlerRefuses(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.config.Record = nil
	h := keyrelease.NewHandler(v.releaser(t))
	good := `{"target":"` + v.token(t) + `"}`
	const path = "/keys/payroll/release?api-version=7.4"
	for name, tt := range map[string]struct {
		method, path, body, media string
		status                    int
		code, says                string
	}{
		"another method":     {method: http.MethodGet, status: 405, code: "MethodNotAllowed"},
		"another path":       {path: "/keys/payroll/wrapkey?api-version=7.4", status: 404, code: "NotFound"},
		"a longer path":      {path: "/keys/payroll/" + version + "/x/release?api-version=7.4", status: 404, code: "NotFound"},
		"an escaped path":    {path: "/keys/pay%2Froll/release?api-version=7.4", status: 404, code: "NotFound"},
		"no version of API":  {path: "/keys/payroll/release", status: 400, code: "BadParameter", says: "api-version"},
		"a strange version":  {path: "/keys/payroll/release?api-version=latest", status: 400, code: "BadParameter", says: "api-version"},
		"another media type": {media: "text/plain", status: 415, code: "UnsupportedMediaType"},
		"no media type":      {media: "-", status: 415, code: "UnsupportedMediaType"},
		"no body":            {body: " ", status: 400, code: "BadParameter", says: "byte 1"},
		"no object":          {body: "[]", status: 400, code: "BadParameter", says: "want an object"},
		"no target":          {body: "{}", status: 400, code: "BadParameter", says: "target is missing"},
		"a number":           {body: `{"target":1}`, status: 400, code: "BadParameter", says: "target is a number"},
		"twice":              {body: `{"target":"a","target":"b"}`, status: 400, code: "BadParameter", says: "target"},
		"enc":                {body: `{"target":"a","enc":"RSA1_5"}`, status: 400, code: "BadParameter", says: "enc is invalid"},
		"a long nonce":       {body: `{"target":"a","nonce":"` + strings.Repeat("n", 1025) + `"}`, status: 400, code: "BadParameter", says: "nonce has 1025 bytes"},
		"too much":           {body: `{"target":"` + strings.Repeat("a", 600<<10) + `"}`, status: 413, code: "RequestEntityTooLarge"},
		"no such key":        {path: "/keys/other/release?api-version=7.4", status: 404, code: "KeyNotFound", says: "(name/id) \\\"other\\\""},
		"a token of nobody":  {body: `{"target":"a.b.c"}`, status: 403, code: "Forbidden", says: unverified},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.method == "" {
				tt.method = http.MethodPost
			}
			if tt.path == "" {
				tt.path = path
			}
			if tt.body == "" {
				tt.body = good
			}
			if tt.media == "" {
				tt.media = "application/json"
			}
			w := ask(t, h, tt.method, tt.path, tt.body, "Content-Type", strings.Trim(tt.media, "-"))
			var answer struct {
				Error struct{ Code, Message string }
			}
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
				t.Fatal(err)
			}
			if w.Code != tt.status || answer.Error.Code != tt.code || answer.Error.Message == "" || !strings.Contains(w.Body.String(), tt.says) {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
		})
	}
}
