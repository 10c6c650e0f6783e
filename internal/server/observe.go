package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/edge"
	"github.com/azattest/azattest/internal/enroll"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/telemetry"
	"github.com/azattest/azattest/internal/wire"
)

// note is what a request leaves for its log line, filled in on the way. It holds
// names, sizes and codes; evidence, data, nonces and tokens never go in.
type note struct {
	requestID       string
	start           time.Time
	address         string // of the client
	version         wire.APIVersion
	route           string // empty if the path is none of ours
	operation       operation
	instance        *instance.Instance // nil if the request is for none
	caller          *auth.Caller       // nil if nobody asked who it is
	attestationType string
	tokenHash       string         // of the JWS that asks for a change
	tokenID         string         // of the token that was issued
	thumbprint      string         // of the certificate that was to be added or removed
	enrolled        enroll.Subject // the keys of an enrollment, as far as they are known
	isRecorded      bool           // in the audit trail
	code            string
	cause           string
	requestBytes    int
	evidenceBytes   int
	isDraft         bool
}

type noteKey struct{}

// noteOf returns the request's note, which observe put there.
func noteOf(r *http.Request) *note {
	if n, ok := r.Context().Value(noteKey{}).(*note); ok {
		return n
	}
	return new(note)
}

// observe serves a request: it sets the headers of every answer, logs one line,
// and answers for a handler that panics.
func (s *Server) observe(w http.ResponseWriter, r *http.Request) {
	s.handlers.Add(1)
	defer s.handlers.Done()
	start := time.Now()
	n := &note{requestID: edge.RequestID(r.Header.Get("traceparent")), start: start, address: edge.ClientAddress(r, s.proxies)}
	// Errors have the shape of the version, wherever they come from.
	n.version, _ = wire.ParseAPIVersion(r.URL.RawQuery, wire.KnownVersions())
	ctx, span := s.tracer.Begin(r.Context(), r.Header)
	r = r.WithContext(context.WithValue(ctx, noteKey{}, n))
	s.metrics.RequestBegan()
	s.putHeaders(w.Header(), n.requestID, r)
	watched := &edge.Watched{ResponseWriter: w}
	defer func() {
		isCutOff := false
		if cause := recover(); cause != nil {
			isCutOff = s.recovered(watched, r, cause)
		}
		took := time.Since(start)
		s.count(r, watched, span, took)
		s.logRequest(r, watched, took)
		if isCutOff {
			// The client must not take it for whole.
			panic(http.ErrAbortHandler)
		}
	}()
	s.route(watched, r)
}

// recovered answers for a handler that panicked, and logs the stack once. It reports
// whether the answer had begun, and will not be finished.
func (s *Server) recovered(w *edge.Watched, r *http.Request, cause any) bool {
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return true
	}
	n := noteOf(r)
	s.log.LogAttrs(r.Context(), slog.LevelError, "panic",
		slog.String("request_id", n.requestID), slog.String("panic", wire.Clip(fmt.Sprintf("%T: %v", cause, cause))), slog.String("stack", string(debug.Stack())))
	n.cause = "panic"
	if w.Status != 0 {
		n.code = wire.CodeInternal
		return true
	}
	s.refuse(w, r, http.StatusInternalServerError, wire.Error{
		Code: wire.CodeInternal, Message: "An internal error occurred. Request ID: " + n.requestID,
	})
	return false
}

// logRequest writes the one line of a request.
func (s *Server) logRequest(r *http.Request, w *edge.Watched, took time.Duration) {
	n := noteOf(r)
	attrs := append(make([]slog.Attr, 0, maxAttrs),
		slog.String("method", wire.Clip(r.Method)),
		slog.String("route", n.route),
		slog.Int("status", w.Status),
		slog.Duration("duration", took),
		slog.String("request_id", n.requestID),
		slog.String("remote", n.address),
		slog.Int("response_bytes", w.Bytes),
	)
	if n.route == "" {
		attrs = append(attrs, slog.String("path", wire.Clip(r.URL.Path)))
	}
	if id := r.Header.Get("x-ms-client-request-id"); edge.IsToken(id) {
		attrs = append(attrs, slog.String("client_request_id", id))
	}
	attrs = n.appendTo(attrs)
	if n.code != "" {
		attrs = append(attrs, slog.String("code", n.code))
	}
	if n.cause != "" {
		attrs = append(attrs, slog.String("cause", n.cause))
	}
	s.log.LogAttrs(r.Context(), levelOf(n.route, w.Status), "request", attrs...)
}

// count puts the request into the numbers, and ends its span.
func (s *Server) count(r *http.Request, w *edge.Watched, span telemetry.Span, took time.Duration) {
	n := noteOf(r)
	answered := telemetry.Request{Instance: n.instanceName(), Route: n.route, Method: r.Method, Status: w.Status, Took: took}
	s.metrics.RequestEnded(answered)
	span.End(telemetry.Outcome{Request: answered, Type: n.attestationType, Code: n.code})
	switch {
	case n.operation == opAttest:
		s.metrics.Attested(answered.Instance, n.attestationType, cmp.Or(n.code, telemetry.Issued))
	case n.operation.isChange():
		kind, action := n.operation.counted()
		s.metrics.Changed(answered.Instance, kind, action, outcomeOf(w.Status))
	}
}

func outcomeOf(status int) telemetry.ChangeOutcome {
	switch {
	case status < http.StatusMultipleChoices:
		return telemetry.ChangeDone
	case status < http.StatusInternalServerError:
		return telemetry.ChangeRefused
	}
	return telemetry.ChangeFailed
}

// instanceName is "" for a request that is for none.
func (n *note) instanceName() string {
	if n.instance == nil {
		return ""
	}
	return n.instance.Settings().Name
}

// maxAttrs is room for all that a log line says; more would be no error.
const maxAttrs = 24

// appendTo appends what the request was about.
func (n *note) appendTo(attrs []slog.Attr) []slog.Attr {
	if n.instance != nil {
		attrs = append(attrs, slog.String("instance", n.instance.Settings().Name))
	}
	if n.operation != "" {
		attrs = append(attrs, slog.String("operation", string(n.operation)), slog.String("api_version", string(n.version)), slog.Int("request_bytes", n.requestBytes))
	}
	if n.attestationType != "" {
		attrs = append(attrs, slog.String("type", n.attestationType))
	}
	if n.operation == opAttest {
		attrs = append(attrs, slog.Int("evidence_bytes", n.evidenceBytes), slog.Bool("draft", n.isDraft))
	}
	if !n.caller.IsAnonymous() {
		attrs = append(attrs, slog.String("caller", n.caller.Name()))
	}
	if n.tokenHash != "" {
		attrs = append(attrs, slog.String("token_hash", n.tokenHash))
	}
	if n.enrolled.AIKName != "" {
		attrs = append(attrs, slog.String("aik_name", n.enrolled.AIKName))
	}
	return attrs
}

// levelOf wakes nobody for what clients did wrong, and keeps probes, which come
// every few seconds, out of the way.
func levelOf(route string, status int) slog.Level {
	switch {
	case route == "/healthz" || route == "/readyz":
		return slog.LevelDebug
	case status == http.StatusTooManyRequests:
		return slog.LevelWarn
	case status >= http.StatusInternalServerError:
		return slog.LevelError
	}
	return slog.LevelInfo
}
