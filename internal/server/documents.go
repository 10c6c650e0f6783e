package server

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/wire"
)

// certs serves GET /certs: the keys that sign for the instance.
func (s *Server) certs(w http.ResponseWriter, r *http.Request) {
	issuer, err := noteOf(r).instance.Issuer(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	jwks := issuer.Ring().JWKS()
	if noteOf(r).instance.IsServed(attest.TPM) {
		jwks = issuer.Ring().ReportJWKS()
	}
	documentOf(jwks).serve(w, r)
}

// openIDConfiguration serves GET /.well-known/openid-configuration.
func (s *Server) openIDConfiguration(w http.ResponseWriter, r *http.Request) {
	issuer, err := noteOf(r).instance.Issuer(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	d, err := newDocument(wire.NewOpenIDConfiguration(issuer.URL(), string(issuer.Ring().Current().Algorithm())))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	d.serve(w, r)
}

// document is a public answer that stays the same until the keys change. No
// version and no credential is asked for.
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

// documentCaching lets a document be kept for five minutes: keys are announced for
// longer before they sign, unless an operator has them sign at once.
const documentCaching = "public, max-age=300"

// serve writes the document, or says that the client has it already.
func (d document) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", d.etag)
	w.Header().Set("Cache-Control", documentCaching)
	if d.isHeldBy(r.Header.Values("If-None-Match")) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	write(w, http.StatusOK, d.text)
}

// isHeldBy reports whether If-None-Match names the document (RFC 9110, section
// 13.1.2; the comparison is the weak one).
func (d document) isHeldBy(ifNoneMatch []string) bool {
	for _, list := range ifNoneMatch {
		for tag := range strings.SplitSeq(list, ",") {
			tag = strings.TrimSpace(tag)
			if tag == "*" || strings.TrimPrefix(tag, "W/") == d.etag {
				return true
			}
		}
	}
	return false
}
