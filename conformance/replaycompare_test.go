package conformance_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	traceparent = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$`)
	// correlationVector is what the real service's /attest/Tpm has for a request ID.
	// Ours has a trace everywhere.
	correlationVector = regexp.MustCompile(`^[A-Za-z0-9+/]{16}$`)
)

func compareHeaders(t *testing.T, got http.Header, e *exchange) {
	t.Helper()
	if got, want := got.Get("Content-Type"), e.Response.Headers["Content-Type"]; got != want {
		t.Errorf("content type %q, want %q", got, want)
	}
	for _, name := range []string{"x-ms-request-id", "x-ms-maa-service-version", "Server"} {
		if (got.Get(name) == "") != (e.Response.Headers[name] == "") {
			t.Errorf("%s: %q, recorded %q", name, got.Get(name), e.Response.Headers[name])
		}
	}
	form := traceparent
	if e.Request.Path == "/attest/Tpm" {
		form = correlationVector
	}
	if id := e.Response.Headers["x-ms-request-id"]; !form.MatchString(id) {
		t.Errorf("recorded request ID %q, want %s", id, form)
	}
	if id := got.Get("x-ms-request-id"); !traceparent.MatchString(id) {
		t.Errorf("request ID %q, want that of a trace", id)
	}
	if got, want := got.Get("x-ms-client-request-id"), e.Request.Headers["x-ms-client-request-id"]; got != want {
		t.Errorf("x-ms-client-request-id %q, want %q", got, want)
	}
}

// ownMembers are the claims that cannot be equal. Every digest of collateral is
// among those that must be.
var ownMembers = []string{"jti", "iat", "nbf", "exp"}

var keyID = regexp.MustCompile(`^[A-Za-z0-9+/]{43}=$`)

func compareTokens(t *testing.T, body []byte, e *exchange) {
	t.Helper()
	members := map[string]any{}
	if err := json.Unmarshal(body, &members); err != nil || len(members) != 1 {
		t.Fatalf("answer %s (%v), want a token alone", body, err)
	}
	compact, _ := members["token"].(string)
	header, got, text := decode(t, compact)
	_, want, recordedText := decode(t, e.Response.Body.Token)
	recorded := e.Response.DecodedToken
	if diff := cmp.Diff(without(recorded.Header, "kid"), without(header, "kid")); diff != "" {
		t.Errorf("header (-recorded +ours):\n%s", diff)
	}
	for form, h := range map[string]map[string]any{"ours": header, "recorded": recorded.Header} {
		if kid, _ := h["kid"].(string); !keyID.MatchString(kid) {
			t.Errorf("kid %s: %v, want a digest in base64", form, h["kid"])
		}
	}
	if diff := cmp.Diff(without(want, ownMembers...), without(got, ownMembers...)); diff != "" {
		t.Errorf("claims (-recorded +ours):\n%s", diff)
	}
	compareTimes(t, want, got)
	wantID, _ := want["jti"].(string)
	if jti, _ := got["jti"].(string); len(jti) != len(wantID) {
		t.Errorf("jti %q, want %d digits", jti, len(wantID))
	}
	// The form is the recorded one too: sorted, compact, to the byte.
	for form, text := range map[string]string{"ours": text, "recorded": recordedText} {
		var claims any
		if err := json.Unmarshal([]byte(text), &claims); err != nil {
			t.Fatal(err)
		}
		canonical, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		if string(canonical) != text {
			t.Errorf("claims %s are not sorted and compact:\n%s", form, text)
		}
	}
	isDraft := header["alg"] == "none"
	if signature := compact[strings.LastIndexByte(compact, '.')+1:]; (signature == "") != isDraft {
		t.Errorf("algorithm %v with a signature of %d characters", header["alg"], len(signature))
	}
}

func compareTimes(t *testing.T, want, got map[string]any) {
	t.Helper()
	seconds := func(claims map[string]any, name string) float64 {
		n, ok := claims[name].(float64)
		if !ok {
			t.Errorf("%s is %v, want a number", name, claims[name])
		}
		return n
	}
	for _, name := range []string{"nbf", "exp"} {
		ours, theirs := seconds(got, name)-seconds(got, "iat"), seconds(want, name)-seconds(want, "iat")
		if ours != theirs {
			t.Errorf("%s is %v s after iat, want %v", name, ours, theirs)
		}
	}
}

func compareErrors(t *testing.T, w *httptest.ResponseRecorder, e *exchange) {
	t.Helper()
	var want, got any
	if json.Unmarshal(e.Response.Body.raw, &want) != nil || json.Unmarshal(w.Body.Bytes(), &got) != nil {
		t.Fatalf("no JSON: %s", w.Body)
	}
	// Every member, to the byte.
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("error (-recorded +ours):\n%s", diff)
	}
	if header := w.Header().Get("x-ms-error-code"); header != e.Response.Body.Error.Code {
		t.Errorf("x-ms-error-code %q, want %q", header, e.Response.Body.Error.Code)
	}
}

func compareDocuments(t *testing.T, body []byte, e *exchange) {
	t.Helper()
	var want, got any
	recorded := bytes.ReplaceAll(e.Response.Body.raw, []byte("REDACTED"), []byte("redacted"))
	if err := json.Unmarshal(recorded, &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("document (-recorded +ours):\n%s", diff)
	}
}

func without(m map[string]any, names ...string) map[string]any {
	rest := maps.Clone(m)
	for _, name := range names {
		delete(rest, name)
	}
	return rest
}
