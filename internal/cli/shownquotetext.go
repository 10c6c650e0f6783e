package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// print writes a warning and a table.
func (q *shownQuote) print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s, NOT VERIFIED: this is what it says of itself ('azattest quote verify' checks it)\n\n", formatNames[q.Format])
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	t := newTable(w)
	t.row("size", fmt.Sprintf("%d bytes, followed by %d of padding", q.Size, q.Padding))
	q.printWrapping(t)
	t.row("header", fmt.Sprintf("version %d, %s, attestation key of type %d", q.Header.Version, q.Header.TEE, q.Header.AttestationKeyType))
	t.row("  QE SVN, PCE SVN", fmt.Sprintf("%d, %d", q.Header.QESVN, q.Header.PCESVN))
	t.row("  QE vendor ID", q.Header.QEVendorID)
	t.row("  user data", q.Header.UserData)
	q.Report.print(t, "enclave")
	q.QEReport.print(t, "quoting enclave")
	q.printPlatform(t)
	return t.flush()
}

// printWrapping shows what stands around the quote.
func (q *shownQuote) printWrapping(t *table) {
	if q.CustomClaims != "" {
		t.row("custom claims", q.CustomClaims)
	}
	if q.Certificate != nil {
		q.Certificate.print(t, "certificate")
	}
}

func (q *shownQuote) printPlatform(t *table) {
	t.row("certification data", fmt.Sprintf("%s, %d bytes", q.Certified.Description, q.Certified.Size))
	if id := q.Certified.PCKIdentifier; id != nil {
		t.row("  PPID", id.PPID)
		t.row("  CPU SVN", id.CPUSVN)
		t.row("  PCE SVN, PCE ID", fmt.Sprintf("%d, %s", id.PCESVN, id.PCEID))
	}
	if q.Platform == nil {
		t.row("platform", "unknown: "+clean(q.PlatformError.Message))
		if q.PlatformError.Hint != "" {
			t.row("  hint", q.PlatformError.Hint)
		}
		return
	}
	t.row("platform", fmt.Sprintf("FMSPC %s, %s CA", q.Platform.FMSPC, q.Platform.CA))
	t.row("  component SVNs", strings.Trim(fmt.Sprint(q.Platform.Components), "[]"))
	t.row("  PCE SVN", q.Platform.PCESVN)
	t.row("  CPU SVN", q.Platform.CPUSVN)
	q.Platform.PCKCertificate.print(t, "PCK certificate")
}

func (r *shownReport) print(t *table, name string) {
	kind := "not debuggable"
	if r.Debug {
		kind = "DEBUGGABLE: its memory can be read from outside"
	}
	t.row(name, kind)
	t.row("  MRENCLAVE", r.MRENCLAVE)
	t.row("  MRSIGNER", r.MRSIGNER)
	t.row("  product ID, SVN", fmt.Sprintf("%d, %d", r.ProductID, r.SVN))
	t.row("  attributes", fmt.Sprintf("%s (%s)", r.Attributes, strings.Join(r.Flags, ", ")))
	t.row("  MISCSELECT", r.MISCSELECT)
	t.row("  CPU SVN", r.CPUSVN)
	t.row("  report data", r.ReportData)
	if r.KSS != nil {
		t.row("  config ID, SVN", fmt.Sprintf("%s, %d", r.KSS.ConfigID, r.KSS.ConfigSVN))
		t.row("  family ID", r.KSS.FamilyID)
		t.row("  extended product ID", r.KSS.ExtendedProductID)
	}
}

func (c *shownCertificate) print(t *table, name string) {
	t.row(name, clean(c.Subject))
	t.row("  issuer", clean(c.Issuer))
	t.row("  serial number", c.Serial)
	t.row("  valid", c.NotBefore.Format(time.DateOnly)+" to "+c.NotAfter.Format(time.DateOnly))
}
