package server_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/evidence"
)

func TestOneLinePerRequest(t *testing.T) {
	t.Parallel()
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	tests := map[string]struct {
		method, path, text string
		want               map[string]any
		absent             []string
	}{
		"attestation": {
			http.MethodPost, "/Attest/SgxEnclave?api-version=2022-08-01", `{"quote":"cXVvdGU","draftPolicyForAttestation":null}`,
			map[string]any{
				"level": "INFO", "msg": "request", "method": "POST", "route": "/attest/sgxenclave", "status": 200.0, "request_id": trace,
				"type": "SgxEnclave", "api_version": "2022-08-01", "request_bytes": 52.0, "evidence_bytes": 5.0, "draft": false,
				"client_request_id": "id-1",
			},
			[]string{"code", "cause", "path"},
		},
		"refusal": {
			http.MethodPost, sgxPath, `{"quote":"!"}`,
			map[string]any{"level": "INFO", "status": 400.0, "code": "InvalidParameter", "evidence_bytes": 0.0},
			[]string{"path"},
		},
		"no version": {
			http.MethodPost, "/attest/OpenEnclave", `{}`,
			map[string]any{"level": "INFO", "status": 400.0, "code": "ApiVersionUnspecified", "type": "OpenEnclave", "api_version": ""},
			nil,
		},
		"keys":   {http.MethodGet, "/certs", "", map[string]any{"level": "INFO", "route": "/certs", "status": 200.0}, []string{"type", "api_version", "evidence_bytes"}},
		"probe":  {http.MethodGet, "/healthz", "", map[string]any{"level": "DEBUG", "route": "/healthz", "status": 200.0}, nil},
		"method": {http.MethodGet, sgxPath, "", map[string]any{"level": "INFO", "route": "/attest/sgxenclave", "status": 405.0, "code": "MethodNotAllowed"}, nil},
		"path":   {http.MethodGet, "/nowhere", "", map[string]any{"level": "INFO", "route": "", "path": "/nowhere", "status": 404.0}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			lines := f.logged(t)
			w := do(t, f.server(t), tt.method, tt.path, tt.text, "traceparent", trace, "x-ms-client-request-id", "id-1")
			logged := lines()
			if len(logged) != 1 {
				t.Fatalf("logged %v, want one line", logged)
			}
			for field, want := range tt.want {
				if got := logged[0][field]; got != want {
					t.Errorf("%s: %v, want %v", field, got, want)
				}
			}
			if got := logged[0]["response_bytes"]; got != float64(w.Body.Len()) {
				t.Errorf("response_bytes: %v, want %d", got, w.Body.Len())
			}
			for _, field := range []string{"duration", "remote", "time"} {
				if logged[0][field] == nil {
					t.Errorf("%s is missing", field)
				}
			}
			for _, field := range tt.absent {
				if v, ok := logged[0][field]; ok {
					t.Errorf("%s: %v, want none", field, v)
				}
			}
		})
	}
}

