package vaultserver

import (
	"net/http"
)

// probe answers those who look whether the server is there.
func (s *Server) probe(w http.ResponseWriter, r *http.Request) bool {
	ready := r.URL.Path == "/readyz"
	if r.URL.Path != "/healthz" && !ready || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	status, text := http.StatusOK, "ok\n"
	switch {
	case !ready:
	case s.isDraining.Load():
		status, text = http.StatusServiceUnavailable, "draining\n"
	case s.config.Audit != nil && s.config.Audit.Err() != nil:
		status, text = http.StatusServiceUnavailable, "the audit trail cannot be written\n"
	case s.config.Ready != nil && !s.config.Ready(r.Context()):
		status, text = http.StatusServiceUnavailable, "the store does not answer\n"
	}
	noteOf(r.Context()).isProbe = true
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// Whoever has gone does not hear of it.
	_, _ = w.Write([]byte(text))
	return true
}
