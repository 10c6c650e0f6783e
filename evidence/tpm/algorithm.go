package tpm

import (
	"crypto"
	"crypto/elliptic"
	"fmt"

	// The hashes that [Algorithm.Hash] names.
	_ "crypto/sha1" //nolint:gosec // G505: PCR banks and old quotes have SHA-1; each use needs the caller's consent.
	_ "crypto/sha256"
	_ "crypto/sha512"
)

// Algorithm is a TPM_ALG_ID (part 2, 6.3).
type Algorithm uint16

// The algorithms that are known here.
const (
	RSA       Algorithm = 0x0001
	SHA1      Algorithm = 0x0004
	AES       Algorithm = 0x0006
	SHA256    Algorithm = 0x000b
	SHA384    Algorithm = 0x000c
	SHA512    Algorithm = 0x000d
	Null      Algorithm = 0x0010
	RSASSA    Algorithm = 0x0014
	RSAES     Algorithm = 0x0015
	RSAPSS    Algorithm = 0x0016
	OAEP      Algorithm = 0x0017
	ECDSA     Algorithm = 0x0018
	ECDH      Algorithm = 0x0019
	KDF1SP800 Algorithm = 0x0020
	ECC       Algorithm = 0x0023
	CFB       Algorithm = 0x0043
)

// String returns the name, "0x0012" for an algorithm that is not known here.
func (a Algorithm) String() string {
	switch a {
	case RSA:
		return "RSA"
	case SHA1:
		return "SHA1"
	case AES:
		return "AES"
	case SHA256:
		return "SHA256"
	case SHA384:
		return "SHA384"
	case SHA512:
		return "SHA512"
	case Null:
		return "NULL"
	case RSASSA:
		return "RSASSA"
	case RSAES:
		return "RSAES"
	case RSAPSS:
		return "RSAPSS"
	case OAEP:
		return "OAEP"
	case ECDSA:
		return "ECDSA"
	case ECDH:
		return "ECDH"
	case KDF1SP800:
		return "KDF1_SP800_56A"
	case ECC:
		return "ECC"
	case CFB:
		return "CFB"
	}
	return fmt.Sprintf("0x%04x", uint16(a))
}

// Hash returns the hash that a names, false if it names none that is known here.
func (a Algorithm) Hash() (crypto.Hash, bool) {
	switch a {
	case SHA1:
		return crypto.SHA1, true
	case SHA256:
		return crypto.SHA256, true
	case SHA384:
		return crypto.SHA384, true
	case SHA512:
		return crypto.SHA512, true
	default:
		return 0, false
	}
}

// size is the length of a digest, 0 for what is no hash.
func (a Algorithm) size() int {
	if h, ok := a.Hash(); ok {
		return h.Size()
	}
	return 0
}

// sum hashes the parts one after the other. The algorithm must be a hash.
func (a Algorithm) sum(parts ...[]byte) []byte {
	h, ok := a.Hash()
	if !ok {
		panic("tpm: " + a.String() + " is no hash")
	}
	d := h.New()
	for _, p := range parts {
		d.Write(p)
	}
	return d.Sum(nil)
}

// curveOf returns the curve that a TPM_ECC_CURVE names (part 2, 6.4), nil for
// those that are not verified here.
func curveOf(id uint16) elliptic.Curve {
	switch id {
	case 3:
		return elliptic.P256()
	case 4:
		return elliptic.P384()
	default:
		return nil
	}
}
