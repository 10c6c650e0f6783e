package keyrelease

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"
)

// WrapAlgorithms returns all algorithms, those of Key Vault first.
func WrapAlgorithms() []WrapAlgorithm {
	return []WrapAlgorithm{CKMRSAAESKeyWrap, RSAAESKeyWrap256, RSAAESKeyWrap384, JWERSAOAEP256, JWEECDHES}
}

func (a WrapAlgorithm) isKnown() bool { return slices.Contains(WrapAlgorithms(), a) }

func (a WrapAlgorithm) unknown() error {
	names := make([]string, 0, len(WrapAlgorithms()))
	for _, known := range WrapAlgorithms() {
		names = append(names, string(known))
	}
	return &WrapError{Algorithm: a, Problem: "not an algorithm for wrapping, want one of " + strings.Join(names, ", ")}
}

// checkPublic refuses a key that is of another kind than the algorithm's, or weak.
func (a WrapAlgorithm) checkPublic(key crypto.PublicKey) error {
	if !a.isKnown() {
		return a.unknown()
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		if a != JWEECDHES {
			return a.checkModulus(key)
		}
	case *ecdsa.PublicKey:
		if a == JWEECDHES {
			return a.checkCurve(key)
		}
	}
	return &WrapError{Algorithm: a, Problem: fmt.Sprintf("a key of type %T, want %s", key, a.wantedKey())}
}

func (a WrapAlgorithm) wantedKey() string {
	if a == JWEECDHES {
		return "an elliptic curve's"
	}
	return "RSA"
}

func (a WrapAlgorithm) checkModulus(key *rsa.PublicKey) error {
	if key == nil || key.N == nil || key.N.Sign() <= 0 {
		return &WrapError{Algorithm: a, Problem: "no RSA key"}
	}
	if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
		return &WrapError{Algorithm: a, Problem: fmt.Sprintf("an RSA key of %d bits, want %d to %d", bits, minRSABits, maxRSABits)}
	}
	return nil
}

func (a WrapAlgorithm) checkCurve(key *ecdsa.PublicKey) error {
	if key == nil || !slices.Contains([]elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()}, key.Curve) {
		return &WrapError{Algorithm: a, Problem: "no key on P-256, P-384 or P-521"}
	}
	if _, err := key.ECDH(); err != nil {
		return &WrapError{a, "the key is no point of its curve", err}
	}
	return nil
}

// publicOf returns the public half of a private key.
func (a WrapAlgorithm) publicOf(private crypto.PrivateKey) (crypto.PublicKey, error) {
	switch key := private.(type) {
	case nil:
		return nil, &WrapError{Algorithm: a, Problem: "no private key"}
	case *rsa.PrivateKey:
		if key == nil {
			return nil, &WrapError{Algorithm: a, Problem: "no RSA key"}
		}
		return key.Public(), nil
	case *ecdsa.PrivateKey:
		if key == nil {
			return nil, &WrapError{Algorithm: a, Problem: "no private key"}
		}
		return key.Public(), nil
	case crypto.Decrypter:
		return key.Public(), nil
	}
	return nil, &WrapError{Algorithm: a, Problem: fmt.Sprintf("a private key of type %T, want %s", private, a.wantedKey())}
}
