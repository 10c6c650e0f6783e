package tpm

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"unicode/utf16"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
)

// Layout of a report of EnclaveGetAttestationReport, little-endian, as ntenclv.h
// has it: VBS_ENCLAVE_REPORT_PKG_HEADER, the signed statement, the signature. The
// statement is a VBS_ENCLAVE_REPORT with variable data after it.
const (
	enclaveHeaderSize = 24
	enclaveReportSize = 8 + 64 + enclaveIdentitySize

	enclaveIdentitySize = 32 + 32 + 32 + 16 + 16 + 6*4

	// What the header says of the only form that is defined: version 1, signed by
	// RSA-PSS with SHA-256.
	enclaveVersion   = 1
	enclaveSchemePSS = 1
	// ENCLAVE_TYPE_VBS of winnt.h.
	enclaveTypeVBS = 0x10
	// VBS_ENCLAVE_VARDATA_MODULE, and the size of its fixed parts.
	enclaveDataModule = 1
	enclaveModuleSize = 8 + 32 + 32 + 16 + 16 + 4
)

// EnclaveIdentity is an ENCLAVE_IDENTITY: what the secure kernel says of an enclave.
type EnclaveIdentity struct {
	OwnerID, UniqueID, AuthorID [32]byte
	FamilyID, ImageID           [16]byte

	SVN, SecureKernelSVN, PlatformSVN uint32
	// Flags has bit 0 set if debugging is enabled, bit 1 if it may be enabled and
	// bit 2 if it has been.
	Flags        uint32
	SigningLevel uint32
	Type         uint32
}

// EnclaveReport is the report of a VBS enclave, not trusted.
type EnclaveReport struct {
	// Data is what the enclave gave: the SHA-512 of what it vouches for.
	Data     [64]byte
	Identity EnclaveIdentity
	// VariableData is what follows, see [EnclaveReport.Modules].
	VariableData []byte

	signed, signature []byte
}

// EnclaveModule is a module that was loaded into an enclave.
type EnclaveModule struct {
	UniqueID, AuthorID [32]byte
	FamilyID, ImageID  [16]byte
	SVN                uint32
	Name               string
}

// ParseEnclaveReport reads a report of EnclaveGetAttestationReport, all of it.
//
// The reader follows the declarations in Microsoft's headers and is tested with
// reports of our own making. One of a real enclave, with the log of its boot, is
// public in github.com/EnclaveHost/enclave (test/fixtures/vbs/boot64-evidence.json
// at commit dad54c98); it is not ours to copy. Held against it once, this reader
// and [IDKS] read it, and its signature holds.
func ParseEnclaveReport(raw []byte) (*EnclaveReport, error) {
	const part = "VBS_ENCLAVE_REPORT_PKG_HEADER"
	r := newReader(raw, maxEnclaveReport, part)
	header := r.take(enclaveHeaderSize, part)
	if err := r.problem(); err != nil {
		return nil, err
	}
	field := func(i int) uint32 { return binary.LittleEndian.Uint32(header[4*i:]) }
	check := func(i int, name string, want uint32) {
		if got := field(i); got != want {
			r.fail(evidence.CodeUnsupported, part+": "+name, 4*i, strconv.FormatUint(uint64(got), 10), strconv.FormatUint(uint64(want), 10))
		}
	}
	// The size is checked against the input before anything is trusted to it.
	if size := uint64(field(0)); size != uint64(len(raw)) {
		r.fail(evidence.CodeMismatch, part+": PackageSize", 0, strconv.FormatUint(size, 10), fmt.Sprintf("%d, the bytes that there are", len(raw)))
	}
	check(1, "Version", enclaveVersion)
	check(2, "SignatureScheme", enclaveSchemePSS)
	statement, signature := uint64(field(3)), uint64(field(4))
	if enclaveHeaderSize+statement+signature != uint64(len(raw)) {
		r.fail(evidence.CodeMismatch, part+": SignedStatementSize and SignatureSize", 12, fmt.Sprintf("%d and %d", statement, signature),
			fmt.Sprintf("together %d", len(raw)-enclaveHeaderSize))
	}
	if err := r.problem(); err != nil {
		return nil, err
	}
	e := &EnclaveReport{}
	rest := raw[enclaveHeaderSize:]
	e.signed, e.signature = rest[:statement:statement], rest[statement:]
	e.read(r)
	if err := r.problem(); err != nil {
		return nil, err
	}
	return e, nil
}

