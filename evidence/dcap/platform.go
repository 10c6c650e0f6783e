package dcap

import (
	"encoding/hex"
	"fmt"
)

// TEE is the kind of trusted execution environment a quote speaks for: the TEE
// type of the quote header (Intel TDX DCAP Quoting Library API, A.3.1).
type TEE uint32

// The kinds of TEE that Intel quotes know.
const (
	SGX TEE = 0x00000000
	TDX TEE = 0x00000081
)

func (t TEE) String() string {
	switch t {
	case SGX:
		return "SGX"
	case TDX:
		return "TDX"
	}
	return fmt.Sprintf("TEE type %#x", uint32(t))
}

// CA is the kind of Intel CA that issued a PCK certificate, in the words of the
// PCK CRL request's ca parameter.
type CA string

// The two CAs: the processor CA for single-package platforms, the platform CA
// for multi-package ones.
const (
	ProcessorCA CA = "processor"
	PlatformCA  CA = "platform"
)

// FMSPC is family, model, stepping, platform type and custom SKU of a platform:
// 6 bytes, big-endian, that select the TCB info to judge it by.
type FMSPC [6]byte

// String returns 12 lower-case hexadecimal digits.
func (f FMSPC) String() string { return hex.EncodeToString(f[:]) }

// ParseFMSPC reads 12 hexadecimal digits of either case.
func ParseFMSPC(s string) (FMSPC, error) {
	var f FMSPC
	if len(s) != hex.EncodedLen(len(f)) {
		return FMSPC{}, fmt.Errorf("FMSPC %q: %d characters, want 12 hexadecimal digits", s, len(s))
	}
	if _, err := hex.Decode(f[:], []byte(s)); err != nil {
		return FMSPC{}, fmt.Errorf("FMSPC %q: want 12 hexadecimal digits: %w", s, err)
	}
	return f, nil
}

// Platform names the collateral that a quote needs. It comes from an unverified
// quote: good for looking collateral up, not for trusting.
type Platform struct {
	TEE   TEE
	FMSPC FMSPC
	CA    CA
}

func (p Platform) String() string {
	return fmt.Sprintf("%s FMSPC %s, %s CA", p.TEE, p.FMSPC, p.CA)
}
