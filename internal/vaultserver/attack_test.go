package vaultserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/azattest/azattest/internal/audit"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/testtoken"
	"github.com/azattest/azattest/internal/throttle"
	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/internal/vaultserver"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
)

// recorded closes the trail and returns its lines, once it has been found whole.
func (f *fixture) recorded(t *testing.T) []string {
	t.Helper()
	if err := f.config.Audit.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := audit.Open(audit.Config{Dir: f.auditDir, Clock: f.config.Clock})
	if err != nil {
		t.Fatalf("the trail does not open again: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range must[[]string](t)(filepath.Glob(filepath.Join(f.auditDir, "*"))) {
		for line := range strings.Lines(string(must[[]byte](t)(os.ReadFile(name)))) {
			if strings.Contains(line, "operationName") {
				found = append(found, line)
			}
		}
	}
	return found
}

// Whatever an attested party puts into its token, the trail opens again.
func TestNoTokenBreaksTheTrail(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/key/create"+apiVersion, exportable()))
	for _, changes := range []set{
		{"jti": strings.Repeat("<", 20_000)},
		{"jti": "\x1b[2J"},
		testtoken.Holding(testtoken.RSAKey(&testtoken.EnclaveKey().PublicKey).With(set{"kid": strings.Repeat("\u2028", 60_000)})),
	} {
		f.do(t, s, auth.KeyReleaseUser, http.MethodPost, "/keys/key/release"+apiVersion, set{"target": f.token(t, changes)})
	}
	if got := f.recorded(t); len(got) != 4 {
		t.Errorf("%d records, want 4", len(got))
	}
}

// Who is told to wait, or has no role, does not fill the disk of the trail.
func TestRefusalsDoNotFillTheTrail(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.Limits.Caller = throttle.Limit{PerSecond: 0.001, Burst: 150}
	s := f.server(t)
	for range 400 {
		f.do(t, s, auth.KeyReader, http.MethodDelete, "/keys/key"+apiVersion, nil)
	}
	if got := len(f.recorded(t)); got != 100 {
		t.Errorf("%d records of 400 refusals, want 100", got)
	}
}

// A bearer that does not hold costs as much as one that does.
func TestForgedBearersAreCounted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.Limits.Caller = throttle.Limit{PerSecond: 0.001, Burst: 3}
	s := f.server(t)
	forged := f.bearer(t, auth.KeyReader)
	forged = forged[:len(forged)-4] + "AAAA"
	statuses := map[int]int{}
	for range 10 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/keys"+apiVersion, http.NoBody)
		r.Header.Set("Authorization", forged)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		statuses[w.Code]++
	}
	if statuses[http.StatusUnauthorized] != 3 || statuses[http.StatusTooManyRequests] != 7 {
		t.Errorf("statuses %v", statuses)
	}
}

// Who sends slowly holds no place that others need.
func TestSlowBodiesKeepNobodyOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.Limits.Concurrent = 2
	s := f.server(t)
	answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/key/create"+apiVersion, exportable()))
	ctx, stop := context.WithCancel(t.Context())
	var writers []*io.PipeWriter
	done := make(chan struct{}, 8)
	for n := range 8 {
		reader, writer := io.Pipe()
		writers = append(writers, writer)
		go func() {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("/keys/key-%d/release%s", n, apiVersion), reader)
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", f.bearer(t, auth.KeyReleaseUser))
			s.ServeHTTP(httptest.NewRecorder(), r)
			done <- struct{}{}
		}()
		if _, err := io.WriteString(writer, `{"target":`); err != nil {
			t.Error(err)
		}
	}
	answer(t, f.do(t, s, auth.KeyReleaseUser, http.MethodPost, "/keys/key/release"+apiVersion, set{"target": f.token(t)}))
	answer(t, f.do(t, s, auth.KeyReader, http.MethodGet, "/keys/key"+apiVersion, nil))
	for _, w := range writers {
		_ = w.Close()
	}
	stop()
	for range writers {
		<-done
	}
}

