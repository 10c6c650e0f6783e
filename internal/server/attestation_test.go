package server_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/azattest/azattest/evidence"
)

func TestAttest(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2020-10-01", "2022-08-01", "2025-06-01"} {
		for path, text := range map[string]string{
			"/attest/SgxEnclave":  `{"quote":"cXVvdGU","runtimeData":{"data":"eyJrZXlzIjpbXX0","dataType":"JSON"},"nonce":"n-1"}`,
			"/attest/OpenEnclave": `{"report":"cXVvdGU","runtimeData":{"data":"eyJrZXlzIjpbXX0","dataType":"JSON"},"nonce":"n-1"}`,
		} {
			t.Run(version+path, func(t *testing.T) {
				t.Parallel()
				f := newFixture(t)
				var seen string
				f.verifier.parse = func(raw []byte) error { seen = string(raw); return nil }
				w := do(t, f.server(t), http.MethodPost, path+"?api-version="+version, text)
				header, claims := tokenOf(t, w)
				if header["alg"] != "ES256" || header["jku"] != contoso+"/certs" {
					t.Errorf("token header %v", header)
				}
				if seen != "quote" {
					t.Errorf("evidence %q, want quote", seen)
				}
				// A nonce came with 2022-08-01, but is honored in every version.
				if claims["iss"] != contoso || claims["nonce"] != "n-1" || claims["x-ms-runtime"] == nil {
					t.Errorf("claims %v", claims)
				}
			})
		}
	}
}

func TestAttestPassesEveryMemberOn(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body  string
		check func(t *testing.T, header, claims map[string]any)
	}{
		"binary runtime data": {
			`{"quote":"cXVvdGU","runtimeData":{"data":"eyJrZXlzIjpbXX0","dataType":"Binary"}}`,
			func(t *testing.T, _, claims map[string]any) {
				t.Helper()
				if claims["x-ms-sgx-ehd"] != "eyJrZXlzIjpbXX0" || claims["x-ms-runtime"] != nil {
					t.Errorf("claims %v", claims)
				}
			},
		},
		"no data": {
			body,
			func(t *testing.T, header, claims map[string]any) {
				t.Helper()
				if claims["x-ms-sgx-ehd"] != nil || claims["x-ms-runtime"] != nil || claims["nonce"] != nil || header["alg"] != "ES256" {
					t.Errorf("claims %v", claims)
				}
			},
		},
		"number as nonce": {
			`{"quote":"cXVvdGU","nonce":18446744073709551615}`,
			func(t *testing.T, _, claims map[string]any) {
				t.Helper()
				if claims["nonce"] != "18446744073709551615" {
					t.Errorf("nonce %v", claims["nonce"])
				}
			},
		},
		"draft policy": {
			`{"quote":"cXVvdGU","draftPolicyForAttestation":"version= 1.0;authorizationrules{=> permit();};issuancerules{=> issue(type=\"who\", value=\"me\");};"}`,
			func(t *testing.T, header, claims map[string]any) {
				t.Helper()
				if header["alg"] != "none" || claims["who"] != "me" {
					t.Errorf("header %v, claims %v", header, claims)
				}
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header, claims := tokenOf(t, do(t, newFixture(t).server(t), http.MethodPost, sgxPath, tt.body))
			tt.check(t, header, claims)
		})
	}
}

func TestAttestTakesNoCredential(t *testing.T) {
	t.Parallel()
	s := newFixture(t).server(t)
	for _, header := range [][]string{nil, {"Authorization", "Bearer not-a-token"}} {
		tokenOf(t, do(t, s, http.MethodPost, sgxPath, body, header...))
	}
}

