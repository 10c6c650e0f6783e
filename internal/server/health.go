package server

import "net/http"

// healthz says that the process runs and answers.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	write(w, http.StatusOK, []byte(`{"status":"ok"}`))
}

// readyz says whether requests should come here: not before the operator's own
// check says so, and not any more once the shutdown has begun.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case s.isDraining.Load():
		write(w, http.StatusServiceUnavailable, []byte(`{"status":"draining"}`))
	case s.ready != nil && !s.ready():
		write(w, http.StatusServiceUnavailable, []byte(`{"status":"starting"}`))
	default:
		write(w, http.StatusOK, []byte(`{"status":"ready"}`))
	}
}
