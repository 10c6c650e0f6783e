package audit

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Record is one thing that happened, in the shape of Azure Attestation's
// diagnostic logs. It holds names, sizes and codes: whoever fills it in leaves
// evidence, data, policies, tokens and credentials out. Texts are cut to their
// first 256 bytes, and characters that are not printable are replaced.
type Record struct {
	// Time is when it happened.
	Time time.Time
	// ResourceID is what it happened to, such as "/instances/contoso".
	ResourceID string
	// Region and Location are where the service says that it runs.
	Region, Location string
	// OperationName is what was asked for, such as "AttestSgxEnclave".
	OperationName string
	Category      Category
	ResultType    ResultType
	// ResultSignature is the HTTP status in decimal.
	ResultSignature string
	// Duration has whole milliseconds in the trail.
	Duration time.Duration
	// CallerIPAddress is the address without its port.
	CallerIPAddress string
	TraceContext    TraceContext
	Identity        Identity
	// URI is the request's. Of its query only api-version is kept.
	URI        string
	Level      Level
	Properties Properties
}

// Category says which log of Azure's a record would stand in.
type Category string

// The categories.
const (
	// Operational are attestations and what is read.
	Operational Category = "Operational"
	// AuditEvent are changes.
	AuditEvent Category = "AuditEvent"
	// NotProcessed are requests that were turned away unread.
	NotProcessed Category = "NotProcessed"
)

// ResultType says how it ended.
type ResultType string

// The result types.
const (
	Succeeded ResultType = "Succeeded"
	Failed    ResultType = "Failed"
)

// Level says whom it should wake.
type Level string

// The levels.
const (
	Informational Level = "Informational"
	Warning       Level = "Warning"
	Error         Level = "Error"
)

// TraceContext is the client's trace, or the one that was begun for it. In the
// trail it is a JSON text within a string.
type TraceContext struct {
	TraceID  string `json:"traceId"`
	ParentID string `json:"parentId"`
}

// TraceOf reads a request ID that has the form of a traceparent (W3C Trace Context); of
// another one nothing.
func TraceOf(requestID string) TraceContext {
	fields := strings.Split(requestID, "-")
	if len(fields) != 4 {
		return TraceContext{}
	}
	return TraceContext{TraceID: fields[1], ParentID: fields[2]}
}

// Identity is who called, empty for an anonymous caller. In the trail it is a
// JSON text within a string.
type Identity struct {
	CallerAADUPN      string `json:"callerAadUPN"`
	CallerAADObjectID string `json:"callerAadObjectId"`
	CallerID          string `json:"callerId"`
}

// Properties are the rest of a record.
type Properties struct {
	FailureResourceID string `json:"failureResourceId"`
	// FailureCategory is the error's code; empty becomes "None".
	FailureCategory string `json:"failureCategory"`
	// FailureDetails are for people.
	FailureDetails   string           `json:"failureDetails"`
	InfoDataReceived InfoDataReceived `json:"infoDataReceived"`
	// Details are what Azure's records lack.
	Details Details `json:"azattest"`
}

// InfoDataReceived describes a request without what was in it.
type InfoDataReceived struct {
	Headers       Headers `json:"Headers"`
	HeaderCount   int     `json:"HeaderCount"`
	ContentType   string  `json:"ContentType"`
	ContentLength int64   `json:"ContentLength"`
	CookieCount   int     `json:"CookieCount"`
	TraceParent   string  `json:"TraceParent"`
}

// Headers are the only ones of a request that are kept.
type Headers struct {
	UserAgent string `json:"User-Agent"`
}

// Details are names, sizes and hashes that say what was attested or changed.
// What is not known is absent.
type Details struct {
	Instance        string `json:"instance,omitempty"`
	AttestationType string `json:"attestationType,omitempty"`
	// Code is the error's, as the client read it.
	Code          string `json:"code,omitempty"`
	EvidenceBytes int    `json:"evidenceBytes,omitempty"`
	// PolicyHash and PolicyTokenHash are those that the service reports.
	PolicyHash      string `json:"policyHash,omitempty"`
	PolicyTokenHash string `json:"policyTokenHash,omitempty"`
	// Thumbprint is of a policy management certificate.
	Thumbprint string `json:"thumbprint,omitempty"`
	KeyID      string `json:"keyId,omitempty"`
	// AIKName is the TPM's name of a key that is enrolled, EKCertificateHash the
	// SHA-256 of the certificate that vouches for its TPM; both in hexadecimal.
	AIKName           string `json:"aikName,omitempty"`
	EKCertificateHash string `json:"ekCertificateHash,omitempty"`
	// TokenID is the "jti" of the token that was issued, or for which a key was
	// released.
	TokenID string `json:"tokenId,omitempty"`
	// Authority issued the token for which a key was released, TargetKeyID is the ID of
	// the key to which it was wrapped.
	Authority   string `json:"authority,omitempty"`
	TargetKeyID string `json:"targetKeyId,omitempty"`
	// Revision is that of the store after a change.
	Revision int64 `json:"revision,omitempty"`
}

// written is a record as it stands in the trail, behind the members of the chain.
type written struct {
	Time            time.Time  `json:"Time"`
	ResourceID      string     `json:"resourceId"`
	Region          string     `json:"region"`
	OperationName   string     `json:"operationName"`
	Category        Category   `json:"category"`
	ResultType      ResultType `json:"resultType"`
	ResultSignature string     `json:"resultSignature"`
	DurationMs      int64      `json:"durationMs"`
	CallerIPAddress string     `json:"callerIpAddress"`
	TraceContext    string     `json:"traceContext"`
	Identity        string     `json:"identity"`
	URI             string     `json:"uri"`
	Level           Level      `json:"level"`
	Location        string     `json:"location"`
	Properties      Properties `json:"properties"`
}

// encode returns the record as a JSON object.
func (r *Record) encode() ([]byte, error) {
	c := r.clean()
	trace, err := text(c.TraceContext)
	if err != nil {
		return nil, err
	}
	identity, err := text(c.Identity)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(written{
		Time: c.Time.UTC(), ResourceID: c.ResourceID, Region: c.Region, OperationName: c.OperationName,
		Category: c.Category, ResultType: c.ResultType, ResultSignature: c.ResultSignature,
		DurationMs: c.Duration.Milliseconds(), CallerIPAddress: c.CallerIPAddress,
		TraceContext: trace, Identity: identity, URI: c.URI, Level: c.Level, Location: c.Location, Properties: c.Properties,
	})
	if err != nil {
		return nil, fmt.Errorf("audit: record: %w", err)
	}
	return raw, nil
}

// text is v as JSON, to stand within a string.
func text(v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("audit: record: %w", err)
	}
	return string(raw), nil
}

// record is what was written, read again.
func (w *written) record() (Record, error) {
	r := Record{
		Time: w.Time, ResourceID: w.ResourceID, Region: w.Region, OperationName: w.OperationName,
		Category: w.Category, ResultType: w.ResultType, ResultSignature: w.ResultSignature,
		Duration: time.Duration(w.DurationMs) * time.Millisecond, CallerIPAddress: w.CallerIPAddress,
		URI: w.URI, Level: w.Level, Location: w.Location, Properties: w.Properties,
	}
	if err := json.Unmarshal([]byte(w.TraceContext), &r.TraceContext); err != nil {
		return Record{}, fmt.Errorf("traceContext: %w", err)
	}
	if err := json.Unmarshal([]byte(w.Identity), &r.Identity); err != nil {
		return Record{}, fmt.Errorf("identity: %w", err)
	}
	return r, nil
}
