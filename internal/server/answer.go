package server

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/azattest/azattest/internal/edge"
	"github.com/azattest/azattest/internal/wire"
)

// product names this service in the header Server.
const product = "azattest"

// hstsYear tells browsers to use nothing but TLS for a year.
const hstsYear = "max-age=31536000"

// putHeaders sets what stands in every answer.
func (s *Server) putHeaders(h http.Header, requestID string, r *http.Request) {
	h.Set("Server", product)
	h.Set("x-ms-request-id", requestID)
	if id := r.Header.Get("x-ms-client-request-id"); edge.IsToken(id) {
		h.Set("x-ms-client-request-id", id)
	}
	h.Set("x-ms-maa-service-version", s.version)
	// Nothing here is for a browser to render, run or frame.
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if s.tls != nil && isPublicName(hostname(r.Host)) {
		h.Set("Strict-Transport-Security", hstsYear)
	}
}

// hostname takes the port off a host.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

// isPublicName reports whether host is a name that a browser may remember for
// TLS: not localhost, which belongs to every program of a machine, and no
// address, for which browsers remember nothing.
func isPublicName(host string) bool {
	_, err := netip.ParseAddr(host)
	return err != nil && host != "localhost"
}

// answer writes a success. Tokens are for the one who asked: nothing on the way
// may keep them.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		s.fail(w, r, fmt.Errorf("encode the answer: %w", err))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	write(w, http.StatusOK, text)
}

// refuse writes an error in the shape of the request's API version, with the
// code in a header too, where the SDKs look first. Enrollments know no version: their
// refusals have the newest shape, for it says why.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status int, e wire.Error) {
	n := noteOf(r)
	n.code = e.Code
	w.Header().Set("x-ms-error-code", e.Code)
	w.Header().Set("Cache-Control", "no-store")
	shape := n.version
	if n.operation.isEnrollment() {
		shape = wire.V20250601
	}
	write(w, status, e.JSON(shape))
}

func write(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", wire.ContentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	// A client that went away cannot be told.
	_, _ = w.Write(text) //nolint:gosec // G705: JSON is no script, and nosniff and the content type say so
}
