package server

import (
	"net/http"
	"path"
	"strings"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/wire"
)

// routes is every path that the service knows, in lower case.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	handle := func(method, pattern string, h http.HandlerFunc) {
		mux.HandleFunc(method+" "+pattern, h)
		mux.HandleFunc(pattern, s.refuseMethod(method))
	}
	handle(http.MethodPost, "/attest/sgxenclave", s.attestation(attest.SGXEnclave, wire.QuoteMember))
	handle(http.MethodPost, "/attest/openenclave", s.attestation(attest.OpenEnclave, wire.ReportMember))
	handle(http.MethodGet, "/certs", s.certs.serve)
	handle(http.MethodGet, "/.well-known/openid-configuration", s.openID.serve)
	handle(http.MethodGet, "/healthz", s.healthz)
	handle(http.MethodGet, "/readyz", s.readyz)
	mux.HandleFunc("/", s.refusePath)
	return mux
}

// route finds the handler. The framework beneath Azure's service does not regard
// the case of paths, and Windows posts to /attest/tpm; so paths are folded first.
// Only plain paths are let through: the mux would answer others with a redirect,
// and a path with escapes may mean one thing to a proxy and another here.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	full := r.URL.Path
	if r.URL.RawPath != "" || !strings.HasPrefix(full, "/") || path.Clean(full) != full {
		s.refusePath(w, r)
		return
	}
	// Behind a proxy the path of the issuer's URL may be cut off already.
	if below, ok := strings.CutPrefix(full, s.base); ok && strings.HasPrefix(below, "/") {
		full = below
	}
	folded := *r.URL
	folded.Path = wire.Fold(full)
	inner := r.WithContext(r.Context())
	inner.URL = &folded
	if _, pattern := s.mux.Handler(inner); pattern != "/" {
		noteOf(r).route = folded.Path
	}
	s.mux.ServeHTTP(w, inner)
}

func (s *Server) refuseMethod(allowed string) http.HandlerFunc {
	if allowed == http.MethodGet {
		allowed += ", " + http.MethodHead
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allowed)
		s.refuse(w, r, http.StatusMethodNotAllowed, wire.Error{
			Code: wire.CodeMethodNotAllowed, Message: "The method " + wire.Clip(r.Method) + " is not allowed here, want " + allowed + ".",
		})
	}
}

func (s *Server) refusePath(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, http.StatusNotFound, wire.Error{
		Code: wire.CodeNotFound, Message: "There is no resource at '" + wire.Clip(r.URL.Path) + "'.",
	})
}
