package dcap

import (
	"bytes"
	"fmt"

	"github.com/azattest/azattest/evidence"
)

// Lengths and values of the quote format ("SGX ECDSA Quote Library Reference
// DCAP API", A.4). All integers of a quote are little-endian.
const (
	headerSize         = 48
	sgxReportBodySize  = 384
	keyTypeECDSAP256   = 2
	quoteVersionSGX    = 3
	signatureSize      = 64
	attestationKeySize = 64
)

// intelQEVendorID is the UUID of Intel's quoting enclave, as it stands in the
// header.
var intelQEVendorID = [16]byte{0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07}

// Header is the quote header: 48 bytes (A.4, table 2).
type Header struct {
	// Version of the quote format: 3 for SGX.
	Version uint16
	// AttestationKeyType is 2 for ECDSA-256-with-P-256.
	AttestationKeyType uint16
	// TEE for which the quote speaks; reserved and zero, hence SGX, in version 3.
	TEE TEE
	// QESVN and PCESVN are the SVNs of quoting enclave and PCE that made it.
	QESVN, PCESVN uint16
	// QEVendorID is the UUID of the quoting enclave's vendor, 16 bytes.
	QEVendorID [16]byte
	// UserData is 20 bytes of the quoting enclave's own choice.
	UserData [20]byte
}

// Quote is an ECDSA quote, parsed and not trusted. Its slices share one private
// copy of the input; read them, do not change them.
type Quote struct {
	Header Header
	// Body is the report body of the TEE: 384 bytes for SGX (see
	// [ParseEnclaveReport]).
	Body []byte
	// Signature by the attestation key over header and body: r‖s, each 32 bytes,
	// big-endian.
	Signature []byte
	// AttestationKey is the quoting enclave's P-256 key: x‖y, each 32 bytes,
	// big-endian.
	AttestationKey []byte
	// QEReport is the quoting enclave's own report, 384 bytes.
	QEReport []byte
	// QEReportSignature by the PCK over QEReport: r‖s, each 32 bytes,
	// big-endian.
	QEReportSignature []byte
	// QEAuthData is hashed, together with the attestation key, into the report
	// data of QEReport.
	QEAuthData []byte
	// CertificationData says how the PCK certificate is found.
	CertificationData CertificationData

	raw    []byte
	signed []byte
	size   int
}

// Raw returns the bytes that were parsed, padding included. Do not change them.
func (q *Quote) Raw() []byte { return q.raw }

// Size is the length of the quote without the padding that followed it.
func (q *Quote) Size() int { return q.size }

// ParseQuote takes a quote of version 3 apart. Zero bytes after its end are
// tolerated, for quotes really are padded so; any other trailing byte is
// refused. Errors are *[evidence.Error] of stage parse, with the offset.
func ParseQuote(raw []byte) (*Quote, error) {
	if len(raw) > maxQuote {
		return nil, &evidence.Error{
			Stage: evidence.StageParse, Code: evidence.CodeTooLarge, Part: "quote", Offset: -1,
			Found: fmt.Sprintf("%d bytes", len(raw)), Expected: fmt.Sprintf("at most %d", maxQuote),
		}
	}
	raw = bytes.Clone(raw)
	r := newReader(raw)
	q := &Quote{raw: raw, Header: parseHeader(r)}
	q.Body = r.take(sgxReportBodySize, "report body")
	if err := r.problem(); err != nil {
		return nil, err
	}
	q.signed = raw[:headerSize+sgxReportBodySize]
	parseSignatureData(r, q)
	if err := r.problem(); err != nil {
		return nil, err
	}
	q.size = r.offset
	if i := firstNonZero(r.rest); i >= 0 {
		return nil, &evidence.Error{
			Stage: evidence.StageParse, Code: evidence.CodeTrailingData, Part: "after the quote", Offset: q.size + i,
			Found: fmt.Sprintf("byte %#02x", r.rest[i]), Expected: "nothing, or zero bytes",
		}
	}
	return q, nil
}

func parseHeader(r *reader) Header {
	var h Header
	h.Version = r.uint16("quote header: version")
	if h.Version != quoteVersionSGX && r.err == nil {
		r.fail(evidence.CodeUnsupported, "quote header: version", 0, fmt.Sprintf("version %d", h.Version), "3 (SGX, ECDSA)")
		return h
	}
	h.AttestationKeyType = r.uint16("quote header: attestation key type")
	if h.AttestationKeyType != keyTypeECDSAP256 && r.err == nil {
		r.fail(evidence.CodeUnsupported, "quote header: attestation key type", 2,
			fmt.Sprintf("type %d", h.AttestationKeyType), "2 (ECDSA-256-with-P-256)")
	}
	h.TEE = TEE(r.uint32("quote header: reserved"))
	if h.TEE != SGX {
		r.fail(evidence.CodeMalformed, "quote header: reserved", 4, fmt.Sprintf("%#x", uint32(h.TEE)), "0 in version 3")
	}
	h.QESVN = r.uint16("quote header: QE SVN")
	h.PCESVN = r.uint16("quote header: PCE SVN")
	copy(h.QEVendorID[:], r.take(len(h.QEVendorID), "quote header: QE vendor ID"))
	if h.QEVendorID != intelQEVendorID {
		r.fail(evidence.CodeUnsupported, "quote header: QE vendor ID", 12,
			fmt.Sprintf("%x", h.QEVendorID), fmt.Sprintf("%x (Intel)", intelQEVendorID))
	}
	copy(h.UserData[:], r.take(len(h.UserData), "quote header: user data"))
	return h
}

// parseSignatureData reads the ECDSA 256-bit quote signature data structure
// (A.4, table 4) and the length field before it.
func parseSignatureData(r *reader, q *Quote) {
	const part = "signature data"
	lengthAt := r.offset
	length := r.uint32(part + ": length")
	if r.err != nil {
		return
	}
	if uint64(length) > uint64(len(r.rest)) {
		r.fail(evidence.CodeTruncated, part, lengthAt, fmt.Sprintf("%d bytes left", len(r.rest)), fmt.Sprintf("%d", length))
		return
	}
	data := &reader{rest: r.take(int(length), part), offset: lengthAt + 4}
	q.Signature = data.take(signatureSize, part+": quote signature")
	q.AttestationKey = data.take(attestationKeySize, part+": attestation key")
	q.QEReport = data.take(sgxReportBodySize, part+": QE report")
	q.QEReportSignature = data.take(signatureSize, part+": QE report signature")
	q.QEAuthData = data.take(int(data.uint16(part+": QE authentication data: length")), part+": QE authentication data")
	q.CertificationData = parseCertificationData(data)
	if data.err == nil && len(data.rest) > 0 {
		data.fail(evidence.CodeTrailingData, part, data.offset, fmt.Sprintf("%d bytes after the certification data", len(data.rest)),
			"none: the length of the signature data and the lengths inside it must agree")
	}
	if r.err == nil {
		r.err = data.err
	}
}

func firstNonZero(b []byte) int {
	for i, c := range b {
		if c != 0 {
			return i
		}
	}
	return -1
}

// QuoteSize returns the length that the quote at the start of raw claims to
// have, for containers that put something after it. The errors are those of
// [ParseQuote] for a quote that is cut off.
func QuoteSize(raw []byte) (int, error) {
	r := newReader(raw)
	r.take(headerSize+sgxReportBodySize, "report body")
	length := r.uint32("signature data: length")
	r.take(int(min(uint64(length), maxQuote)), "signature data")
	return r.offset, r.problem()
}
