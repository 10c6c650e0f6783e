package vaultserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/azattest/azattest/internal/edge"
	"github.com/azattest/azattest/internal/telemetry"
	"github.com/azattest/azattest/internal/throttle"
	"github.com/azattest/azattest/keyrelease"
)

// ServeHTTP serves one request, counts it, and logs one line about it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.handlers.Add(1)
	defer s.handlers.Done()
	n := &note{
		requestID: edge.RequestID(r.Header.Get("traceparent")), start: time.Now(), address: edge.ClientAddress(r, s.config.TrustedProxies), userAgent: clip(r.UserAgent()), apiVersion: r.URL.Query().Get("api-version"),
		uri: s.keyURI(r),
	}
	ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), noteKey{}, n), s.limits.Request)
	defer cancel()
	r = r.WithContext(ctx)
	h := w.Header()
	h.Set("Server", "azattest")
	h.Set("x-ms-request-id", n.requestID)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	watched := &edge.Watched{ResponseWriter: w}
	s.metrics.RequestBegan()
	defer func() {
		if cause := recover(); cause != nil {
			s.recovered(watched, r, cause)
		}
		n.status = watched.Status
		s.recordRefusal(ctx, n)
		s.count(n)
		s.log(r, n)
	}()
	s.serve(watched, r)
}

// recovered answers for a handler that panicked.
func (s *Server) recovered(w *edge.Watched, r *http.Request, cause any) {
	n := noteOf(r.Context())
	s.config.Log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("request_id", n.requestID),
		slog.String("panic", clip(fmt.Sprintf("%T: %v", cause, cause))), slog.String("stack", string(debug.Stack())))
	n.code, n.cause = "InternalServerError", "panic"
	if w.Status == 0 {
		keyrelease.WriteRefusal(w, fmt.Errorf("vaultserver: panic"))
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if s.probe(w, r) {
		return
	}
	n := noteOf(r.Context())
	if s.config.PlainHTTP && !edge.IsNear(r, s.config.TrustedProxies) {
		s.refuse(w, r, &keyrelease.RefusalError{
			Status: http.StatusForbidden, Code: "Forbidden", Message: "The vault is spoken to over TLS.", Err: errors.New("plain HTTP from a peer that is no trusted proxy"),
		})
		return
	}
	var allowed []string
	n.asked, allowed = route(r.Method, r.URL.EscapedPath())
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		s.refuse(w, r, refusal(http.StatusMethodNotAllowed, "MethodNotAllowed", "The path is not asked so, want "+strings.Join(allowed, " or ")+"."))
		return
	}
	if n.operation == "" {
		s.refuse(w, r, refusal(http.StatusNotFound, "NotFound", "There is nothing here, want /keys."))
		return
	}
	if err := s.admit(w, r, n); err != nil {
		s.refuse(w, r, err)
		return
	}
	// A body is there before a place is taken: who sends slowly keeps nobody out.
	body, err := s.receive(w, r, n.operation)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	defer clear(body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	places := s.managing
	if n.operation == KeyRelease {
		places = s.work
	}
	leave, ok := places.Take()
	if !ok {
		s.refuse(w, r, tooManyAtOnce(telemetry.LimitConcurrency))
		return
	}
	defer leave()
	if n.operation == KeyRelease {
		s.releases.ServeHTTP(w, r)
		return
	}
	s.manage(w, r, n)
}

// admit refuses who may not ask, or asks too often, before a body is read.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, n *note) error {
	caller, err := s.config.Auth.Caller(r.Context(), r)
	name := ""
	if err == nil && !caller.IsAnonymous() {
		name = caller.Name()
	}
	// Credentials that do not hold are counted too, by address: judging them costs as
	// much as judging good ones.
	if wait, by := s.throttle.Allow("", throttle.CallerKey(name, n.address)); by != "" {
		return tooMany(telemetry.LimitCaller, "Too many requests, try again later.", int(wait/time.Second)+1)
	}
	if err != nil {
		return s.unknownCaller(w, err)
	}
	n.caller = caller
	switch {
	case caller.IsAnonymous():
		w.Header().Set("WWW-Authenticate", s.challenge())
		return refusal(http.StatusUnauthorized, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
	case !caller.May(n.operation.action(), strings.ToLower(n.name)):
		return &keyrelease.RefusalError{
			Status: http.StatusForbidden, Code: "Forbidden", InnerCode: innerNoRole,
			Message: "Caller is not authorized to perform action on resource. Action: '" + string(n.operation.action()) + "'.",
			Err:     fmt.Errorf("%s lacks a role that allows %s of key %q", caller.Name(), n.operation.action(), n.name),
		}
	case !keyrelease.IsAPIVersion(n.apiVersion):
		return badParameter("The query parameter api-version is missing or invalid, want a version such as 7.4.")
	}
	return s.checkTrail(n)
}

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	noteOf(r.Context()).refused(err)
	keyrelease.WriteRefusal(w, err)
}

// log writes the one line of a request.
func (s *Server) log(r *http.Request, n *note) {
	level := slog.LevelInfo
	switch {
	case n.isProbe, n.operation == "" && n.status < http.StatusInternalServerError:
		level = slog.LevelDebug
	case n.status >= http.StatusInternalServerError:
		level = slog.LevelError
	case n.status >= http.StatusBadRequest:
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("method", clip(r.Method)), slog.String("operation", string(n.operation)), slog.Int("status", n.status),
		slog.Duration("duration", time.Since(n.start)), slog.String("request_id", n.requestID), slog.String("remote", n.address), slog.String("caller", n.caller.Name()),
	}
	for _, a := range [][2]string{
		{"key", clip(n.name)},
		{"version", clip(n.version)},
		{"authority", n.authority},
		{"token_id", clip(n.tokenID)},
		{"target", clip(n.target)},
		{"code", n.code},
		{"cause", clipLong(n.cause)},
	} {
		if a[1] != "" {
			attrs = append(attrs, slog.String(a[0], a[1]))
		}
	}
	s.config.Log.LogAttrs(r.Context(), level, "request", attrs...)
}

// clip bounds what clients can write into a log.
func clip(text string) string {
	const longest = 200
	if len(text) > longest {
		text = text[:longest]
	}
	return strings.ToValidUTF8(text, "?")
}

// keyURI is the request's URL, of whose query only the version is kept.
func (s *Server) keyURI(r *http.Request) string {
	uri := strings.TrimSuffix(s.config.Release.Vault, "/") + clip(r.URL.EscapedPath())
	if v := r.URL.Query().Get("api-version"); keyrelease.IsAPIVersion(v) {
		uri += "?api-version=" + v
	}
	return uri
}
