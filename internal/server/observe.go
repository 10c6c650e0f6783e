package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/azattest/azattest/internal/wire"
)

// note is what the log line of a request will say, filled in on the way. It
// holds sizes and codes; evidence, tokens, nonces and data never go in.
type note struct {
	version       wire.APIVersion
	code          string
	cause         error
	evidenceBytes int
}

type noteKey struct{}

// noteOf returns the request's note. Handlers run behind observe, which puts it
// there; elsewhere they write into the void.
func noteOf(r *http.Request) *note {
	if n, ok := r.Context().Value(noteKey{}).(*note); ok {
		return n
	}
	return new(note)
}

// observe sets the headers of every answer, logs one line for each request, and
// turns a panic into an answer without detail.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		n := new(note)
		r = r.WithContext(context.WithValue(r.Context(), noteKey{}, n))
		id := requestID(r.Header.Get("traceparent"))
		h := w.Header()
		h.Set("x-ms-request-id", id)
		if client := r.Header.Get("x-ms-client-request-id"); isSane(client) {
			h.Set("x-ms-client-request-id", client)
		}
		h.Set("x-ms-maa-service-version", s.version)
		h.Set("X-Content-Type-Options", "nosniff")
		if s.tls != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		status := &statusWriter{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				s.recovered(status, r, id, p)
			}
			s.logRequest(r, status.status, id, time.Since(start))
		}()
		next.ServeHTTP(status, r)
	})
}

// recovered answers for a handler that panicked.
func (s *Server) recovered(w *statusWriter, r *http.Request, id string, p any) {
	s.log.LogAttrs(r.Context(), slog.LevelError, "panic",
		slog.String("request_id", id), slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
	if w.status == 0 {
		s.refuse(w, r, http.StatusInternalServerError, wire.Error{Code: wire.CodeInternal, Message: "An internal error occurred."})
	}
}

func (s *Server) logRequest(r *http.Request, status int, id string, took time.Duration) {
	n := noteOf(r)
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", clip(r.URL.Path)), slog.Int("status", status),
		slog.Duration("duration", took), slog.String("request_id", id), slog.String("remote", r.RemoteAddr),
	}
	if n.version != "" {
		attrs = append(attrs, slog.String("api_version", string(n.version)))
	}
	if n.evidenceBytes > 0 {
		attrs = append(attrs, slog.Int("evidence_bytes", n.evidenceBytes))
	}
	if n.code != "" {
		attrs = append(attrs, slog.String("code", n.code))
	}
	level := slog.LevelInfo
	if n.cause != nil {
		attrs = append(attrs, slog.String("cause", n.cause.Error()))
	}
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	s.log.LogAttrs(r.Context(), level, "request", attrs...)
}

// statusWriter remembers the status of the answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// requestID continues the client's trace, or begins one: the real service
// answers with a W3C traceparent.
func requestID(traceparent string) string {
	if isTraceparent(traceparent) {
		return traceparent
	}
	var b [24]byte
	// The reader never fails.
	_, _ = rand.Read(b[:])
	return "00-" + hex.EncodeToString(b[:16]) + "-" + hex.EncodeToString(b[16:]) + "-00"
}

// isTraceparent checks the form of version 00: 2, 32, 16 and 2 lower-case
// hexadecimal digits.
func isTraceparent(text string) bool {
	if len(text) != 55 || text[:3] != "00-" {
		return false
	}
	for i, c := range []byte(text) {
		isDash := i == 2 || i == 35 || i == 52
		isHex := c >= '0' && c <= '9' || c >= 'a' && c <= 'f'
		if isDash != (c == '-') || !isDash && !isHex {
			return false
		}
	}
	return true
}

// isSane reports whether a client's own request ID can be repeated in a header.
func isSane(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		if c < '!' || c > '~' {
			return false
		}
	}
	return true
}
