package vaultserver

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/azattest/azattest/internal/audit"
	"github.com/azattest/azattest/keyrelease"
)

// recordRelease puts a decision about a release into the trail, before it is answered.
func (s *Server) recordRelease(ctx context.Context, d *keyrelease.Decision) error {
	n := noteOf(ctx)
	n.name, n.version = d.Name, d.Version
	n.authority, n.tokenID, n.target = d.Authority, d.TokenID, d.Target
	n.keyID = s.keyID(d.Name, d.Version)
	if d.Policy != nil {
		n.policyHash = hashOf(d.Policy.Text())
	}
	if d.Err == nil {
		return s.record(ctx, n, http.StatusOK)
	}
	// It is recorded as a refusal, once its status is known.
	return nil
}

// record puts what was done into the trail, before anybody is told that it was.
func (s *Server) record(ctx context.Context, n *note, status int) error {
	if s.config.Audit == nil || !n.operation.isEvent() {
		return nil
	}
	n.isRecorded = true
	// The client may be gone, and what was done is done.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	err := s.config.Audit.Append(ctx, s.recordOf(n, status))
	n.isLost = err != nil
	return err
}

// recordRefusal puts what was not done into the trail. That it was refused stays so
// if the trail does not take it. Strangers, whom it costs nothing, are in the log
// alone: they must not fill the disk of the trail. Of those who have no role so many
// are recorded.
func (s *Server) recordRefusal(ctx context.Context, n *note) {
	if s.config.Audit == nil || n.isRecorded || n.operation == "" || !n.operation.isEvent() || n.caller.IsAnonymous() || n.status < http.StatusBadRequest {
		return
	}
	if n.status == http.StatusTooManyRequests {
		// That is to bound what somebody makes others write, too.
		return
	}
	if n.innerCode == innerNoRole {
		// Whoever has a token of the issuer, and may nothing here, fills no disk.
		if _, by := s.unauthorized.Allow("", "all"); by != "" {
			return
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	if err := s.config.Audit.AppendSoon(ctx, s.recordOf(n, n.status)); err != nil {
		n.isLost = true
		s.config.Log.LogAttrs(ctx, slog.LevelError, "the audit trail did not take a refusal", slog.String("request_id", n.requestID), slog.String("cause", err.Error()))
	}
}

// checkTrail refuses an event that could not be recorded, before it happens.
func (s *Server) checkTrail(n *note) error {
	if s.config.Audit == nil || !n.operation.isEvent() {
		return nil
	}
	if err := s.config.Audit.Err(); err != nil {
		return unavailable("The request could not be recorded, try again.", err)
	}
	return nil
}

// recordOf says what happened, in the shape of Azure's logs.
func (s *Server) recordOf(n *note, status int) audit.Record {
	record := audit.Record{
		Time: s.config.Clock(), ResourceID: "/keys/" + strings.ToLower(n.name), OperationName: string(n.operation), Category: audit.AuditEvent,
		ResultType: audit.Succeeded, ResultSignature: strconv.Itoa(status), Duration: time.Since(n.start), CallerIPAddress: n.address, Level: audit.Informational,
		URI: n.uri, TraceContext: audit.TraceOf(n.requestID),
		Properties: audit.Properties{
			InfoDataReceived: audit.InfoDataReceived{Headers: audit.Headers{UserAgent: n.userAgent}, TraceParent: n.requestID},
			Details:          audit.Details{KeyID: n.keyID, PolicyHash: n.policyHash, TokenID: n.tokenID, Authority: n.authority, TargetKeyID: n.target, Code: n.code},
		},
	}
	if !n.caller.IsAnonymous() {
		record.Identity = audit.Identity{CallerAADUPN: n.caller.UPN, CallerAADObjectID: n.caller.ObjectID, CallerID: n.caller.Name()}
	}
	if status >= http.StatusBadRequest {
		record.ResultType, record.Level = audit.Failed, audit.Warning
		// The first line says it; what follows is a drawing, which is in the log.
		why, _, _ := strings.Cut(n.cause, "\n")
		record.Properties.FailureCategory, record.Properties.FailureDetails, record.Properties.FailureResourceID = n.code, why, record.ResourceID
	}
	return record
}

// keyID is the URL of a key, or of a version of it.
func (s *Server) keyID(name, version string) string {
	return keyrelease.KeyURL(s.config.Release.Vault, name, version)
}

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
