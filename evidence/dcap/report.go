package dcap

import (
	"encoding/binary"
	"fmt"

	"github.com/azattest/azattest/evidence"
)

// Attribute flags of an enclave (Intel SDM volume 3D, "ATTRIBUTES").
const (
	AttributeDebug = 1 << 1
	// AttributeKSS says that key separation and sharing is enabled: CONFIGID,
	// CONFIGSVN, family and extended product ID have a meaning.
	AttributeKSS = 1 << 7
)

// EnclaveReport is the report body of an SGX enclave: 384 bytes, integers
// little-endian (A.4, table 5).
type EnclaveReport struct {
	CPUSVN       [16]byte // offset 0
	MISCSELECT   uint32   // offset 16
	ISVExtProdID [16]byte // offset 32
	// Attributes are 16 bytes at offset 48: flags (8, little-endian) and XFRM
	// (8).
	Attributes  [16]byte
	MRENCLAVE   [32]byte // offset 64
	MRSIGNER    [32]byte // offset 128
	ConfigID    [64]byte // offset 192
	ISVProdID   uint16   // offset 256
	ISVSVN      uint16   // offset 258
	ConfigSVN   uint16   // offset 260
	ISVFamilyID [16]byte // offset 304
	ReportData  [64]byte // offset 320
}

// Flags returns the attribute flags.
func (r *EnclaveReport) Flags() uint64 { return binary.LittleEndian.Uint64(r.Attributes[:8]) }

// IsDebuggable reports whether the enclave's memory can be read from outside.
func (r *EnclaveReport) IsDebuggable() bool { return r.Flags()&AttributeDebug != 0 }

// HasKSS reports whether the fields of key separation and sharing have a
// meaning.
func (r *EnclaveReport) HasKSS() bool { return r.Flags()&AttributeKSS != 0 }

// ParseEnclaveReport reads a report body of exactly 384 bytes. It returns an
// *[evidence.Error] of stage parse for any other length.
func ParseEnclaveReport(b []byte) (*EnclaveReport, error) {
	if len(b) != sgxReportBodySize {
		return nil, &evidence.Error{
			Stage: evidence.StageParse, Code: evidence.CodeMalformed, Part: "enclave report", Offset: -1,
			Found: fmt.Sprintf("%d bytes", len(b)), Expected: fmt.Sprintf("%d", sgxReportBodySize),
		}
	}
	r := &EnclaveReport{
		CPUSVN:       [16]byte(b[0:16]),
		MISCSELECT:   binary.LittleEndian.Uint32(b[16:20]),
		ISVExtProdID: [16]byte(b[32:48]),
		Attributes:   [16]byte(b[48:64]),
		MRENCLAVE:    [32]byte(b[64:96]),
		MRSIGNER:     [32]byte(b[128:160]),
		ConfigID:     [64]byte(b[192:256]),
		ISVProdID:    binary.LittleEndian.Uint16(b[256:258]),
		ISVSVN:       binary.LittleEndian.Uint16(b[258:260]),
		ConfigSVN:    binary.LittleEndian.Uint16(b[260:262]),
		ISVFamilyID:  [16]byte(b[304:320]),
		ReportData:   [64]byte(b[320:384]),
	}
	return r, nil
}
