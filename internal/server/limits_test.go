package server_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

func TestBodySize(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.Limits.BodyBytes = 100
	s := f.server(t)
	fits := body + strings.Repeat(" ", 100-len(body))
	tokenOf(t, do(t, s, http.MethodPost, sgxPath, fits))
	wantRefusal(t, do(t, s, http.MethodPost, sgxPath, fits+" "), http.StatusRequestEntityTooLarge, "RequestBodyTooLarge")
	// The same without a length announced.
	for text, status := range map[string]int{fits: http.StatusOK, fits + " ": http.StatusRequestEntityTooLarge} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, sgxPath, io.MultiReader(strings.NewReader(text)))
		if r.ContentLength != -1 {
			t.Fatalf("length %d announced, want none", r.ContentLength)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%d bytes: status %d, want %d", len(text), w.Code, status)
		}
	}
}

// neverRead fails the test if the server reads a body whose length is reason
// enough to refuse it.
type neverRead struct{ t *testing.T }

func (r neverRead) Read([]byte) (int, error) {
	r.t.Error("the body was read")
	return 0, io.EOF
}

func TestLengthAnnounced(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, sgxPath, neverRead{t})
	r.ContentLength = 1 << 40
	w := httptest.NewRecorder()
	newFixture(t).server(t).ServeHTTP(w, r)
	wantRefusal(t, w, http.StatusRequestEntityTooLarge, "RequestBodyTooLarge")
}

func TestDefaultBodySizeTakesTheLargestRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.verifier.binds = strings.Repeat("x", 256<<10)
	data := strings.Repeat("eHh4", len(f.verifier.binds)/3) + "eA"
	tokenOf(t, do(t, f.server(t), http.MethodPost, sgxPath, `{"quote":"cXVvdGU","runtimeData":{"data":"`+data+`","dataType":"Binary"}}`))
}

func TestTruncatedBody(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]error{"cut off": io.ErrUnexpectedEOF, "connection reset": errors.New("read: connection reset")} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, sgxPath, io.MultiReader(strings.NewReader(`{"quote":`), iotest.ErrReader(broken)))
		w := httptest.NewRecorder()
		newFixture(t).server(t).ServeHTTP(w, r)
		wantRefusal(t, w, http.StatusBadRequest, "InvalidParameter")
		if strings.Contains(w.Body.String(), "reset") {
			t.Errorf("%s: %s", name, w.Body)
		}
	}
}

// occupied holds n requests in their attestation, and lets them go at the end of
// the test.
func occupied(t *testing.T, f *fixture, n int) (s http.Handler, release func()) {
	t.Helper()
	entered, leave := make(chan struct{}), make(chan struct{})
	f.verifier.verify = func(context.Context) error {
		entered <- struct{}{}
		<-leave
		return nil
	}
	h := f.server(t)
	var all sync.WaitGroup
	for range n {
		all.Go(func() { tokenOf(t, do(t, h, http.MethodPost, sgxPath, body)) })
	}
	for range n {
		<-entered
	}
	f.verifier.verify = nil
	return h, func() { close(leave); all.Wait() }
}

func TestConcurrentAttestations(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.Limits.Concurrent = 3
	lines := f.logged(t)
	s, release := occupied(t, f, 3)
	w := do(t, s, http.MethodPost, sgxPath, body)
	wantRefusal(t, w, http.StatusTooManyRequests, "TooManyRequests")
	if w.Header().Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q, want 1", w.Header().Get("Retry-After"))
	}
	if logged := lines(); len(logged) != 1 || logged[0]["level"] != "WARN" {
		t.Errorf("logged %v, want one warning", logged)
	}
	// What is wrong anyway is said at once, and documents are not held up.
	wantRefusal(t, do(t, s, http.MethodPost, sgxPath, `{}`), http.StatusBadRequest, "InvalidParameter")
	if w := do(t, s, http.MethodGet, "/certs", ""); w.Code != http.StatusOK {
		t.Errorf("/certs: status %d", w.Code)
	}
	release()
	tokenOf(t, do(t, s, http.MethodPost, sgxPath, body))
}

func TestConcurrentUploads(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.Limits.Uploads = 1
	s := f.server(t)
	reader, writer := io.Pipe()
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, sgxPath, reader))
		if w.Code != http.StatusOK {
			t.Errorf("slow upload: status %d: %s", w.Code, w.Body)
		}
	}()
	// JSON allows white space before the object: a large body of little content.
	large := strings.Repeat(" ", 17<<10) + body
	// The pipe hands over only when the server reads, so its place is taken once
	// it has taken more than a small body.
	const begun = 16<<10 + 5
	if _, err := io.WriteString(writer, large[:begun]); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, do(t, s, http.MethodPost, sgxPath, large), http.StatusTooManyRequests, "TooManyRequests")
	// Small bodies need no place: nobody is locked out by slow senders.
	tokenOf(t, do(t, s, http.MethodPost, sgxPath, body))
	if _, err := io.WriteString(writer, large[begun:]); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	<-finished
	tokenOf(t, do(t, s, http.MethodPost, sgxPath, large))
}

func TestRequestTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.config.Limits.Request = 3 * time.Second
		f.verifier.verify = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		begin := time.Now()
		w := do(t, f.server(t), http.MethodPost, sgxPath, body)
		wantRefusal(t, w, http.StatusGatewayTimeout, "GatewayTimeout")
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("took %s, want 3s", took)
		}
	})
}
