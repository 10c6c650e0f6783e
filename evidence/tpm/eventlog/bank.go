package eventlog

import (
	"crypto/sha1" //nolint:gosec // G505: TPMs have SHA-1 banks, and whether one is good enough is for the caller to say.
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
)

// Bank is a bank of PCRs: the TCG's number of its hash algorithm (TPM_ALG_ID).
type Bank uint16

// The banks that logs have. Those with a hash of the standard library can be
// proven; see [Bank.CanProve].
const (
	SHA1    Bank = 0x0004
	SHA256  Bank = 0x000b
	SHA384  Bank = 0x000c
	SHA512  Bank = 0x000d
	SM3     Bank = 0x0012
	SHA3256 Bank = 0x0027
	SHA3384 Bank = 0x0028
	SHA3512 Bank = 0x0029
)

// String gives the name as policies read it: "SHA256".
func (b Bank) String() string {
	switch b {
	case SHA1:
		return "SHA1"
	case SHA256:
		return "SHA256"
	case SHA384:
		return "SHA384"
	case SHA512:
		return "SHA512"
	case SM3:
		return "SM3_256"
	case SHA3256:
		return "SHA3_256"
	case SHA3384:
		return "SHA3_384"
	case SHA3512:
		return "SHA3_512"
	default:
		return fmt.Sprintf("algorithm 0x%04x", uint16(b))
	}
}

// Size is the length of a digest in bytes, 0 for an algorithm that is not known.
func (b Bank) Size() int {
	switch b {
	case SHA1:
		return sha1.Size
	case SHA256, SM3, SHA3256:
		return sha256.Size
	case SHA384, SHA3384:
		return sha512.Size384
	case SHA512, SHA3512:
		return sha512.Size
	default:
		return 0
	}
}

// CanProve says whether logs can be replayed in this bank: SHA-1, SHA-256,
// SHA-384 and SHA-512.
func (b Bank) CanProve() bool {
	return b == SHA1 || b == SHA256 || b == SHA384 || b == SHA512
}

// sum appends the digest of data to dst. The bank is one that CanProve.
func (b Bank) sum(dst, data []byte) []byte {
	switch b {
	case SHA1:
		d := sha1.Sum(data) //nolint:gosec // G401: as above
		return append(dst, d[:]...)
	case SHA256:
		d := sha256.Sum256(data)
		return append(dst, d[:]...)
	case SHA384:
		d := sha512.Sum384(data)
		return append(dst, d[:]...)
	case SHA512:
		d := sha512.Sum512(data)
		return append(dst, d[:]...)
	default:
		return dst
	}
}

// isSum says whether digest is that of data. Nothing here is secret.
func (b Bank) isSum(digest, data []byte) bool {
	var buf [maxDigest]byte
	return string(b.sum(buf[:0], data)) == string(digest)
}

// extend replaces pcr with what the TPM makes of it and a digest.
func (b Bank) extend(pcr, digest []byte) {
	var buf [2 * maxDigest]byte
	n := copy(buf[:], pcr)
	n += copy(buf[n:], digest)
	b.sum(pcr[:0], buf[:n])
}
