package tpm

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strconv"

	"github.com/azattest/azattest/evidence"
)

// Public is a TPMT_PUBLIC (part 2, 12.2.4) of an RSA or ECC key, not trusted.
type Public struct {
	NameAlgorithm Algorithm
	Attributes    Attributes
	// AuthPolicy is the digest of the policy that allows its use; empty if there
	// is none.
	AuthPolicy []byte
	// Symmetric is the cipher with which a storage key protects its children.
	Symmetric Symmetric
	// Scheme and SchemeHash are what the key is fixed to, Null if it is to none.
	Scheme, SchemeHash Algorithm
	// Key is an *rsa.PublicKey or an *ecdsa.PublicKey on P-256 or P-384.
	Key crypto.PublicKey

	raw []byte
}

// Symmetric is a TPMT_SYM_DEF_OBJECT; Algorithm is Null if there is none.
type Symmetric struct {
	Algorithm Algorithm
	KeyBits   int
	Mode      Algorithm
}

// ParsePublic reads a TPMT_PUBLIC, all of it.
func ParsePublic(raw []byte) (*Public, error) {
	r := newReader(raw, maxPublic, "TPMT_PUBLIC")
	return r.public(raw)
}

// ParsePublic2B reads a TPM2B_PUBLIC, all of it: a TPMT_PUBLIC after its length.
func ParsePublic2B(raw []byte) (*Public, error) {
	const part = "TPM2B_PUBLIC"
	r := newReader(raw, 2+maxPublic, part)
	n := int(r.uint16(part + ": size"))
	switch {
	case n > len(r.rest):
		r.fail(evidence.CodeTruncated, part+": publicArea", r.offset, fmt.Sprintf("%d bytes left", len(r.rest)), strconv.Itoa(n))
	case n < len(r.rest):
		r.fail(evidence.CodeTrailingData, part, r.offset+n, fmt.Sprintf("%d more bytes", len(r.rest)-n), "the end")
	}
	return r.public(r.rest)
}

// public reads the rest of the input, which is raw.
func (r *reader) public(raw []byte) (*Public, error) {
	const part = "TPMT_PUBLIC"
	at := r.offset
	kind := r.algorithm(part + ": type")
	p := &Public{NameAlgorithm: r.hash(part + ": nameAlg")}
	attributesAt := r.offset
	p.Attributes = Attributes(r.uint32(part + ": objectAttributes"))
	if rest := p.Attributes &^ knownAttributes; rest != 0 {
		r.fail(evidence.CodeUnsupported, part+": objectAttributes", attributesAt, fmt.Sprintf("reserved bits 0x%08x", uint32(rest)), "none")
	}
	policyAt := r.offset
	p.AuthPolicy = r.sized(maxData, part+": authPolicy")
	if n := len(p.AuthPolicy); n != 0 && n != p.NameAlgorithm.size() {
		r.fail(evidence.CodeMalformed, part+": authPolicy", policyAt, fmt.Sprintf("%d bytes", n), fmt.Sprintf("none or %d", p.NameAlgorithm.size()))
	}
	switch kind {
	case RSA:
		r.rsa(p)
	case ECC:
		r.ecc(p)
	default:
		r.fail(evidence.CodeUnsupported, part+": type", at, kind.String(), "RSA or ECC")
	}
	r.end(part)
	if err := r.problem(); err != nil {
		return nil, err
	}
	p.raw = bytes.Clone(raw)
	return p, nil
}

// rsa reads TPMS_RSA_PARMS (part 2, 12.2.3.5) and the modulus.
func (r *reader) rsa(p *Public) {
	const part = "TPMS_RSA_PARMS"
	r.symmetric(p)
	r.scheme(p, RSASSA, RSAPSS, RSAES, OAEP)
	at := r.offset
	keyBits := int(r.uint16(part + ": keyBits"))
	if keyBits < 1024 || keyBits > maxRSABits || keyBits%8 != 0 {
		r.fail(evidence.CodeUnsupported, part+": keyBits", at, strconv.Itoa(keyBits), fmt.Sprintf("1024 to %d", maxRSABits))
	}
	at = r.offset
	exponent := r.uint32(part + ": exponent")
	if exponent == 0 {
		exponent = 65537 // what 0 stands for
	}
	// Go's type has the exponent as an int, which 32 bits cannot all be.
	if exponent%2 == 0 || exponent < 3 || exponent > 1<<31-1 {
		r.fail(evidence.CodeMalformed, part+": exponent", at, strconv.FormatUint(uint64(exponent), 10), "an odd number from 3 to 2147483647")
	}
	at = r.offset
	modulus := r.sized(maxRSABits/8, "TPM2B_PUBLIC_KEY_RSA")
	n := new(big.Int).SetBytes(modulus)
	if r.err == nil && (len(modulus) != keyBits/8 || n.BitLen() != keyBits || n.Bit(0) == 0) {
		r.fail(evidence.CodeMalformed, "TPM2B_PUBLIC_KEY_RSA", at,
			fmt.Sprintf("%d bytes with a number of %d bits, odd: %t", len(modulus), n.BitLen(), n.Bit(0) == 1), fmt.Sprintf("an odd number of %d bits", keyBits))
	}
	p.Key = &rsa.PublicKey{N: n, E: int(exponent)}
}

