package tpm

import (
	"encoding/binary"
	"fmt"

	"github.com/azattest/azattest/evidence/tpm"
)

// The header of Windows' NCRYPT_CLAIM_PLATFORM, as the headers of Microsoft's PCP
// tool kit declare it (PCP_PLATFORM_ATTESTATION_BLOB, and …BLOB2 with the last
// member). Its members are of 32 bits each, little-endian:
//
//	Magic           "PADS", or "PAD2" with the last member
//	Platform        2: TPM_VERSION_20
//	HeaderSize      28, or 32 with the last member
//	cbPcrValues     24 digests, of PCR 0 to 23, whatever is quoted
//	cbQuote         the TPMS_ATTEST, without a length before it
//	cbSignature     the signature, without its algorithms: RSA's bytes, or r‖s
//	cbLog           the log
//	PcrAlgorithmId  the bank, a TPM_ALG_ID; without it the bank is SHA-1's
//
// What they count follows, in their order.
const (
	claimMagic    = "PADS"
	claimMagic2   = "PAD2"
	claimPlatform = 2
	claimHeader   = 28
	claimHeader2  = 32
)

// platformClaim makes a claim of a quote of all PCRs of one bank. The log is sent
// beside it.
func platformClaim(q *quote) ([]byte, error) {
	const op = "NCRYPT_CLAIM_PLATFORM"
	if len(q.verified.Banks) != 1 || len(q.verified.Banks[0].PCRs) != pcrCount {
		return nil, &Error{Op: op, Found: "several banks or some PCRs", Expected: fmt.Sprintf("%d PCRs of one bank", pcrCount)}
	}
	signature, err := tpm.ParseSignature(q.signature)
	if err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	bare, err := bareSignature(signature, q.verified.AIK)
	if err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	var values []byte
	for _, p := range q.verified.Banks[0].PCRs {
		values = append(values, p.Digest...)
	}
	magic, header := claimMagic, claimHeader
	bank := q.verified.Banks[0].Algorithm
	if bank != tpm.SHA1 {
		magic, header = claimMagic2, claimHeader2
	}
	claim := []byte(magic)
	for _, n := range []int{claimPlatform, header, len(values), len(q.attest), len(bare), 0} {
		claim = binary.LittleEndian.AppendUint32(claim, uint32(n)) //nolint:gosec // G115: A TPM's structures have some kilobytes at most.
	}
	if bank != tpm.SHA1 {
		claim = binary.LittleEndian.AppendUint32(claim, uint32(bank))
	}
	claim = append(claim, values...)
	claim = append(claim, q.attest...)
	return append(claim, bare...), nil
}

// bareSignature is a signature as CNG writes it.
func bareSignature(s *tpm.Signature, aik *tpm.AIK) ([]byte, error) {
	if s.Scheme != tpm.ECDSA {
		return s.RSA, nil
	}
	jwk, err := tpm.NewJWK(aik.Key())
	if err != nil {
		return nil, err
	}
	half := 32
	if jwk.Crv == "P-384" {
		half = 48
	}
	if len(s.R) > half || len(s.S) > half {
		return nil, fmt.Errorf("an ECDSA signature that is none of %d bits", 8*half)
	}
	bare := make([]byte, 2*half)
	copy(bare[half-len(s.R):], s.R)
	copy(bare[2*half-len(s.S):], s.S)
	return bare, nil
}
