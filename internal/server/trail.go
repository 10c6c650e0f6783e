package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/azattest/azattest/internal/audit"
)

// auditError says that the audit trail does not take a record.
type auditError struct {
	err error
	// isBefore says that nothing has been done.
	isBefore bool
}

func (e *auditError) Error() string { return e.err.Error() }

func (e *auditError) Unwrap() error { return e.err }

// record puts what was done into the audit trail, before anybody is told that it
// was: an event so that no crash can lose it, everything else soon.
func (s *Server) record(ctx context.Context, r *http.Request) error {
	n := noteOf(r)
	if s.audit == nil || !n.operation.isEvent() && !s.auditsAll {
		return nil
	}
	n.isRecorded = true
	write := s.audit.AppendSoon
	if n.operation.isEvent() {
		write = s.audit.Append
	}
	if err := write(ctx, s.recordOf(r, http.StatusOK)); err != nil {
		s.metrics.AuditFailed()
		return &auditError{err: err}
	}
	return nil
}

// checkTrail refuses an event that could not be recorded, before it happens.
func (s *Server) checkTrail(op operation) error {
	if s.audit == nil || !op.isEvent() {
		return nil
	}
	if err := s.audit.Err(); err != nil {
		s.metrics.AuditFailed()
		return &auditError{err: err, isBefore: true}
	}
	return nil
}

// recordRefusal puts what was not done into the audit trail. That it was refused
// stays so if the trail does not take it. Of those who have not proved who they are
// only so many are recorded: what they send costs them nothing, and once the disk
// is full nobody is served any more.
func (s *Server) recordRefusal(r *http.Request, status int) {
	n := noteOf(r)
	if s.audit == nil || n.operation == "" || n.isRecorded || !n.operation.isEvent() && !s.auditsAll {
		return
	}
	if n.caller.IsAnonymous() && !s.strangers.Allow() {
		// The log has it.
		return
	}
	// The client may be gone, and the refusal be recorded all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), time.Second)
	defer cancel()
	if err := s.audit.AppendSoon(ctx, s.recordOf(r, status)); err != nil && !errors.Is(err, audit.ErrClosed) {
		s.metrics.AuditFailed()
		s.log.LogAttrs(ctx, slog.LevelError, "the audit trail did not take a refusal",
			slog.String("request_id", n.requestID), slog.String("cause", err.Error()))
	}
}

// recordOf says what happened in the shape of the real service's log. Nothing that
// a client sent stands in it but names, sizes and hashes.
func (s *Server) recordOf(r *http.Request, status int) audit.Record {
	n := noteOf(r)
	record := audit.Record{
		Time: s.clock(), ResourceID: "/instances/" + n.instanceName(),
		OperationName: string(n.operation), Category: audit.Operational,
		ResultType: audit.Succeeded, ResultSignature: strconv.Itoa(status), Duration: time.Since(n.start),
		CallerIPAddress: n.address, TraceContext: audit.TraceOf(n.requestID), URI: n.instance.Settings().URL + r.URL.Path,
		Level: audit.Informational,
	}
	if v := n.version; v != "" {
		record.URI += "?api-version=" + string(v)
	}
	if n.operation == opAttest {
		record.OperationName += n.attestationType
	}
	if n.operation.isEvent() {
		record.Category = audit.AuditEvent
	}
	if !n.caller.IsAnonymous() {
		record.Identity = audit.Identity{CallerAADUPN: n.caller.UPN, CallerAADObjectID: n.caller.ObjectID, CallerID: n.caller.Name()}
	}
	record.Properties = audit.Properties{
		InfoDataReceived: audit.InfoDataReceived{
			Headers: audit.Headers{UserAgent: r.UserAgent()}, HeaderCount: len(r.Header), ContentType: r.Header.Get("Content-Type"),
			ContentLength: r.ContentLength, CookieCount: len(r.Cookies()), TraceParent: n.requestID,
		},
		Details: audit.Details{
			Instance: n.instanceName(), AttestationType: n.attestationType, Code: n.code, EvidenceBytes: n.evidenceBytes,
			PolicyTokenHash: n.tokenHash, Thumbprint: n.thumbprint, TokenID: n.tokenID,
			AIKName: n.enrolled.AIKName, EKCertificateHash: n.enrolled.EKHash,
		},
	}
	if status >= http.StatusBadRequest {
		record.ResultType, record.Level = audit.Failed, audit.Warning
		record.Properties.FailureCategory, record.Properties.FailureDetails = n.code, n.cause
		record.Properties.FailureResourceID = record.ResourceID
	}
	if status >= http.StatusInternalServerError {
		record.Level = audit.Error
	}
	return record
}
