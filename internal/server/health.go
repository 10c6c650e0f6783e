package server

import "net/http"

// healthz says that the process runs and answers.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	write(w, http.StatusOK, []byte(`{"status":"ok"}`))
}

// readyz says whether requests should come here: not before the operator's own
// check says so, not while what is known of the instances is too old to attest by
// or the audit trail takes no records, and not any more once the shutdown has begun.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if reason := s.notReady(); reason != "" {
		write(w, http.StatusServiceUnavailable, []byte(`{"status":"`+reason+`"}`))
		return
	}
	write(w, http.StatusOK, []byte(`{"status":"ready"}`))
}

// notReady returns why no requests should come here, "" if they may.
func (s *Server) notReady() string {
	switch {
	case s.isDraining.Load():
		return "draining"
	case s.ready != nil && !s.ready():
		return "starting"
	case !s.instances.IsFresh():
		return "stale"
	case s.audit != nil && s.audit.Err() != nil:
		return "unaudited"
	}
	return ""
}