// Long bodies are received as many at once as there are places, short ones whenever.
func TestLongBodiesTakePlaces(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.Limits.Concurrent = 1
	s := f.server(t)
	reader, writer := io.Pipe()
	slow := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/keys/slow/create"+apiVersion, reader)
	slow.Header.Set("Content-Type", "application/json")
	slow.Header.Set("Authorization", f.bearer(t, auth.KeyOfficer))
	answered := make(chan *httptest.ResponseRecorder)
	go func() {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, slow)
		answered <- w
	}()
	// Its last byte is taken by who has a place.
	if _, err := io.WriteString(writer, strings.Repeat(" ", 16<<10+2)); err != nil {
		t.Error(err)
	}
	long := set{"kty": strings.Repeat("x", 16<<10)}
	wantRefusal(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/long/create"+apiVersion, long), http.StatusTooManyRequests, "Throttled", "at once")
	answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/short/create"+apiVersion, exportable()))
	_ = writer.Close()
	wantRefusal(t, <-answered, http.StatusBadRequest, "BadParameter", "not valid JSON")
	wantRefusal(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/long/create"+apiVersion, long), http.StatusBadRequest, "BadParameter", "")
}

// A change that has begun is finished and recorded, though whoever asked has gone.
func TestAChangeOutlivesItsClient(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/key/create"+apiVersion, exportable()))
	ctx, cancel := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodDelete, "/keys/key"+apiVersion, hangingUp{cancel})
	r.Header.Set("Authorization", f.bearer(t, auth.KeyOfficer))
	s.ServeHTTP(httptest.NewRecorder(), r)
	if ctx.Err() == nil {
		t.Fatal("nobody hung up")
	}
	wantRefusal(t, f.do(t, s, auth.KeyReader, http.MethodGet, "/keys/key"+apiVersion, nil), http.StatusNotFound, "KeyNotFound", "")
	got := f.recorded(t)
	if last := got[len(got)-1]; !strings.Contains(last, `"KeyDelete"`) || !strings.Contains(last, `"Succeeded"`) {
		t.Errorf("recorded as %s", last)
	}
}

// hangingUp ends the request once its body has been read.
type hangingUp struct{ cancel context.CancelFunc }

func (h hangingUp) Read([]byte) (int, error) {
	h.cancel()
	return 0, io.EOF
}

// uncertainStore does not say whether it wrote, and then cannot be read.
type uncertainStore struct {
	store.Store
	broken atomic.Bool
	calls  atomic.Int32
}

func (s *uncertainStore) Commit(ctx context.Context, changes ...store.Change) (int64, error) {
	revision, err := s.Store.Commit(ctx, changes...)
	if s.broken.Load() {
		return 0, &store.UncertainError{Err: errors.New("cut off")}
	}
	return revision, err
}

func (s *uncertainStore) Get(ctx context.Context, key string) (store.Record, error) {
	if s.broken.Load() && s.calls.Add(1) > 2 {
		return store.Record{}, errors.New("unreachable")
	}
	return s.Store.Get(ctx, key)
}

// A change that may have been made is not told as one that was not.
func TestAChangeThatMayHaveBeenMade(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	records := &uncertainStore{Store: memory.New()}
	f.config.Vault = must[*vault.Vault](t)(vault.Open(vault.Config{Store: records, Secrets: [][]byte{bytes.Repeat([]byte{7, 1}, 16)}, Clock: f.config.Clock}))
	s := f.server(t)
	answer(t, f.do(t, s, auth.KeyOfficer, http.MethodPost, "/keys/key/create"+apiVersion, exportable()))
	records.broken.Store(true)
	wantRefusal(t, f.do(t, s, auth.KeyOfficer, http.MethodPatch, "/keys/key"+apiVersion, set{"attributes": set{"enabled": false}}), http.StatusServiceUnavailable, "ServiceUnavailable", "not known whether the change was made")
	records.broken.Store(false)
	if got := answer(t, f.do(t, s, auth.KeyReader, http.MethodGet, "/keys/key"+apiVersion, nil)); member(got, "attributes", "enabled") != false {
		t.Error("it was not made after all")
	}
}

// A key that does not open under the wrapping key of now is told as what waiting does
// not mend, whatever is asked of it, and its record is not in the answer.
func TestAKeyThatDoesNotOpen(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	records := memory.New()
	open := func(secret byte) *vaultserver.Server {
		f.config.Vault = must[*vault.Vault](t)(vault.Open(vault.Config{Store: records, Secrets: [][]byte{bytes.Repeat([]byte{secret, 1}, 16)}, Clock: f.config.Clock}))
		return f.server(t)
	}
	answer(t, f.do(t, open(7), auth.KeyOfficer, http.MethodPost, "/keys/key/create"+apiVersion, exportable()))
	s := open(8)
	for _, w := range []*httptest.ResponseRecorder{
		f.do(t, s, auth.KeyReleaseUser, http.MethodPost, "/keys/key/release"+apiVersion, set{"target": f.token(t, nil)}),
		f.do(t, s, auth.KeyReader, http.MethodGet, "/keys/key"+apiVersion, nil),
	} {
		wantRefusal(t, w, http.StatusInternalServerError, "InternalServerError", "The key cannot be read.")
		if w.Header().Get("Retry-After") != "" {
			t.Error("who asks is told to come again")
		}
	}
}

// Members that stand twice are read in two ways.
func TestBodiesThatAreReadInTwoWaysAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/keys/key/create"+apiVersion, strings.NewReader(`{"kty":"oct","kty":"EC"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", f.bearer(t, auth.KeyOfficer))
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	wantRefusal(t, w, http.StatusBadRequest, "BadParameter", "stands twice")
}