// read reads the signed statement.
func (e *EnclaveReport) read(r *reader) {
	const part = "VBS_ENCLAVE_REPORT"
	b := e.signed
	if len(b) < enclaveReportSize {
		r.fail(evidence.CodeTruncated, part, enclaveHeaderSize, fmt.Sprintf("%d bytes", len(b)), fmt.Sprintf("at least %d", enclaveReportSize))
		return
	}
	size, version := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	// The declaration does not say whether the variable data count. In the real
	// report they do.
	if uint64(size) != enclaveReportSize && uint64(size) != uint64(len(b)) {
		r.fail(evidence.CodeMismatch, part+": ReportSize", enclaveHeaderSize, strconv.FormatUint(uint64(size), 10), fmt.Sprintf("%d or %d", enclaveReportSize, len(b)))
	}
	if version != enclaveVersion {
		r.fail(evidence.CodeUnsupported, part+": ReportVersion", enclaveHeaderSize+4, strconv.FormatUint(uint64(version), 10), strconv.Itoa(enclaveVersion))
	}
	copy(e.Data[:], b[8:])
	b = b[8+64:]
	id := &e.Identity
	for _, dst := range [][]byte{id.OwnerID[:], id.UniqueID[:], id.AuthorID[:], id.FamilyID[:], id.ImageID[:]} {
		b = b[copy(dst, b):]
	}
	for _, dst := range []*uint32{&id.SVN, &id.SecureKernelSVN, &id.PlatformSVN, &id.Flags, &id.SigningLevel, &id.Type} {
		*dst = binary.LittleEndian.Uint32(b)
		b = b[4:]
	}
	if id.Type != enclaveTypeVBS {
		r.fail(evidence.CodeUnsupported, "ENCLAVE_IDENTITY: EnclaveType", enclaveHeaderSize+enclaveReportSize-4, fmt.Sprintf("0x%02x", id.Type), fmt.Sprintf("0x%02x, VBS", enclaveTypeVBS))
	}
	e.VariableData = b
}

// Modules reads the variable data: the modules that were loaded. The size in a
// block's header counts the header and what fills it up to a multiple of 8 bytes,
// as in the real report. Blocks of other kinds are passed over.
func (e *EnclaveReport) Modules() ([]EnclaveModule, error) {
	const part = "VBS_ENCLAVE_REPORT_VARDATA_HEADER"
	r := &reader{rest: e.VariableData, offset: enclaveHeaderSize + enclaveReportSize}
	var modules []EnclaveModule
	for blocks := 0; len(r.rest) > 0; blocks++ {
		at := r.offset
		if blocks == maxModules {
			r.fail(evidence.CodeTooLarge, part, at, "more blocks", fmt.Sprintf("at most %d", maxModules))
		}
		header := r.take(8, part)
		if header == nil {
			return nil, r.problem()
		}
		kind, size := binary.LittleEndian.Uint32(header), binary.LittleEndian.Uint32(header[4:])
		least := uint32(8)
		if kind == enclaveDataModule {
			least = enclaveModuleSize
		}
		if kind == 0 || size < least || size > maxEnclaveReport {
			r.fail(evidence.CodeMalformed, part, at, fmt.Sprintf("type %d of %d bytes", kind, size), fmt.Sprintf("a type, and at least %d bytes", least))
		}
		body := r.take(int(size)-8, part)
		if err := r.problem(); err != nil {
			return nil, err
		}
		if kind == enclaveDataModule {
			modules = append(modules, moduleOf(body))
		}
	}
	return modules, nil
}

// moduleOf reads a VBS_ENCLAVE_REPORT_MODULE without its header, whose size was
// checked. The name ends with a zero, or with the block.
func moduleOf(b []byte) EnclaveModule {
	var m EnclaveModule
	for _, dst := range [][]byte{m.UniqueID[:], m.AuthorID[:], m.FamilyID[:], m.ImageID[:]} {
		b = b[copy(dst, b):]
	}
	m.SVN = binary.LittleEndian.Uint32(b)
	var name []uint16
	for b = b[4:]; len(b) >= 2; b = b[2:] {
		c := binary.LittleEndian.Uint16(b)
		if c == 0 {
			break
		}
		name = append(name, c)
	}
	m.Name = string(utf16.Decode(name))
	return m
}

// Verify checks that the secure kernel with this identity key signed the report,
// and that the enclave vouches for reportSigned, the bytes of the request's
// report_signed with both braces. The key must come from a boot log that a quote
// proves, see [IDKS].
func (e *EnclaveReport) Verify(idks *rsa.PublicKey, reportSigned []byte) error {
	if err := CheckKey(idks); err != nil {
		return err
	}
	digest := sha256.Sum256(e.signed)
	if rsa.VerifyPSS(idks, crypto.SHA256, digest[:], e.signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}) != nil {
		return refuse(evidence.StageSignature, evidence.CodeBadSignature, "VBS enclave report", "RSA-PSS with SHA256 that does not hold", "one by the identity key of the secure kernel")
	}
	if want := sha512.Sum512(reportSigned); !bytes.Equal(want[:], e.Data[:]) {
		return refuse(StageEnclave, evidence.CodeMismatch, "VBS_ENCLAVE_REPORT: EnclaveData", hex.EncodeToString(e.Data[:]), hex.EncodeToString(want[:])+", the SHA-512 of report_signed")
	}
	return nil
}

// Claims returns what a policy reads of a report that holds.
func (e *EnclaveReport) Claims() *claims.Set {
	encode := base64.RawURLEncoding.EncodeToString
	id := &e.Identity
	s := new(claims.Set)
	s.Add("enclaveAuthorId", claims.String(encode(id.AuthorID[:])))
	s.Add("enclaveImageId", claims.String(encode(id.ImageID[:])))
	s.Add("enclaveOwnerId", claims.String(encode(id.OwnerID[:])))
	s.Add("enclaveFamilyId", claims.String(encode(id.FamilyID[:])))
	s.Add("enclaveSvn", claims.Integer(int64(id.SVN)))
	s.Add("enclavePlatformSvn", claims.Integer(int64(id.PlatformSVN)))
	s.Add("enclaveFlags", claims.Integer(int64(id.Flags)))
	return s
}
