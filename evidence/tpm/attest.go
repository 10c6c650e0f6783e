package tpm

import (
	"fmt"

	"github.com/azattest/azattest/evidence"
)

// generated is TPM_GENERATED_VALUE, "\xffTCG": with it begins what a TPM made,
// and nothing that a restricted key signs for somebody else (part 2, 6.2).
const generated = 0xff544347

// AttestType is the TPM_ST of an attestation (part 2, 6.9).
type AttestType uint16

// The types that are read here.
const (
	AttestCertify  AttestType = 0x8017
	AttestQuote    AttestType = 0x8018
	AttestCreation AttestType = 0x801a
)

// String returns the name, "0x8014" for a type that is not read here.
func (t AttestType) String() string {
	switch t {
	case AttestCertify:
		return "certify"
	case AttestQuote:
		return "quote"
	case AttestCreation:
		return "creation"
	}
	return fmt.Sprintf("0x%04x", uint16(t))
}

// Attest is a TPMS_ATTEST (part 2, 10.12.8), not trusted. Its slices are the
// input's.
type Attest struct {
	Type AttestType
	// QualifiedSigner is the qualified name of the key that signed. For one key
	// in one TPM it is always the same.
	QualifiedSigner Name
	// ExtraData is what the caller of the TPM gave as qualifyingData.
	ExtraData []byte
	Clock     ClockInfo
	// FirmwareVersion is the TPM vendor's. Outside of the endorsement and
	// platform hierarchies the TPM adds a number to it that is secret and the
	// same for each key; see also [ClockInfo].
	FirmwareVersion uint64
	// Quote is what a quote says, Certify what a TPM2_Certify and Creation what a
	// TPM2_CertifyCreation says; two of the three are nil.
	Quote    *QuoteInfo
	Certify  *CertifyInfo
	Creation *CreationInfo
}

// ClockInfo is a TPMS_CLOCK_INFO (part 2, 10.11.1). For keys outside of the
// endorsement and platform hierarchies the counts are hidden as the firmware's
// version is: that they change says something, what they are does not.
type ClockInfo struct {
	// Clock is the time, in milliseconds, for which the TPM has had power.
	Clock uint64
	// ResetCount grows with each restart of the platform, RestartCount with each
	// resume from hibernation.
	ResetCount, RestartCount uint32
	// IsSafe is false if the TPM may have shown a larger Clock before.
	IsSafe bool
}

// QuoteInfo is a TPMS_QUOTE_INFO (part 2, 10.12.4).
type QuoteInfo struct {
	Selection []Selection
	// Digest is the hash of the PCRs' values, with the hash of the signature.
	Digest []byte
}

// CertifyInfo is a TPMS_CERTIFY_INFO (part 2, 10.12.3).
type CertifyInfo struct {
	Name, QualifiedName Name
}

// CreationInfo is a TPMS_CREATION_INFO (part 2, 10.12.7).
type CreationInfo struct {
	Name Name
	Hash []byte
}

// ParseAttest reads a TPMS_ATTEST, all of it. What does not begin with
// TPM_GENERATED_VALUE was not made by a TPM and is refused.
func ParseAttest(raw []byte) (*Attest, error) {
	const part = "TPMS_ATTEST"
	r := newReader(raw, maxAttest, part)
	if magic := r.uint32(part + ": magic"); magic != generated {
		r.fail(evidence.CodeMalformed, part+": magic", 0, fmt.Sprintf("0x%08x", magic), "TPM_GENERATED_VALUE 0xff544347")
	}
	a := &Attest{Type: AttestType(r.uint16(part + ": type"))}
	a.QualifiedSigner = r.name(part + ": qualifiedSigner")
	a.ExtraData = r.sized(maxData, part+": extraData")
	a.Clock.Clock = r.uint64(part + ": clockInfo: clock")
	a.Clock.ResetCount = r.uint32(part + ": clockInfo: resetCount")
	a.Clock.RestartCount = r.uint32(part + ": clockInfo: restartCount")
	at := r.offset
	safe := r.uint8(part + ": clockInfo: safe")
	if safe > 1 {
		r.fail(evidence.CodeMalformed, part+": clockInfo: safe", at, fmt.Sprintf("%d", safe), "0 or 1")
	}
	a.Clock.IsSafe = safe == 1
	a.FirmwareVersion = r.uint64(part + ": firmwareVersion")
	switch a.Type {
	case AttestQuote:
		a.Quote = &QuoteInfo{Selection: r.selections(), Digest: r.sized(maxData, "TPMS_QUOTE_INFO: pcrDigest")}
	case AttestCertify:
		a.Certify = &CertifyInfo{Name: r.name("TPMS_CERTIFY_INFO: name"), QualifiedName: r.name("TPMS_CERTIFY_INFO: qualifiedName")}
	case AttestCreation:
		a.Creation = &CreationInfo{Name: r.name("TPMS_CREATION_INFO: objectName"), Hash: r.sized(maxData, "TPMS_CREATION_INFO: creationHash")}
	default:
		r.fail(evidence.CodeUnsupported, part+": type", 4, a.Type.String(), "quote, certify or creation")
	}
	r.end(part)
	if err := r.problem(); err != nil {
		return nil, err
	}
	return a, nil
}
