package collect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
)

// The files of Gramine's libOS, in every enclave whose manifest asks for remote
// attestation.
const (
	gramineType       = "/dev/attestation/attestation_type"
	gramineReportData = "/dev/attestation/user_report_data"
	gramineQuote      = "/dev/attestation/quote"
)

// gramine is an enclave under Gramine. The files keep what was written last for
// the whole process, so one asks at a time.
type gramine struct {
	files files
	mu    sync.Mutex
}

var _ Source = (*gramine)(nil)

func detectGramine(f files) (Source, string, error) {
	kind, err := f.read(gramineType, maxAttribute)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, gramineType + ", which an enclave under Gramine has", nil
	case err != nil:
		return nil, "", fmt.Errorf("Gramine: %w", err) //nolint:staticcheck // ST1005: the name is written so
	}
	switch text := strings.TrimSpace(string(kind)); text {
	case "dcap":
		return &gramine{files: f}, "", nil
	case "none":
		return nil, gramineType + ` that says "dcap", but it says "none": set sgx.remote_attestation = "dcap" in Gramine's manifest`, nil
	default:
		return nil, "", fmt.Errorf(`%s says %q, want "dcap": set sgx.remote_attestation so in Gramine's manifest`, gramineType, text)
	}
}

// Kind is that of an enclave's quote.
func (g *gramine) Kind() Kind { return SGXQuote }

// String names the interface.
func (g *gramine) String() string { return "Gramine (/dev/attestation)" }

// Quote writes the report data and reads the quote.
func (g *gramine) Quote(ctx context.Context, reportData [ReportDataSize]byte) (*Evidence, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("collect: not asked: %w", err)
	}
	if err := g.files.write(gramineReportData, reportData[:]); err != nil {
		return nil, fmt.Errorf("collect: Gramine: give the report data: %w", err)
	}
	quote, err := g.files.read(gramineQuote, maxEvidence)
	if err != nil {
		return nil, fmt.Errorf("collect: Gramine: read the quote: %w", err)
	}
	e := &Evidence{Kind: SGXQuote, Bytes: quote}
	if err := e.check(reportData); err != nil {
		return nil, fmt.Errorf("collect: Gramine: %w", err)
	}
	return e, nil
}
