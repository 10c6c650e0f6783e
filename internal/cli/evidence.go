package cli

import (
	"context"

	"github.com/azattest/azattest/attest/intel"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/openenclave"
	"github.com/azattest/azattest/evidence/sgx"
)

// The formats of evidence that commands read.
const (
	formatQuote       = "sgx-quote"
	formatReport      = "openenclave-report"
	formatEvidence    = "openenclave-evidence"
	formatCertificate = "certificate"
)

// formatNames are the formats in words.
var formatNames = map[string]string{
	formatQuote:       "SGX quote",
	formatReport:      "Open Enclave report",
	formatEvidence:    "Open Enclave evidence",
	formatCertificate: "attested certificate",
}

// loadedEvidence is evidence as bytes. Its format follows from its first bytes;
// whether the rest fits is for parse to say.
type loadedEvidence struct {
	raw    []byte
	format string
}

// loadEvidence reads evidence from a file, or from stdin for "-": as it is, or
// as PEM, hexadecimal, base64 or base64url text. Text that is none of those is
// an *[evidence.Error].
func loadEvidence(s Streams, name string) (*loadedEvidence, error) {
	input, err := readInput(s, name)
	if err != nil {
		return nil, err
	}
	raw, err := decodeEvidence(input)
	if err != nil {
		return nil, err
	}
	return &loadedEvidence{raw: raw, format: formatOf(raw)}, nil
}

// formatOf tells the formats apart by their first bytes: the tag of an ASN.1
// SEQUENCE, or the version with which each of the three structures begins. What
// begins like none of them is taken for a quote, whose parser says what is wrong.
func formatOf(raw []byte) string {
	const sequence = 0x30
	switch {
	case len(raw) > 0 && raw[0] == sequence:
		return formatCertificate
	case openenclave.IsReport(raw) && raw[0] == 1:
		return formatReport
	case openenclave.IsReport(raw):
		return formatEvidence
	}
	return formatQuote
}

// parsedEvidence is evidence taken apart and not trusted.
type parsedEvidence struct {
	format string
	// quote is the SGX quote inside.
	quote *sgx.Quote
	// report is what Open Enclave wrapped it in, nil for a bare quote.
	report *openenclave.Report
}

// parse takes the evidence apart. Errors are *[evidence.Error] of stage parse.
func (e *loadedEvidence) parse() (*parsedEvidence, error) {
	p := &parsedEvidence{format: e.format}
	var err error
	switch e.format {
	case formatQuote:
		p.quote, err = sgx.Parse(e.raw)
	case formatCertificate:
		p.report, err = openenclave.ParseCertificate(e.raw)
	default:
		p.report, err = openenclave.Parse(e.raw)
	}
	if err != nil {
		return nil, err
	}
	if p.report != nil {
		p.quote = p.report.Quote
	}
	return p, nil
}

// usePCKChain takes the certificates of a quote that names its PCK only.
func (p *parsedEvidence) usePCKChain(pemText []byte) error {
	whole, err := p.quote.WithPCKChain(pemText)
	if err != nil {
		return err
	}
	p.quote.Quote = whole
	return nil
}

// verify checks the evidence with collateral from the source in trust.
func (p *parsedEvidence) verify(ctx context.Context, trust intel.Config, want evidence.Requirements) (*evidence.Result, error) {
	verifier, e, err := p.verifier(trust)
	if err != nil {
		return nil, err
	}
	return verifier.Verify(ctx, e, want)
}

func (p *parsedEvidence) verifier(trust intel.Config) (evidence.Verifier, evidence.Evidence, error) {
	if p.report != nil {
		v, err := intel.NewOpenEnclave(trust)
		return v, p.report, err
	}
	v, err := intel.NewSGX(trust)
	return v, p.quote, err
}
