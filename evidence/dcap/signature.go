package dcap

import (
	"crypto/ecdsa"
)

// verifyRaw checks an ECDSA signature given as r‖s, 32 bytes each, big-endian,
// over a digest. Zero and oversized values are refused by crypto/ecdsa.
func verifyRaw(key *ecdsa.PublicKey, digest, signature []byte) bool {
	var der [2 + 2*(2+33)]byte
	return ecdsa.VerifyASN1(key, digest, appendDER(der[:0], signature))
}

// appendDER writes r‖s as the ASN.1 sequence that crypto/ecdsa reads, into a
// buffer of the caller's, because this is the hot path.
func appendDER(dst, signature []byte) []byte {
	dst = append(dst, 0x30, 0)
	for _, n := range [][]byte{signature[:32], signature[32:]} {
		for len(n) > 1 && n[0] == 0 {
			n = n[1:]
		}
		length := byte(len(n)) //nolint:gosec // at most 32
		if n[0] >= 0x80 {
			dst = append(dst, 0x02, length+1, 0)
		} else {
			dst = append(dst, 0x02, length)
		}
		dst = append(dst, n...)
	}
	dst[1] = byte(len(dst) - 2) //nolint:gosec // at most 70
	return dst
}
