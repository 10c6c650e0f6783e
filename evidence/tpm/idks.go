package tpm

import (
	"crypto/rsa"
	"encoding/binary"
	"fmt"
	"math/big"
	"strconv"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

const (
	idksHeaderSize = 16
	// idksRSA is the only KeyAlgID that is known.
	idksRSA = 1
)

// IDKS returns the keys with which the secure kernel of a Windows boot signs
// reports of enclaves, without duplicates, for [EnclaveReport.Verify]. It takes
// those that the boot measured into PCRs 12 to 14 before it closed them, and
// refuses a boot with none: these PCRs must be quoted, and VBS must be on.
//
// That Windows measured them is as true as that Windows was booted. Whoever boots
// something else can measure what he likes into these PCRs; a policy must look at
// Secure Boot and its authorities, too.
//
// The payload is a SIPAEVENT_VSM_IDK_INFO_PAYLOAD of wbcl.h: KeyAlgID (1),
// KeyBitLength, PublicExpLengthBytes and ModulusSizeBytes, little-endian and of 32
// bits, then the public exponent and the modulus, big-endian.
func IDKS(p *eventlog.Proven) ([]*rsa.PublicKey, error) {
	var keys []*rsa.PublicKey
	for _, data := range p.BootTagData(eventlog.TagVSMIDKSInfo) {
		key, err := parseIDKS(data)
		if err != nil {
			return nil, err
		}
		if isNew(keys, key) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		e := refuse(StageEnclave, evidence.CodeMissing, "VSM_IDKS_INFO", "none that PCRs 12 to 14 prove", "the key with which the secure kernel signs")
		e.Hint = "quote PCRs 12 to 14, and boot Windows with virtualization-based security"
		return nil, e
	}
	return keys, nil
}

func isNew(keys []*rsa.PublicKey, key *rsa.PublicKey) bool {
	for _, k := range keys {
		if k.Equal(key) {
			return false
		}
	}
	return true
}

// parseIDKS reads the payload, all of it. Offsets of its errors are within it.
func parseIDKS(data []byte) (*rsa.PublicKey, error) {
	const part = "VSM_IDKS_INFO"
	r := newReader(data, idksHeaderSize+maxExponent+maxRSABits/8, part)
	header := r.take(idksHeaderSize, part)
	if err := r.problem(); err != nil {
		return nil, err
	}
	field := func(i int) uint32 { return binary.LittleEndian.Uint32(header[4*i:]) }
	if id := field(0); id != idksRSA {
		r.fail(evidence.CodeUnsupported, part+": KeyAlgID", 0, strconv.FormatUint(uint64(id), 10), "1, RSA")
	}
	if n := field(2); n > maxExponent {
		r.fail(evidence.CodeTooLarge, part+": PublicExpLengthBytes", 8, fmt.Sprintf("%d", n), fmt.Sprintf("at most %d", maxExponent))
	}
	if n := field(3); n > maxRSABits/8 {
		r.fail(evidence.CodeTooLarge, part+": ModulusSizeBytes", 12, fmt.Sprintf("%d", n), fmt.Sprintf("at most %d", maxRSABits/8))
	}
	exponent := r.take(int(field(2)), part+": PublicExponent")
	modulus := r.take(int(field(3)), part+": Modulus")
	r.end(part)
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(new(big.Int).SetBytes(exponent).Int64())}
	if n := key.N.BitLen(); uint64(n) != uint64(field(1)) { //nolint:gosec // G115: a length
		r.fail(evidence.CodeMismatch, part+": KeyBitLength", 4, strconv.FormatUint(uint64(field(1)), 10), fmt.Sprintf("%d, as the modulus has", n))
	}
	if err := r.problem(); err != nil {
		return nil, err
	}
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	return key, nil
}