// What a client sends in confidence appears in no line, whatever becomes of the
// request.
func TestNothingConfidentialIsLogged(t *testing.T) {
	t.Parallel()
	const secret = "S3cretS3cret"
	encoded := base64.RawURLEncoding.EncodeToString([]byte(secret))
	data := func(kind, text string) string {
		return `{"quote":"cXVvdGU","runtimeData":{"data":"` + base64.RawURLEncoding.EncodeToString([]byte(text)) + `","dataType":"` + kind + `"}}`
	}
	bound := `{"` + secret + `":1}`
	tests := map[string]struct {
		text, binds string
		verify      error
	}{
		"evidence":                {text: `{"quote":"` + encoded + `"}`},
		"evidence malformed":      {text: `{"quote":"` + encoded + `!"}`},
		"evidence refused":        {text: `{"quote":"` + encoded + `"}`, verify: &evidence.Error{Stage: evidence.StageSignature, Code: evidence.CodeMismatch, Part: "report data", Found: secret}},
		"nonce":                   {text: `{"quote":"cXVvdGU","nonce":"` + secret + `"}`},
		"nonce refused":           {text: `{"quote":"cXVvdGU","nonce":["` + secret + `"]}`},
		"runtime data":            {text: data("JSON", bound), binds: bound},
		"runtime data unbound":    {text: data("JSON", bound)},
		"runtime data repeats":    {text: data("JSON", `{"`+secret+`":1,"`+secret+`":2}`), binds: `{"` + secret + `":1,"` + secret + `":2}`},
		"draft policy":            {text: `{"quote":"cXVvdGU","draftPolicyForAttestation":"version= 1.0;authorizationrules{=> permit();};issuancerules{=> issue(type=\"x\", value=\"` + secret + `\");};"}`},
		"draft policy refused":    {text: `{"quote":"cXVvdGU","draftPolicyForAttestation":"version= 1.0;` + secret + `"}`},
		"draft policy that fails": {text: `{"quote":"cXVvdGU","draftPolicyForAttestation":"version= 1.0;authorizationrules{=> permit();};issuancerules{c:[type==\"x-ms-sgx-product-id\"] => issue(type=c.value, value=\"` + secret + `\");};"}`},
		"draft policy denies":     {text: `{"quote":"cXVvdGU","draftPolicyForAttestation":"version= 1.0;authorizationrules{[type!=\"` + secret + `\"] => deny();};issuancerules{};"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			lines := f.logged(t)
			f.verifier.binds = tt.binds
			f.verifier.verify = func(context.Context) error { return tt.verify }
			w := do(t, f.server(t), http.MethodPost, sgxPath, tt.text, "Authorization", "Bearer "+secret, "Cookie", "c="+secret)
			text := fmt.Sprint(lines())
			for _, part := range []string{secret, encoded, "eyJ"} {
				if strings.Contains(text, part) {
					t.Errorf("%q was logged: %s", part, text)
				}
			}
			if w.Code >= http.StatusInternalServerError {
				t.Errorf("status %d, want an answer: %s", w.Code, w.Body)
			}
		})
	}
}

// The log says why, where the client must not know.
func TestCausesAreLogged(t *testing.T) {
	t.Parallel()
	for cause, err := range map[string]error{
		"GET https://pcs.internal/tcb: connection refused": errors.New("GET https://pcs.internal/tcb: connection refused"),
		"collateral: TCB info: expired: /var/lib/cache":    &evidence.Error{Stage: evidence.StageCollateral, Code: evidence.CodeExpired, Part: "TCB info", Offset: -1, Err: errors.New("/var/lib/cache")},
		"signature: ISV enclave report: bad-signature":     &evidence.Error{Stage: evidence.StageSignature, Code: evidence.CodeBadSignature, Part: "ISV enclave report", Offset: 436},
	} {
		f := newFixture(t)
		f.config.TerseErrors = true
		lines := f.logged(t)
		f.verifier.verify = func(context.Context) error { return err }
		w := do(t, f.server(t), http.MethodPost, sgxPath, body)
		logged := lines()
		if len(logged) != 1 || logged[0]["cause"] != cause {
			t.Errorf("logged %v, want the cause %q", logged, cause)
		}
		if strings.Contains(w.Body.String(), cause) {
			t.Errorf("the client reads the cause: %s", w.Body)
		}
		if wantsAttention := w.Code >= http.StatusInternalServerError; (logged[0]["level"] == "ERROR") != wantsAttention {
			t.Errorf("status %d logged as %v", w.Code, logged[0]["level"])
		}
	}
}

func TestPanicsBecomeAnswers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	lines := f.logged(t)
	f.verifier.verify = func(context.Context) error { panic("index out of range in the secret room") }
	s := f.server(t)
	w := do(t, s, http.MethodPost, sgxPath, body)
	wantRefusal(t, w, http.StatusInternalServerError, "InternalServerError")
	if strings.Contains(w.Body.String(), "secret room") || !strings.Contains(w.Body.String(), w.Header().Get("X-Ms-Request-Id")) {
		t.Errorf("answer %s", w.Body)
	}
	logged := lines()
	if len(logged) != 2 || logged[0]["msg"] != "panic" || logged[1]["msg"] != "request" || logged[1]["status"] != 500.0 {
		t.Fatalf("logged %v, want the panic, then the request", logged)
	}
	if stack, _ := logged[0]["stack"].(string); !strings.Contains(stack, "observe_test.go") || logged[0]["request_id"] != logged[1]["request_id"] {
		t.Errorf("logged %v, want the stack down to who panicked", logged[0])
	}
	// Its place is free again.
	f.verifier.verify = nil
	f.config.Limits.Concurrent = 1
	s = f.server(t)
	f.verifier.verify = func(context.Context) error { panic("once") }
	_ = do(t, s, http.MethodPost, sgxPath, body)
	f.verifier.verify = nil
	tokenOf(t, do(t, s, http.MethodPost, sgxPath, body))
}

// brokenWriter panics once the answer has begun, as a faulty middleware might.
type brokenWriter struct {
	*httptest.ResponseRecorder
	with any
}

func (w brokenWriter) Write([]byte) (int, error) { panic(w.with) }

func TestAnswersThatBreakAreAborted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		with  any
		lines []string
	}{
		"panic":   {errors.New("broken"), []string{"panic", "request"}},
		"aborted": {http.ErrAbortHandler, []string{"request"}},
	} {
		f := newFixture(t)
		lines := f.logged(t)
		s := f.server(t)
		cause := func() (p any) { //nolint:nonamedreturns // a deferred function sets it
			defer func() { p = recover() }()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/certs", http.NoBody)
			s.ServeHTTP(brokenWriter{httptest.NewRecorder(), tt.with}, r)
			return nil
		}()
		if cause != http.ErrAbortHandler { //nolint:errorlint // a panic's value, compared as net/http does
			t.Errorf("%s: ended with %v, want http.ErrAbortHandler, so that the connection is closed", name, cause)
		}
		var messages []string
		for _, line := range lines() {
			messages = append(messages, line["msg"].(string))
		}
		if !slices.Equal(messages, tt.lines) {
			t.Errorf("%s: logged %v, want %v", name, messages, tt.lines)
		}
	}
}

// Every answer, whatever became of the request, has the headers by which it is
// found again.
func TestEveryAnswerHasTheCommonHeaders(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	for target, method := range map[string]string{
		sgxPath: http.MethodPost, "/certs": http.MethodDelete, "/nowhere": http.MethodGet, "//x": http.MethodGet, "/readyz": http.MethodHead,
	} {
		h := do(t, s, method, target, "").Header()
		for _, name := range []string{"X-Ms-Request-Id", "X-Ms-Maa-Service-Version", "Server", "X-Content-Type-Options", "Content-Security-Policy", "Content-Type", "Content-Length", "Cache-Control"} {
			if h.Get(name) == "" {
				t.Errorf("%s %s: no %s among %v", method, target, name, slices.Sorted(maps.Keys(h)))
			}
		}
	}
}
