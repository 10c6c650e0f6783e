package tpm

import (
	"encoding/binary"
	"fmt"
)

// A platform claim as NCryptCreateClaim returns it since Windows 10 1809: ncrypt.h,
// NCRYPT_TPM_PLATFORM_ATTESTATION_STATEMENT. The members of the header are of 32 bits
// each, little-endian:
//
//	Magic        "TPLA" (the header's comment has both orders of the letters)
//	Version      0
//	pcrAlg       the bank, a TPM_ALG_ID
//	cbSignature  a TPMT_SIGNATURE
//	cbQuote      a TPMS_ATTEST, without a length before it
//	cbPcrs       24 digests, of PCR 0 to 23, whatever is quoted
//
// What they count follows, in their order. Older tools of Microsoft's make another
// form ("PADS", "PAD2"), which says neither scheme nor hash of the signature.
const (
	claimMagic   = "TPLA"
	claimVersion = 0
)

// platformClaim makes a claim of a quote of all PCRs of one bank. The log is sent
// beside it.
func platformClaim(q *quote) ([]byte, error) {
	if len(q.verified.Banks) != 1 || len(q.verified.Banks[0].PCRs) != pcrCount {
		return nil, &Error{Op: "platform claim", Found: "several banks or some PCRs", Expected: fmt.Sprintf("%d PCRs of one bank", pcrCount)}
	}
	bank := q.verified.Banks[0]
	var values []byte
	for _, p := range bank.PCRs {
		values = append(values, p.Digest...)
	}
	claim := []byte(claimMagic)
	for _, n := range []int{claimVersion, int(bank.Algorithm), len(q.signature), len(q.attest), len(values)} {
		claim = binary.LittleEndian.AppendUint32(claim, uint32(n)) //nolint:gosec // G115: A TPM's structures have some kilobytes at most.
	}
	claim = append(claim, q.signature...)
	claim = append(claim, q.attest...)
	return append(claim, values...), nil
}
