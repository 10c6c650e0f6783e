package policytoken

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// algorithmNone is that of an unsigned token (RFC 7518, section 3.6).
const algorithmNone = "none"

const acceptedAlgorithms = "none, RS256, ES256, ES384 or ES512"

// algorithm is how a kind of key signs. The key decides, not the header: nobody
// can have a public key taken for something else by writing another name.
type algorithm struct {
	name     string   // RFC 7518, section 3.1
	aliases  []string // what clients write in its place
	curve    elliptic.Curve
	isDERToo bool // clients are known to send ASN.1 in place of R‖S
}

func algorithms() []algorithm {
	return []algorithm{
		{name: "RS256", aliases: []string{"RSA256"}},
		{name: "ES256", aliases: []string{"ECDH256", "RS256"}, curve: elliptic.P256(), isDERToo: true},
		{name: "ES384", curve: elliptic.P384()},
		{name: "ES512", curve: elliptic.P521()},
	}
}

// isAlgorithm reports whether a header may say so at all.
func isAlgorithm(name string) bool {
	return name == algorithmNone || slices.ContainsFunc(algorithms(), func(a algorithm) bool { return a.isNamed(name) })
}

func (a algorithm) isNamed(name string) bool {
	return name == a.name || slices.Contains(a.aliases, name)
}

// keyType is the JWK member "kty" (RFC 7518, section 6.1).
func (a algorithm) keyType() string {
	if a.curve != nil {
		return "EC"
	}
	return "RSA"
}

// algorithmOf returns how a key signs, or why it must not.
func algorithmOf(key crypto.PublicKey) (algorithm, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return algorithm{}, fmt.Errorf("RSA modulus of %d bits, want %d to %d", bits, minRSABits, maxRSABits)
		}
		if k.E < minRSAExponent || k.E%2 == 0 {
			return algorithm{}, fmt.Errorf("RSA exponent %d, want an odd number of at least %d", k.E, minRSAExponent)
		}
		return algorithms()[0], nil
	case *ecdsa.PublicKey:
		for _, a := range algorithms() {
			if a.curve != nil && a.curve == k.Curve {
				return a, nil
			}
		}
		return algorithm{}, fmt.Errorf("on the curve %s, want P-256, P-384 or P-521", k.Params().Name)
	}
	return algorithm{}, fmt.Errorf("a %T, want RSA or ECDSA", key)
}

// verify checks a JWS signature by key, which is one of algorithmOf.
func (a algorithm) verify(key crypto.PublicKey, signed, signature []byte) error {
	switch k := key.(type) {
	case *rsa.PublicKey:
		digest := sha256.Sum256(signed)
		return rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], signature)
	case *ecdsa.PublicKey:
		return a.verifyECDSA(k, signed, signature)
	}
	return errNoSignature
}

var errNoSignature = errors.New("not this key's signature over these bytes")

func (a algorithm) verifyECDSA(key *ecdsa.PublicKey, signed, signature []byte) error {
	digest := a.digest(signed)
	size := (a.curve.Params().BitSize + 7) / 8
	if len(signature) == 2*size {
		r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		if ecdsa.Verify(key, digest, r, s) {
			return nil
		}
	}
	if a.isDERToo && ecdsa.VerifyASN1(key, digest, signature) {
		return nil
	}
	return errNoSignature
}

// digest is the SHA-2 that RFC 7518 pairs with the curve.
func (a algorithm) digest(signed []byte) []byte {
	switch a.curve {
	case elliptic.P384():
		sum := sha512.Sum384(signed)
		return sum[:]
	case elliptic.P521():
		sum := sha512.Sum512(signed)
		return sum[:]
	}
	sum := sha256.Sum256(signed)
	return sum[:]
}