func TestAnswerHeaders(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.Version = "1.2.3"
	w := do(t, f.server(t), http.MethodPost, sgxPath, body, "x-ms-client-request-id", "c058fe2a-5271-417b-7cf3-7f9a4e2597a3")
	for name, want := range map[string]string{
		"Content-Type":                "application/json; charset=utf-8",
		"Content-Length":              strconv.Itoa(w.Body.Len()),
		"Cache-Control":               "no-store",
		"Server":                      "azattest",
		"X-Ms-Maa-Service-Version":    "1.2.3",
		"X-Ms-Client-Request-Id":      "c058fe2a-5271-417b-7cf3-7f9a4e2597a3",
		"X-Content-Type-Options":      "nosniff",
		"X-Ms-Error-Code":             "",
		"Retry-After":                 "",
		"Access-Control-Allow-Origin": "",
		"Strict-Transport-Security":   "",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := do(t, newFixture(t).server(t), http.MethodGet, "/certs", "").Header().Get("X-Ms-Maa-Service-Version"); got != "azattest" {
		t.Errorf("version by default %q", got)
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	s := newFixture(t).server(t)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	tests := map[string]struct {
		sent   string
		isKept bool
	}{
		"traceparent":           {trace, true},
		"none":                  {"", false},
		"another version":       {"01" + trace[2:], false},
		"capital letters":       {strings.ToUpper(trace), false},
		"trace ID of zeros":     {"00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01", false},
		"parent ID of zeros":    {"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
		"too long":              {trace + "-x", false},
		"too short":             {trace[1:], false},
		"dashes moved":          {"00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01", false},
		"a digit that is none":  {"00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01", false},
		"a line in the log":     {trace[:54] + "\t", false},
		"flags that are no hex": {trace[:53] + "xx", false},
	}
	seen := map[string]bool{}
	for name, tt := range tests {
		got := do(t, s, http.MethodGet, "/certs", "", "traceparent", tt.sent).Header().Get("X-Ms-Request-Id")
		fields := strings.Split(got, "-")
		if len(got) != 55 || len(fields) != 4 || len(fields[1]) != 32 || len(fields[2]) != 16 || fields[0] != "00" {
			t.Errorf("%s: request ID %q is no traceparent", name, got)
		}
		if (got == tt.sent) != tt.isKept || seen[got] {
			t.Errorf("%s: request ID %q, kept: want %t", name, got, tt.isKept)
		}
		seen[got] = true
	}
	for sent, want := range map[string]string{
		"7":                      "7",
		"a b":                    "",
		"ä":                      "",
		strings.Repeat("x", 128): strings.Repeat("x", 128),
		strings.Repeat("x", 129): "",
	} {
		if got := do(t, s, http.MethodGet, "/certs", "", "x-ms-client-request-id", sent).Header().Get("X-Ms-Client-Request-Id"); got != want {
			t.Errorf("client request ID %q: %q, want %q", sent, got, want)
		}
	}
}

func TestMediaTypes(t *testing.T) {
	t.Parallel()
	s := newFixture(t).server(t)
	for _, contentType := range []string{"", "application/json", "application/json; charset=UTF-8", "text/json"} {
		tokenOf(t, do(t, s, http.MethodPost, sgxPath, body, "Content-Type", contentType))
	}
	tokenOf(t, do(t, s, http.MethodPost, sgxPath, body, "Content-Encoding", "identity"))
	// The type asked for does not matter: there is but one.
	tokenOf(t, do(t, s, http.MethodPost, sgxPath, body, "Accept", "text/html"))
	for _, header := range [][]string{
		{"Content-Type", "text/plain"},
		{"Content-Type", "application/x-www-form-urlencoded"},
		{"Content-Type", "application/json; charset=utf-16"},
		{"Content-Encoding", "gzip"},
	} {
		w := do(t, s, http.MethodPost, sgxPath, body, header...)
		wantRefusal(t, w, http.StatusUnsupportedMediaType, "UnsupportedMediaType")
		if !strings.Contains(w.Body.String(), header[1]) {
			t.Errorf("%v: %s does not say what came", header, w.Body)
		}
	}
}

func TestEvidenceStandsInTheMemberOfItsRoute(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.verifier.parse = func([]byte) error {
		return &evidence.Error{Stage: evidence.StageParse, Code: evidence.CodeMalformed, Part: "report header", Offset: 0}
	}
	// The member of the other route does not count.
	wantRefusal(t, do(t, f.server(t), http.MethodPost, oePath, body), http.StatusBadRequest, "InvalidParameter")
	wantRefusal(t, do(t, f.server(t), http.MethodPost, oePath, `{"report":"cXVvdGU"}`), http.StatusBadRequest, "InvalidQuote")
}
