package vaultserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/telemetry"
	"github.com/azattest/azattest/internal/throttle"
	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/internal/vaultserver"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
)

// counted gives the fixture numbers, and returns those that are not zero: what Prometheus
// reads of the vault, but for times.
func (f *fixture) counted(t *testing.T) func() map[string]string {
	t.Helper()
	c := telemetry.VaultConfig{Codes: vaultserver.Codes(), Clock: f.config.Clock}
	for _, o := range vaultserver.Operations() {
		c.Operations = append(c.Operations, string(o))
	}
	f.config.Metrics = must[*telemetry.VaultMetrics](t)(telemetry.NewVaultMetrics(c))
	return func() map[string]string {
		found := map[string]string{}
		for _, line := range f.scraped(t) {
			name, value, _ := strings.Cut(strings.TrimPrefix(line, "keyrelease_"), " ")
			if value != "0" && !strings.Contains(name, "_seconds_bucket") && !strings.Contains(name, "_seconds_sum") && !strings.HasPrefix(name, "build_info") {
				found[name] = value
			}
		}
		return found
	}
}

// scraped are the lines of the vault that Prometheus reads.
func (f *fixture) scraped(t *testing.T) []string {
	t.Helper()
	w := httptest.NewRecorder()
	f.config.Metrics.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	var found []string
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "keyrelease_") {
			found = append(found, strings.TrimSuffix(line, "\n"))
		}
	}
	return found
}

func wantCounted(t *testing.T, got, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
}

// Each request counts once by its status, and each release by its outcome as well.
func TestEachRequestIsCounted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	counted := f.counted(t)
	s := f.server(t)
	release := func(role auth.Role, name string, changes set) {
		f.do(t, s, role, http.MethodPost, "/keys/"+name+"/release"+apiVersion, set{"target": f.token(t, changes)})
	}
	answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/key/create"+apiVersion, exportable()))
	answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/off/create"+apiVersion, exportable(set{"attributes": set{"exportable": true, "enabled": false}})))
	release(auth.KeyReleaseUser, "key", nil)
	release(auth.KeyReleaseUser, "key", nil)
	release(auth.KeyReleaseUser, "key", set{"x-ms-sgx-product-id": 2})
	release(auth.KeyReleaseUser, "key", set{"iss": "https://elsewhere.example"})
	release(auth.KeyReleaseUser, "off", nil)
	release(auth.KeyReleaseUser, "none", nil)
	release(auth.KeyOfficer, "key", nil)
	release("", "key", nil)
	f.do(t, s, auth.KeyReleaseUser, http.MethodPost, "/keys/key/release"+apiVersion, nil)
	f.do(t, s, auth.KeyReleaseUser, http.MethodPost, "/keys/key/release", set{"target": "t"})
	f.do(t, s, auth.KeyReader, http.MethodDelete, "/keys/key"+apiVersion, nil)
	f.do(t, s, auth.KeyReader, http.MethodGet, "/keys"+apiVersion, nil)
	f.do(t, s, auth.KeyReader, http.MethodGet, "/healthz", nil)
	f.do(t, s, "", http.MethodGet, "/readyz", nil)
	f.do(t, s, "", http.MethodGet, "/metrics", nil)
	f.do(t, s, "", http.MethodPost, "/keys", nil)
	wantCounted(t, counted(), map[string]string{
		`requests_total{operation="KeyCreate",status="200"}`: "2", `request_duration_seconds_count{operation="KeyCreate"}`: "2",
		`requests_total{operation="KeyRelease",status="200"}`: "2", `request_duration_seconds_count{operation="KeyRelease"}`: "10",
		`requests_total{operation="KeyRelease",status="403"}`: "4", `requests_total{operation="KeyRelease",status="404"}`: "1",
		`requests_total{operation="KeyRelease",status="401"}`: "1", `requests_total{operation="KeyRelease",status="415"}`: "1",
		`requests_total{operation="KeyRelease",status="400"}`: "1",
		`requests_total{operation="KeyDelete",status="403"}`:  "1", `request_duration_seconds_count{operation="KeyDelete"}`: "1",
		`requests_total{operation="KeyList",status="200"}`: "1", `request_duration_seconds_count{operation="KeyList"}`: "1",
		`requests_total{operation="probe",status="200"}`: "2", `request_duration_seconds_count{operation="probe"}`: "2",
		`requests_total{operation="other",status="404"}`: "1", `requests_total{operation="other",status="405"}`: "1", `request_duration_seconds_count{operation="other"}`: "2",
		`releases_total{outcome="released"}`: "2", `releases_total{outcome="AccessDenied"}`: "2", `releases_total{outcome="KeyDisabled"}`: "1",
		`releases_total{outcome="KeyNotFound"}`: "1", `releases_total{outcome="ForbiddenByRbac"}`: "1", `releases_total{outcome="Unauthorized"}`: "1",
		`releases_total{outcome="UnsupportedMediaType"}`: "1", `releases_total{outcome="BadParameter"}`: "1",
	})
}

