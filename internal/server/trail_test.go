package server_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/audit"
	"github.com/azattest/azattest/internal/auth"
)

// permit is an unsigned token of a policy that permits, and its hash.
const (
	permit     = "eyJhbGciOiJub25lIn0.eyJBdHRlc3RhdGlvblBvbGljeSI6ImRtVnljMmx2YmoweExqQTdJR0YxZEdodmNtbDZZWFJwYjI1eWRXeGxjM3M5UGlCd1pYSnRhWFFvS1R0OU95QnBjM04xWVc1alpYSjFiR1Z6ZTMwNyJ9."
	permitHash = "c6sEJQItV50OeP9IrP_bzywAMOVvj5uDPbklA_bwdYQ"

	policyPath = "/policies/SgxEnclave?api-version=2020-10-01"
)

// audited lets the fixture keep a trail, and returns a function that ends it and
// reads its records by operation.
func (f *fixture) audited(tb testing.TB) (dir string, records func() map[string][]audit.Entry) {
	tb.Helper()
	dir = filepath.Join(tb.TempDir(), "trail")
	trail, err := audit.Open(audit.Config{Dir: dir, Clock: f.config.Clock, Flush: time.Millisecond})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	stopped := make(chan error, 1)
	go func() { stopped <- trail.Run(ctx) }()
	end := func() {
		stop()
		stopped <- errors.Join(<-stopped, trail.Close())
	}
	tb.Cleanup(end)
	f.config.Audit, f.config.AuditAttestations = trail, true
	return dir, func() map[string][]audit.Entry {
		end()
		found := map[string][]audit.Entry{}
		if _, err := audit.Verify(dir, audit.Expect{}, func(e audit.Entry) error {
			found[e.Record.OperationName] = append(found[e.Record.OperationName], e)
			return nil
		}); err != nil {
			tb.Error(err)
		}
		return found
	}
}

func TestWhatHappensStandsInTheTrail(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir, records := f.audited(t)
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	tokenOf(t, do(t, s, http.MethodPut, policyPath, permit, name, value, "User-Agent", "trier/1", "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
	wantRefusal(t, do(t, s, http.MethodPut, policyPath, permit), http.StatusUnauthorized, "Unauthorized")
	_, claims := tokenOf(t, do(t, s, http.MethodPost, sgxPath, body))
	wantRefusal(t, do(t, s, http.MethodPost, sgxPath, `{}`), http.StatusBadRequest, "InvalidParameter")
	do(t, s, http.MethodGet, "/certs", "")

	found := records()
	changes := found["SetCurrentPolicy"]
	if len(changes) != 2 {
		t.Fatalf("%d records of the change and its refusal, want 2", len(changes))
	}
	done, refused := changes[0].Record, changes[1].Record
	if done.ResultType != audit.Succeeded || done.Category != audit.AuditEvent || done.ResultSignature != "200" ||
		done.Properties.Details.PolicyTokenHash != permitHash || done.ResourceID != "/instances/contoso" ||
		!strings.Contains(done.Identity.CallerID, "development") || done.Properties.InfoDataReceived.Headers.UserAgent != "trier/1" ||
		done.TraceContext.TraceID != "4bf92f3577b34da6a3ce929d0e0e4736" || done.URI != contoso+"/policies/sgxenclave?api-version=2020-10-01" {
		t.Errorf("record of the change %+v", done)
	}
	if refused.ResultType != audit.Failed || refused.ResultSignature != "401" || refused.Properties.FailureCategory != "Unauthorized" {
		t.Errorf("record of the refusal %+v", refused)
	}
	attested := found["AttestSgxEnclave"]
	if len(attested) != 2 || attested[0].Record.Properties.Details.TokenID != claims["jti"] || attested[1].Record.ResultType != audit.Failed {
		t.Errorf("records of attestations %+v", attested)
	}
	if len(found) != 2 {
		t.Errorf("records of %d operations, want those of two", len(found))
	}
	for _, file := range segments(t, dir) {
		for _, secret := range []string{strings.TrimPrefix(value, "Bearer "), permit, "cXVvdGU"} {
			if strings.Contains(file, secret) {
				t.Errorf("the trail holds %.20s…", secret)
			}
		}
	}
}

func segments(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || len(names) == 0 {
		t.Fatalf("segments %v, %v", names, err)
	}
	var texts []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

func TestNothingIsDoneThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	trail, err := audit.Open(audit.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := trail.Close(); err != nil {
		t.Fatal(err)
	}
	f.config.Audit, f.config.AuditAttestations = trail, true
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	wantRefusal(t, do(t, s, http.MethodPost, sgxPath, body), http.StatusServiceUnavailable, "ServiceUnavailable")
	wantRefusal(t, do(t, s, http.MethodGet, policyPath, "", name, value), http.StatusServiceUnavailable, "ServiceUnavailable")
	w := do(t, s, http.MethodPut, policyPath, permit, name, value)
	wantRefusal(t, w, http.StatusServiceUnavailable, "ServiceUnavailable")
	versions, err := f.instances.History(t.Context(), "contoso", attest.SGXEnclave)
	if err != nil || len(versions) != 0 {
		t.Errorf("history %v, %v, want no change that was not recorded", versions, err)
	}
	if w := do(t, s, http.MethodGet, "/readyz", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("ready: %d %s", w.Code, w.Body)
	}
}

func TestCallersAndInstancesHaveLimits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.Limits.Caller.PerSecond, f.config.Limits.Caller.Burst = 0.001, 2
	s := f.server(t)
	from := func(address, method, path, text string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(text))
		r.RemoteAddr = address
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	for range 2 {
		tokenOf(t, from("192.0.2.1:1000", http.MethodPost, sgxPath, body))
	}
	w := from("192.0.2.1:1001", http.MethodPost, sgxPath, body)
	wantRefusal(t, w, http.StatusTooManyRequests, "TooManyRequests")
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	tokenOf(t, from("192.0.2.2:1000", http.MethodPost, sgxPath, body))
	// Keys are for everybody, and a caller with a name is another one.
	if w := from("192.0.2.1:1000", http.MethodGet, "/certs", ""); w.Code != http.StatusOK {
		t.Errorf("keys: status %d", w.Code)
	}
	name, value := bearer(t, auth.Reader)
	tokenOf(t, from("192.0.2.1:1000", http.MethodGet, policyPath, "", name, value))
	// Whoever guesses tokens is counted by address.
	wantRefusal(t, from("192.0.2.1:1000", http.MethodGet, policyPath, "", "Authorization", "Bearer x"), http.StatusTooManyRequests, "TooManyRequests")
}
