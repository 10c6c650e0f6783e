package simulator

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/azattest/azattest/evidence/dcap"
)

// Report is what a quote is to say of its enclave. Nothing keeps it from
// claiming what no CPU would: hostile input is what verifiers are tested with.
// The fields bear the names of [dcap.EnclaveReport].
type Report struct {
	MRENCLAVE, MRSIGNER [32]byte
	ISVProdID, ISVSVN   uint16
	// ReportData is bound by the enclave to whatever it wants to prove; see
	// [Bind].
	ReportData [64]byte
	// Debug marks the enclave as debuggable, KSS its fields of key separation
	// and sharing as meaningful. Both only add to Attributes.
	Debug, KSS bool
	// Attributes are flags (8 bytes, little-endian) and XFRM (8 bytes); zero
	// means those of an ordinary 64-bit enclave.
	Attributes [16]byte
	MISCSELECT uint32
	// The fields of key separation and sharing. Verifiers look at them only with
	// KSS.
	ConfigID                  [64]byte
	ConfigSVN                 uint16
	ISVFamilyID, ISVExtProdID [16]byte
	// CPUSVN is the raw SVN of the CPU; zero means that of the platform.
	CPUSVN [16]byte
}

// Bind returns the report data by which an enclave vouches for runtime data,
// and the CONFIGID for init-time data: SHA-256 and 32 zero bytes.
func Bind(data []byte) [64]byte {
	var b [64]byte
	sum := sha256.Sum256(data)
	copy(b[:], sum[:])
	return b
}

const (
	headerSize         = 48
	reportBodySize     = 384
	mrenclaveOffset    = headerSize + 64
	attributeInit      = 1 << 0
	attributeMode64    = 1 << 2
	attributeProvision = 1 << 4
	xfrmLegacy         = 0x03 // x87 and SSE
)

// ordinaryAttributes are those of an initialized 64-bit enclave.
var ordinaryAttributes = [16]byte{0: attributeInit | attributeMode64, 8: xfrmLegacy}

// encode writes the report body (A.4, table 5).
func (r Report) encode(platform [16]byte) []byte {
	if r.Attributes == ([16]byte{}) {
		r.Attributes = ordinaryAttributes
	}
	if r.Debug {
		r.Attributes[0] |= dcap.AttributeDebug
	}
	if r.KSS {
		r.Attributes[0] |= dcap.AttributeKSS
	}
	if r.CPUSVN == ([16]byte{}) {
		r.CPUSVN = platform
	}
	b := make([]byte, reportBodySize)
	copy(b[0:], r.CPUSVN[:])
	binary.LittleEndian.PutUint32(b[16:], r.MISCSELECT)
	copy(b[32:], r.ISVExtProdID[:])
	copy(b[48:], r.Attributes[:])
	copy(b[64:], r.MRENCLAVE[:])
	copy(b[128:], r.MRSIGNER[:])
	copy(b[192:], r.ConfigID[:])
	binary.LittleEndian.PutUint16(b[256:], r.ISVProdID)
	binary.LittleEndian.PutUint16(b[258:], r.ISVSVN)
	binary.LittleEndian.PutUint16(b[260:], r.ConfigSVN)
	copy(b[304:], r.ISVFamilyID[:])
	copy(b[320:], r.ReportData[:])
	return b
}