func TestRequestsBeyondALimitAreCounted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.Limits.Caller = throttle.Limit{PerSecond: 0.001, Burst: 2}
	counted := f.counted(t)
	s := f.server(t)
	for range 5 {
		f.do(t, s, auth.KeyReleaseUser, http.MethodPost, "/keys/key/release"+apiVersion, set{"target": f.token(t, nil)})
	}
	got := counted()
	for name, want := range map[string]string{
		`requests_total{operation="KeyRelease",status="429"}`: "3", `releases_total{outcome="Throttled"}`: "3", `releases_total{outcome="KeyNotFound"}`: "2",
		`rate_limited_requests_total{by="caller"}`: "3",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %s", name, got[name], want)
		}
	}
	if log := f.logged.String(); !strings.Contains(log, "more requests of one caller") {
		t.Errorf("the log does not say of what there were too many: %s", log)
	}
}

// While one is served, another one finds no place.
func TestRequestsWithoutAPlaceAreCounted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.Limits.Concurrent = 1
	counted := f.counted(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	sign := f.config.Release.Signer
	f.config.Release.Signer = func(ctx context.Context) (*keyrelease.Signer, error) {
		entered <- struct{}{}
		<-leave
		return sign(ctx)
	}
	s := f.server(t)
	answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/key/create"+apiVersion, exportable()))
	large, upload := io.Pipe()
	ended := make(chan struct{}, 2)
	go func() {
		f.do(t, s, auth.KeyReleaseUser, http.MethodPost, "/keys/key/release"+apiVersion, set{"target": f.token(t, nil)})
		ended <- struct{}{}
	}()
	go func() {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/keys/large/create"+apiVersion, large)
		r.Header.Set("Authorization", f.bearer(t, auth.KeyOfficer))
		s.ServeHTTP(httptest.NewRecorder(), r)
		ended <- struct{}{}
	}()
	<-entered
	wantRefusal(t, f.do(t, s, auth.KeyReleaseUser, http.MethodPost, "/keys/key/release"+apiVersion, set{"target": f.token(t, nil)}), http.StatusTooManyRequests, "Throttled", "")
	// One byte more than a small body has is received in a place.
	if _, err := upload.Write(make([]byte, 16<<10+2)); err != nil {
		t.Error(err)
	}
	wantRefusal(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/a/create"+apiVersion, set{"kty": strings.Repeat("a", 20<<10)}), http.StatusTooManyRequests, "Throttled", "")
	got := counted()
	for name, want := range map[string]string{
		`requests_in_flight`: "2", `releases_total{outcome="Throttled"}`: "1", `requests_total{operation="KeyCreate",status="429"}`: "1",
		`rate_limited_requests_total{by="concurrency"}`: "1", `rate_limited_requests_total{by="uploads"}`: "1", `rate_limited_requests_total{by="caller"}`: "",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	close(leave)
	_ = upload.Close()
	<-ended
	<-ended
	if got := counted(); got["requests_in_flight"] != "" || got[`releases_total{outcome="released"}`] != "1" {
		t.Errorf("at the end %v", got)
	}
}

// Whatever clients ask for makes no new lines.
func TestClientsCannotMakeTheNumbersGrow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.counted(t)
	s := f.server(t)
	before := 0
	for round := range 2 {
		for n := range 50 {
			evil := fmt.Sprintf("evil%d", n+50*round)
			for _, path := range []string{"/" + evil, "/keys/" + evil, "/keys/" + evil + "/" + evil, "/keys/" + evil + "/" + evil + "/" + evil, "//" + evil, "/healthz/" + evil} {
				for _, method := range []string{http.MethodGet, http.MethodDelete, strings.ToUpper(evil)} {
					f.do(t, s, auth.KeyReader, method, path+"?api-version=7.4&x="+evil, nil)
				}
			}
			f.do(t, s, auth.KeyReleaseUser, http.MethodPost, "/keys/"+evil+"/release?api-version="+evil, set{"target": evil})
			f.do(t, s, auth.KeyReleaseUser, http.MethodPost, "/keys/"+evil+"/release"+apiVersion, set{"target": evil, "enc": evil, "nonce": evil})
		}
		lines := f.scraped(t)
		if text := strings.Join(lines, "\n"); strings.Contains(strings.ToLower(text), "evil") {
			t.Errorf("what a client sent stands in a label:\n%s", text)
		}
		if round == 1 && len(lines) != before {
			t.Errorf("%d lines, %d before", len(lines), before)
		}
		before = len(lines)
	}
}

// closingStore closes the trail once something was written.
type closingStore struct {
	store.Store
	closeTrail func() error
}

func (s *closingStore) Commit(ctx context.Context, changes ...store.Change) (int64, error) {
	revision, err := s.Store.Commit(ctx, changes...)
	return revision, errors.Join(err, s.closeTrail())
}

// Each request of which the trail lacks the record counts, and once: a release that
// could not be recorded, a change that was made all the same, what was refused before
// it happened, and a refusal.
func TestAuditFailuresAreCounted(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(*testing.T, *fixture) http.Handler{
		"release": func(t *testing.T, f *fixture) http.Handler {
			t.Helper()
			sign := f.config.Release.Signer
			f.config.Release.Signer = func(ctx context.Context) (*keyrelease.Signer, error) {
				return must[*keyrelease.Signer](t)(sign(ctx)), f.config.Audit.Close()
			}
			s := f.server(t)
			answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/key/create"+apiVersion, exportable()))
			wantRefusal(t, f.do(t, s, auth.KeyReleaseUser, http.MethodPost, "/keys/key/release"+apiVersion, set{"target": f.token(t, nil)}), http.StatusServiceUnavailable, "ServiceUnavailable", "recorded")
			return s
		},
		"change": func(t *testing.T, f *fixture) http.Handler {
			t.Helper()
			records := &closingStore{Store: memory.New(), closeTrail: f.config.Audit.Close}
			f.config.Vault = must[*vault.Vault](t)(vault.Open(vault.Config{Store: records, Secrets: [][]byte{bytes.Repeat([]byte{7, 1}, 16)}, Clock: f.config.Clock}))
			s := f.server(t)
			wantRefusal(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/key/create"+apiVersion, exportable()), http.StatusServiceUnavailable, "ServiceUnavailable", "was made")
			return s
		},
		"nothing": func(t *testing.T, f *fixture) http.Handler {
			t.Helper()
			s := f.server(t)
			must[struct{}](t)(struct{}{}, f.config.Audit.Close())
			wantRefusal(t, f.do(t, s, auth.KeyOfficer, http.MethodDelete, "/keys/key"+apiVersion, nil), http.StatusServiceUnavailable, "ServiceUnavailable", "recorded")
			return s
		},
		"refusal": func(t *testing.T, f *fixture) http.Handler {
			t.Helper()
			s := f.server(t)
			must[struct{}](t)(struct{}{}, f.config.Audit.Close())
			wantRefusal(t, f.do(t, s, auth.KeyReader, http.MethodDelete, "/keys/key"+apiVersion, nil), http.StatusForbidden, "Forbidden", "ForbiddenByRbac")
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			counted := f.counted(t)
			s := ask(t, f)
			// What is read is not recorded, and so not missed.
			f.do(t, s, auth.KeyReader, http.MethodGet, "/keys"+apiVersion, nil)
			got := counted()
			if got["audit_failures_total"] != "1" || got[`releases_total{outcome="released"}`] != "" {
				t.Errorf("numbers %v, want one record that is missing, and nothing released", got)
			}
		})
	}
}

// A panic is an error like others.
func TestAPanicIsCounted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	counted := f.counted(t)
	f.config.Release.Signer = func(context.Context) (*keyrelease.Signer, error) { panic("a fault of ours") }
	s := f.server(t)
	answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/key/create"+apiVersion, exportable()))
	f.do(t, s, auth.KeyReleaseUser, http.MethodPost, "/keys/key/release"+apiVersion, set{"target": f.token(t, nil)})
	got := counted()
	if got[`releases_total{outcome="InternalServerError"}`] != "1" || got[`requests_total{operation="KeyRelease",status="500"}`] != "1" || got["requests_in_flight"] != "" {
		t.Errorf("numbers %v", got)
	}
}