// ecc reads TPMS_ECC_PARMS (part 2, 12.2.3.6) and the point.
func (r *reader) ecc(p *Public) {
	const part = "TPMS_ECC_PARMS"
	r.symmetric(p)
	r.scheme(p, ECDSA, ECDH)
	at := r.offset
	id := r.uint16(part + ": curveID")
	curve := curveOf(id)
	if curve == nil {
		r.fail(evidence.CodeUnsupported, part+": curveID", at, fmt.Sprintf("0x%04x", id), "NIST P-256 (3) or P-384 (4)")
	}
	at = r.offset
	switch kdf := r.algorithm(part + ": kdf"); kdf {
	case Null:
	case KDF1SP800:
		r.hash(part + ": kdf: hashAlg")
	default:
		r.fail(evidence.CodeUnsupported, part+": kdf", at, kdf.String(), "NULL or KDF1_SP800_56A")
	}
	at = r.offset
	x := r.sized(maxCoordinate, "TPMS_ECC_POINT: x")
	y := r.sized(maxCoordinate, "TPMS_ECC_POINT: y")
	if r.err != nil {
		return
	}
	key, err := pointOn(curve, x, y)
	if err != nil {
		r.fail(evidence.CodeMalformed, "TPMS_ECC_POINT", at, "no point of it", "a point on "+curve.Params().Name)
		return
	}
	p.Key = key
}

// pointOn makes a key of coordinates, which some TPMs give without leading zeros.
func pointOn(curve elliptic.Curve, x, y []byte) (*ecdsa.PublicKey, error) {
	size := (curve.Params().BitSize + 7) / 8
	point := make([]byte, 1+2*size)
	point[0] = 4
	for i, c := range [][]byte{x, y} {
		if len(c) > size {
			return nil, fmt.Errorf("a coordinate of %d bytes, want at most %d", len(c), size)
		}
		copy(point[1+(i+1)*size-len(c):], c)
	}
	return ecdsa.ParseUncompressedPublicKey(curve, point)
}

// symmetric reads a TPMT_SYM_DEF_OBJECT (part 2, 11.1.7).
func (r *reader) symmetric(p *Public) {
	const part = "TPMT_SYM_DEF_OBJECT"
	at := r.offset
	p.Symmetric.Algorithm = r.algorithm(part + ": algorithm")
	switch p.Symmetric.Algorithm {
	case Null:
	case AES:
		at = r.offset
		p.Symmetric.KeyBits = int(r.uint16(part + ": keyBits"))
		switch p.Symmetric.KeyBits {
		case 128, 192, 256:
		default:
			r.fail(evidence.CodeUnsupported, part+": keyBits", at, strconv.Itoa(p.Symmetric.KeyBits), "128, 192 or 256")
		}
		at = r.offset
		p.Symmetric.Mode = r.algorithm(part + ": mode")
		if p.Symmetric.Mode != CFB {
			r.fail(evidence.CodeUnsupported, part+": mode", at, p.Symmetric.Mode.String(), "CFB")
		}
	default:
		r.fail(evidence.CodeUnsupported, part+": algorithm", at, p.Symmetric.Algorithm.String(), "AES or NULL")
	}
}

// scheme reads a TPMT_RSA_SCHEME or TPMT_ECC_SCHEME (part 2, 11.2.4.2, 11.2.5.6):
// all known here have a hash as their detail, but RSAES.
func (r *reader) scheme(p *Public, known ...Algorithm) {
	const part = "asymmetric scheme"
	at := r.offset
	p.Scheme, p.SchemeHash = r.algorithm(part), Null
	switch {
	case p.Scheme == Null:
	case !slices.Contains(known, p.Scheme):
		r.fail(evidence.CodeUnsupported, part, at, p.Scheme.String(), fmt.Sprint(known))
	case p.Scheme != RSAES:
		p.SchemeHash = r.hash(part + ": hashAlg")
	}
}

// Bytes returns the TPMT_PUBLIC as it was read.
func (p *Public) Bytes() []byte { return bytes.Clone(p.raw) }

// Name returns the name of the key: the hash of the public area, which stands for
// key and attributes alike.
func (p *Public) Name() Name {
	return p.name(p.raw)
}

// QualifiedName returns the qualified name of the key under a parent: the
// qualified name of a key, or the handle of a hierarchy (four bytes) for a
// primary key (part 1, 26.5).
func (p *Public) QualifiedName(parent Name) Name {
	return p.name(parent, p.Name())
}

func (p *Public) name(parts ...[]byte) Name {
	name := binary.BigEndian.AppendUint16(nil, uint16(p.NameAlgorithm))
	return append(name, p.NameAlgorithm.sum(parts...)...)
}
