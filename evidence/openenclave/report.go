package openenclave

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/sgx"
)

// Lengths and values of the two headers. All integers are little-endian.
const (
	reportHeaderSize   = 16 // version u32, type u32, size u64
	reportVersion      = 1
	reportTypeRemote   = 2
	evidenceHeaderSize = 28 // version u32, format UUID, size u64
	evidenceVersion    = 3
)

// formats names the formats of evidence that Open Enclave defines, by the
// hexadecimal digits of their UUID.
var formats = map[string]string{
	sgxECDSAFormat:                     "SGX ECDSA P-256",
	"09268c336e0b45e58a2715644d0ef89a": "SGX local attestation",
	"f228aa3fde4d49d3884cb2aa87a50da6": "SGX EPID linkable",
	"5c35d290a2c24c559e135ad732746c88": "SGX EPID unlinkable",
}

const sgxECDSAFormat = "a3a21e871b4d4014b70aa125d2fbcd8c"

// Report is an Open Enclave report, evidence or certificate, parsed and not
// trusted.
type Report struct {
	// Quote is the SGX quote inside.
	Quote *sgx.Quote
	// CustomClaims is the buffer that evidence carries after the quote, empty for
	// reports. Its SHA-256 is the first half of the report data.
	CustomClaims []byte
	// Certificate is the attested certificate, nil for reports and evidence.
	Certificate *x509.Certificate

	raw       []byte
	bound     []byte // what the report data must be the hash of, nil for nothing
	boundName string
}

var _ evidence.Evidence = (*Report)(nil)

// Claims returns what the report says of its enclave, unverified.
func (r *Report) Claims() *claims.Set { return r.Quote.Claims() }

// Raw returns the bytes that were parsed. Do not change them.
func (r *Report) Raw() []byte { return r.raw }

// Bound returns what the wrapping says is bound to the quote: the report data
// begins with the SHA-256 of these bytes. They are the custom claims of evidence,
// the public key of a certificate (PEM with a NUL at its end), nil for a report.
// Do not change them.
func (r *Report) Bound() []byte { return r.bound }

// IsReport reports whether raw begins like something that [Parse] reads, rather
// than like a bare SGX quote.
func IsReport(raw []byte) bool {
	if len(raw) < 4 {
		return false
	}
	version := binary.LittleEndian.Uint32(raw)
	return version == reportVersion || version == evidenceVersion
}

// Parse reads a report (16-byte header) or evidence (28-byte header with the
// format's UUID). Errors are *[evidence.Error] of stage parse; offsets behind
// the header count from the start of the quote.
func Parse(raw []byte) (*Report, error) {
	if len(raw) > maxReport {
		return nil, refuse(evidence.CodeTooLarge, "report", -1, fmt.Sprintf("%d bytes", len(raw)), fmt.Sprintf("at most %d", maxReport))
	}
	raw = bytes.Clone(raw)
	if len(raw) < reportHeaderSize {
		return nil, refuse(evidence.CodeTruncated, "report header", 0, fmt.Sprintf("%d bytes", len(raw)), fmt.Sprintf("%d", reportHeaderSize))
	}
	switch version := binary.LittleEndian.Uint32(raw); version {
	case reportVersion:
		return parseReport(raw)
	case evidenceVersion:
		return parseEnvelope(raw)
	default:
		err := refuse(evidence.CodeUnsupported, "report header: version", 0, fmt.Sprint(version), "1 (report) or 3 (evidence)")
		if binary.LittleEndian.Uint16(raw) == evidenceVersion {
			err.Hint = "this looks like a bare SGX quote: attest it as SgxEnclave"
		}
		return nil, err
	}
}

func parseReport(raw []byte) (*Report, error) {
	if kind := binary.LittleEndian.Uint32(raw[4:]); kind != reportTypeRemote {
		return nil, refuse(evidence.CodeUnsupported, "report header: type", 4, fmt.Sprint(kind), "2 (SGX remote)")
	}
	quote, err := content(raw, reportHeaderSize, "report header: size")
	if err != nil {
		return nil, err
	}
	return newReport(raw, quote)
}

func parseEnvelope(raw []byte) (*Report, error) {
	if len(raw) < evidenceHeaderSize {
		return nil, refuse(evidence.CodeTruncated, "evidence header", 0, fmt.Sprintf("%d bytes", len(raw)), fmt.Sprintf("%d", evidenceHeaderSize))
	}
	if err := checkFormat("evidence header: format", raw[4:20]); err != nil {
		return nil, err
	}
	data, err := content(raw, evidenceHeaderSize, "evidence header: size")
	if err != nil {
		return nil, err
	}
	return newEvidence(raw, data)
}

func checkFormat(part string, uuid []byte) error {
	id := hex.EncodeToString(uuid)
	if id == sgxECDSAFormat {
		return nil
	}
	name := formats[id]
	if name == "" {
		name = "unknown"
	}
	return refuse(evidence.CodeUnsupported, part, 4, id+" ("+name+")", sgxECDSAFormat+" ("+formats[sgxECDSAFormat]+")")
}

// content returns what follows a header that ends in a size field. Zero bytes
// after it are tolerated, as after a bare quote.
func content(raw []byte, header int, part string) ([]byte, error) {
	size := binary.LittleEndian.Uint64(raw[header-8:])
	rest := raw[header:]
	if size > uint64(len(rest)) {
		return nil, refuse(evidence.CodeTruncated, part, header-8, fmt.Sprintf("%d bytes left", len(rest)), fmt.Sprint(size))
	}
	if i := bytes.IndexFunc(rest[size:], func(r rune) bool { return r != 0 }); i >= 0 {
		return nil, refuse(evidence.CodeTrailingData, "after the report", header+int(size)+i, "other bytes", "nothing, or zero bytes") //nolint:gosec // size is bounded by len(rest)
	}
	return rest[:size], nil
}

// ParseEvidence reads evidence of format SGX ECDSA P-256 that has no header: an
// SGX quote followed by the custom claims. Errors are *[evidence.Error] of stage
// parse.
func ParseEvidence(data []byte) (*Report, error) {
	if len(data) > maxReport {
		return nil, refuse(evidence.CodeTooLarge, "evidence", -1, fmt.Sprintf("%d bytes", len(data)), fmt.Sprintf("at most %d", maxReport))
	}
	data = bytes.Clone(data)
	return newEvidence(data, data)
}

func newEvidence(raw, data []byte) (*Report, error) {
	size, err := dcap.QuoteSize(data)
	if err != nil {
		return nil, err
	}
	r, err := newReport(raw, data[:size])
	if err != nil {
		return nil, err
	}
	r.CustomClaims = data[size:]
	r.bound, r.boundName = append([]byte{}, r.CustomClaims...), "custom claims"
	return r, nil
}

func newReport(raw, quote []byte) (*Report, error) {
	q, err := sgx.Parse(quote)
	if err != nil {
		return nil, err
	}
	return &Report{Quote: q, raw: raw}, nil
}

func refuse(code evidence.Code, part string, offset int, found, expected string) *evidence.Error {
	return &evidence.Error{Stage: evidence.StageParse, Code: code, Part: part, Offset: offset, Found: found, Expected: expected}
}
