package server

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
)

// document is a public answer that stays the same as long as the server runs.
type document struct {
	text []byte
	etag string
}

func newDocument(v any) (document, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return document{}, fmt.Errorf("server: %w", err)
	}
	return documentOf(text), nil
}

func documentOf(text []byte) document {
	digest := sha256.Sum256(text)
	return document{text: text, etag: `"` + hex.EncodeToString(digest[:16]) + `"`}
}

// documentAge is how long relying parties may keep a document. Keys stay
// published long after their last token, so an hour does no harm.
const documentAge = "public, max-age=3600"

// serve writes the document, or that the client has it already. No version and
// no credential is asked for.
func (d document) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", d.etag)
	w.Header().Set("Cache-Control", documentAge)
	if r.Header.Get("If-None-Match") == d.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	write(w, http.StatusOK, d.text)
}

// healthz says that the process runs.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	write(w, http.StatusOK, []byte(`{"status":"ok"}`))
}

// readyz says whether requests should come here: not any more once shutdown has
// begun.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if s.isDraining.Load() {
		write(w, http.StatusServiceUnavailable, []byte(`{"status":"draining"}`))
		return
	}
	write(w, http.StatusOK, []byte(`{"status":"ready"}`))
}
