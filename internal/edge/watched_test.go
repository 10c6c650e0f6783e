package edge_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/azattest/azattest/internal/edge"
)

// What is remembered is what the client gets, and the connection can be reached.
func TestWatched(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		serve  func(*edge.Watched)
		status int
		bytes  int
	}{
		"nothing": {serve: func(*edge.Watched) {}},
		"a body": {func(w *edge.Watched) {
			_, _ = io.WriteString(w, "he")
			_, _ = io.WriteString(w, "llo")
		}, http.StatusOK, 5},
		"a status": {func(w *edge.Watched) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, "no")
		}, http.StatusTeapot, 2},
		"two statuses": {func(w *edge.Watched) {
			w.WriteHeader(http.StatusTeapot)
			w.WriteHeader(http.StatusOK)
		}, http.StatusTeapot, 0},
	} {
		recorder := httptest.NewRecorder()
		w := &edge.Watched{ResponseWriter: recorder}
		tt.serve(w)
		if w.Status != tt.status || w.Bytes != tt.bytes || w.Bytes != recorder.Body.Len() || w.Status != 0 && w.Status != recorder.Code {
			t.Errorf("%s: status %d and %d bytes, want %d and %d", name, w.Status, w.Bytes, tt.status, tt.bytes)
		}
		if err := http.NewResponseController(w).Flush(); err != nil || !recorder.Flushed {
			t.Errorf("%s: the connection is out of reach: %v", name, err)
		}
	}
}
