package dcap

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/azattest/azattest/evidence"
)

// CertificationDataType says how a quote names its PCK certificate (A.4, table
// 9).
type CertificationDataType uint16

// The types of certification data.
const (
	CertPPIDPlain         CertificationDataType = 1
	CertPPIDRSA2048       CertificationDataType = 2
	CertPPIDRSA3072       CertificationDataType = 3
	CertPCKLeaf           CertificationDataType = 4
	CertPCKChain          CertificationDataType = 5
	CertQEReport          CertificationDataType = 6
	CertPlatformManifest  CertificationDataType = 7
	largestCertDataType                         = CertPlatformManifest
	pckIdentifierTailSize                       = 16 + 2 + 2
)

// String says what data of this type is.
func (t CertificationDataType) String() string {
	text := map[CertificationDataType]string{
		CertPPIDPlain:        "PPID in plain text, CPUSVN, PCESVN, PCEID",
		CertPPIDRSA2048:      "PPID encrypted with RSA-2048-OAEP, CPUSVN, PCESVN, PCEID",
		CertPPIDRSA3072:      "PPID encrypted with RSA-3072-OAEP, CPUSVN, PCESVN, PCEID",
		CertPCKLeaf:          "PCK certificate alone",
		CertPCKChain:         "PCK certificate chain",
		CertQEReport:         "QE report certification data",
		CertPlatformManifest: "platform manifest",
	}[t]
	if text == "" {
		text = "unknown"
	}
	return strconv.Itoa(int(t)) + " (" + text + ")"
}

// CertificationData is the last part of the signature data.
type CertificationData struct {
	Type CertificationDataType
	// Data is what the type says; for type 5 the chain as PEM text.
	Data []byte
	// Offset of Data within the quote, for error messages.
	Offset int
}

func parseCertificationData(r *reader) CertificationData {
	const part = "certification data"
	typeAt := r.offset
	c := CertificationData{Type: CertificationDataType(r.uint16(part + ": type"))}
	if r.err == nil && (c.Type == 0 || c.Type > largestCertDataType) {
		r.fail(evidence.CodeMalformed, part+": type", typeAt, strconv.Itoa(int(c.Type)), "1 to 7")
		return c
	}
	length := r.uint32(part + ": length")
	if r.err != nil {
		return c
	}
	if uint64(length) > uint64(len(r.rest)) {
		r.fail(evidence.CodeTruncated, part, r.offset, fmt.Sprintf("%d bytes left", len(r.rest)), fmt.Sprintf("%d", length))
		return c
	}
	c.Offset = r.offset
	c.Data = r.take(int(length), part)
	return c
}

// PCKIdentifier is what certification data of types 1 to 3 holds instead of a
// certificate: enough to ask a provisioning service for it.
type PCKIdentifier struct {
	// PPID of the platform, plain or encrypted as the type says.
	PPID []byte
	// CPUSVN is 16 bytes, PCEID 2 bytes little-endian.
	CPUSVN [16]byte
	PCESVN uint16
	PCEID  [2]byte
}

// Identifier returns the PCK identifier of types 1 to 3; ok is false for other
// types and for data too short to be one.
func (c CertificationData) Identifier() (id PCKIdentifier, ok bool) {
	if c.Type < CertPPIDPlain || c.Type > CertPPIDRSA3072 || len(c.Data) <= pckIdentifierTailSize {
		return PCKIdentifier{}, false
	}
	r := newReader(c.Data)
	id.PPID = r.take(len(c.Data)-pckIdentifierTailSize, "PPID")
	copy(id.CPUSVN[:], r.take(16, "CPUSVN"))
	id.PCESVN = r.uint16("PCESVN")
	copy(id.PCEID[:], r.take(2, "PCEID"))
	return id, r.err == nil
}

// WithPCKChain returns a copy of a quote of certification data types 1 to 4, as
// if it carried this chain: PEM, leaf and CA and usually the root. Nothing is
// lost by taking the chain from elsewhere, for no signature of a quote covers it
// and the verifier checks it all the same. It returns an *[evidence.Error] for a
// quote that carries a chain of its own.
func (q *Quote) WithPCKChain(pemText []byte) (*Quote, error) {
	if t := q.CertificationData.Type; t > CertPCKLeaf {
		return nil, &evidence.Error{
			Stage: evidence.StageChain, Code: evidence.CodeUnsupported, Part: "certification data", Offset: q.CertificationData.Offset,
			Found: "type " + t.String(), Expected: "types 1 to 4, which lack a chain",
		}
	}
	c := *q
	c.CertificationData = CertificationData{Type: CertPCKChain, Data: bytes.Clone(pemText), Offset: q.CertificationData.Offset}
	return &c, nil
}

// pckChain returns the PEM text of a chain, or says what would be needed.
func (c CertificationData) pckChain() ([]byte, error) {
	if c.Type == CertPCKChain {
		return c.Data, nil
	}
	e := &evidence.Error{
		Stage: evidence.StageChain, Code: evidence.CodeUnsupported, Part: "certification data", Offset: c.Offset,
		Found: "type " + c.Type.String(), Expected: "type " + CertPCKChain.String(),
	}
	switch c.Type {
	case CertPPIDPlain, CertPPIDRSA2048, CertPPIDRSA3072:
		e.Hint = "the quote names its PCK certificate and does not carry it: get the certificate and its chain from a PCCS and give them beside the quote, or quote again with a quote provider that embeds the chain"
	case CertPCKLeaf:
		e.Hint = "the quote carries the leaf without its CA: give the whole chain beside the quote"
	case CertQEReport:
		e.Hint = "type 6 belongs to quotes of version 4 and later"
	case CertPlatformManifest:
		e.Hint = "the platform is not registered: send the manifest to Intel's registration service, then quote again"
	case CertPCKChain:
	}
	return nil, e
}
