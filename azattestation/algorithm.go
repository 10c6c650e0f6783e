package azattestation

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // RS256 and its like
	_ "crypto/sha512" // RS384, RS512 and their like
	"errors"
	"fmt"
	"math/big"
)

// unsigned is the algorithm of a token that nobody signed (RFC 7518, section 3.6).
const unsigned = "none"

// algorithm is one of the fixed list of algorithms that may sign a token
// (RFC 7518, section 3.1). HMAC is not among them: its key would be the public
// one.
type algorithm struct {
	name  string
	hash  crypto.Hash
	isPSS bool
	curve elliptic.Curve // nil for RSA
}

var algorithms = []algorithm{
	{"RS256", crypto.SHA256, false, nil},
	{"RS384", crypto.SHA384, false, nil},
	{"RS512", crypto.SHA512, false, nil},
	{"PS256", crypto.SHA256, true, nil},
	{"PS384", crypto.SHA384, true, nil},
	{"PS512", crypto.SHA512, true, nil},
	{"ES256", crypto.SHA256, false, elliptic.P256()},
	{"ES384", crypto.SHA384, false, elliptic.P384()},
	{"ES512", crypto.SHA512, false, elliptic.P521()},
}

const algorithmNames = "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or ES512"

// algorithmOf finds an algorithm by its exact name.
func algorithmOf(name string) (*algorithm, bool) {
	for i := range algorithms {
		if algorithms[i].name == name {
			return &algorithms[i], true
		}
	}
	return nil, false
}

// algorithmFor returns the algorithm with which a key signs policies: RS256, or
// the one of its curve.
func algorithmFor(key crypto.PublicKey) (*algorithm, bool) {
	for i := range algorithms {
		if algorithms[i].fits(key) == nil {
			return &algorithms[i], true
		}
	}
	return nil, false
}

// fits refuses a key that the algorithm is not for, or that is too weak.
func (a *algorithm) fits(key crypto.PublicKey) error {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if a.curve != nil {
			return errors.New("the key is RSA")
		}
		if k.N == nil {
			return errors.New("the RSA key has no modulus")
		}
		if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return fmt.Errorf("the RSA key has %d bits, want %d to %d", bits, minRSABits, maxRSABits)
		}
		return nil
	case *ecdsa.PublicKey:
		if k.Curve == nil {
			return errors.New("the ECDSA key has no curve")
		}
		if a.curve == nil || k.Curve != a.curve {
			return fmt.Errorf("the key is on curve %s", k.Curve.Params().Name)
		}
		return nil
	}
	return fmt.Errorf("the key is a %T, want RSA or ECDSA", key)
}

// digest hashes what is signed.
func (a *algorithm) digest(signed []byte) []byte {
	h := a.hash.New()
	h.Write(signed)
	return h.Sum(nil)
}

// errSignature is all that can be said of a signature that does not hold.
var errSignature = errors.New("the signature is not one of this key over this text")

// verify checks a signature by a key that fits.
func (a *algorithm) verify(key crypto.PublicKey, signed, signature []byte) error {
	digest := a.digest(signed)
	switch k := key.(type) {
	case *rsa.PublicKey:
		var err error
		if a.isPSS {
			err = rsa.VerifyPSS(k, a.hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			err = rsa.VerifyPKCS1v15(k, a.hash, digest, signature)
		}
		if err != nil {
			return errSignature
		}
		return nil
	case *ecdsa.PublicKey:
		size := coordinateSize(a.curve)
		if len(signature) != 2*size {
			return fmt.Errorf("the signature has %d bytes, want %d", len(signature), 2*size)
		}
		r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		if !ecdsa.Verify(k, digest, r, s) {
			return errSignature
		}
		return nil
	}
	return fmt.Errorf("the key is a %T, want RSA or ECDSA", key)
}

// coordinateSize is the length of r and of s in a signature (RFC 7518, section 3.4).
func coordinateSize(curve elliptic.Curve) int { return (curve.Params().BitSize + 7) / 8 }
