package server

import (
	"net/http"
	"strings"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/wire"
)

// routes is every path that the service knows. Patterns are in lower case:
// Azure's routes do not regard case, and some clients send /attest/sgxenclave.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(method, path string, h http.HandlerFunc) {
		mux.HandleFunc(method+" "+path, h)
		mux.HandleFunc(path, s.refuseMethod(method))
	}
	handle(http.MethodPost, "/attest/sgxenclave", s.attestation(attest.SGXEnclave, wire.QuoteMember))
	handle(http.MethodPost, "/attest/openenclave", s.attestation(attest.OpenEnclave, wire.ReportMember))
	handle(http.MethodGet, "/certs", s.certs.serve)
	handle(http.MethodGet, "/.well-known/openid-configuration", s.openID.serve)
	handle(http.MethodGet, "/healthz", s.healthz)
	handle(http.MethodGet, "/readyz", s.readyz)
	mux.HandleFunc("/", s.refusePath)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		folded := *r.URL
		folded.Path, folded.RawPath = strings.ToLower(r.URL.Path), ""
		r = r.WithContext(r.Context())
		r.URL = &folded
		mux.ServeHTTP(w, r)
	})
}

func (s *Server) refuseMethod(allowed string) http.HandlerFunc {
	if allowed == http.MethodGet {
		allowed += ", " + http.MethodHead
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allowed)
		s.refuse(w, r, http.StatusMethodNotAllowed, wire.Error{
			Code: wire.CodeMethodNotAllowed, Message: "The method " + clip(r.Method) + " is not allowed here, want " + allowed + ".",
		})
	}
}

func (s *Server) refusePath(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, http.StatusNotFound, wire.Error{
		Code: wire.CodeNotFound, Message: "There is no resource at " + clip(r.URL.Path) + ".",
	})
}

// clip shortens what a client sent before it goes into an answer.
func clip(text string) string {
	const most = 128
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
