package cli

import (
	"bufio"
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/azattest/azattest/internal/audit"
)

// auditWriter writes records in one format.
type auditWriter struct {
	format string
	w      *bufio.Writer
	csv    *csv.Writer
	count  int
}

func newAuditWriter(format string, w io.Writer) *auditWriter {
	buffered := bufio.NewWriter(w)
	return &auditWriter{format: format, w: buffered, csv: csv.NewWriter(buffered)}
}

// auditColumns are those of CSV. Programs read them: columns are added at the end,
// never renamed.
var auditColumns = []string{
	"sequence", "Time", "operationName", "category", "resultType", "resultSignature", "durationMs", "instance", "attestationType", "code",
	"callerIpAddress", "callerAadUPN", "callerAadObjectId", "callerId", "resourceId", "region", "location", "level", "uri", "userAgent",
	"contentType", "contentLength", "evidenceBytes", "traceId", "parentId", "failureResourceId", "failureCategory", "failureDetails",
	"policyHash", "policyTokenHash", "thumbprint", "keyId", "tokenId", "revision", "previous",
	"aikName", "ekCertificateHash",
}

func auditRow(e audit.Entry) []string {
	r, p := &e.Record, &e.Record.Properties
	d := &p.Details
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []string{
		number(e.Sequence), r.Time.UTC().Format(time.RFC3339Nano), r.OperationName, string(r.Category), string(r.ResultType), r.ResultSignature,
		number(r.Duration.Milliseconds()), d.Instance, d.AttestationType, d.Code,
		r.CallerIPAddress, r.Identity.CallerAADUPN, r.Identity.CallerAADObjectID, r.Identity.CallerID, r.ResourceID, r.Region, r.Location,
		string(r.Level), r.URI, p.InfoDataReceived.Headers.UserAgent,
		p.InfoDataReceived.ContentType, number(p.InfoDataReceived.ContentLength), strconv.Itoa(d.EvidenceBytes),
		r.TraceContext.TraceID, r.TraceContext.ParentID, p.FailureResourceID, p.FailureCategory, p.FailureDetails,
		d.PolicyHash, d.PolicyTokenHash, d.Thumbprint, d.KeyID, d.TokenID, number(d.Revision), e.Previous,
		d.AIKName, d.EKCertificateHash,
	}
}

func (w *auditWriter) begin() error {
	switch w.format {
	case "csv":
		return w.csv.Write(auditColumns)
	case "json":
		return w.text("[")
	}
	return nil
}

func (w *auditWriter) record(e audit.Entry) error {
	w.count++
	switch w.format {
	case "csv":
		row := auditRow(e)
		for i := range row {
			row[i] = cell(row[i])
		}
		return w.csv.Write(row)
	case "json":
		separator := "\n"
		if w.count > 1 {
			separator = ",\n"
		}
		return w.text(separator + string(harmless(e.Line)))
	}
	return w.text(string(harmless(e.Line)) + "\n")
}

func (w *auditWriter) end() error {
	switch {
	case w.format == "json" && w.count == 0:
		return w.text("]\n")
	case w.format == "json":
		return w.text("\n]\n")
	}
	return nil
}

func (w *auditWriter) flush() error {
	w.csv.Flush()
	if err := w.csv.Error(); err != nil {
		return err
	}
	return w.w.Flush()
}

func (w *auditWriter) text(text string) error {
	_, err := w.w.WriteString(text)
	return err
}

// cell is text for a spreadsheet, in which clients must not be able to write
// formulas, nor play with a terminal.
func cell(text string) string {
	text = escaped(text)
	if text != "" && strings.ContainsRune("=+-@", rune(text[0])) {
		return "'" + text
	}
	return text
}
