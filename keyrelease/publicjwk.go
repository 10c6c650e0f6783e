package keyrelease

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"math/big"
)

// PublicJWK are the members of a public key in a JSON Web Key (RFC 7518, sections
// 6.2.1 and 6.3.1), base64url without padding. It is to be embedded, beside kty and
// kid. Of a symmetric key, which has no public half, it is empty.
type PublicJWK struct {
	// N and E are an RSA key's.
	N string `json:"n,omitempty"`
	E string `json:"e,omitempty"`
	// Curve, X and Y are an elliptic curve key's.
	Curve string `json:"crv,omitempty"`
	X     string `json:"x,omitempty"`
	Y     string `json:"y,omitempty"`
}

// NewPublicJWK returns the members of an *rsa.PublicKey, an *ecdsa.PublicKey, or nil.
// It returns an error for any other type, and for a point that is not on its curve.
func NewPublicJWK(public crypto.PublicKey) (PublicJWK, error) {
	switch public := public.(type) {
	case nil:
		return PublicJWK{}, nil
	case *rsa.PublicKey:
		return PublicJWK{N: b64(public.N.Bytes()), E: b64(big.NewInt(int64(public.E)).Bytes())}, nil
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			return PublicJWK{}, fmt.Errorf("keyrelease: public key: %w", err)
		}
		half := len(point) / 2
		return PublicJWK{Curve: public.Params().Name, X: b64(point[1 : 1+half]), Y: b64(point[1+half:])}, nil
	}
	return PublicJWK{}, fmt.Errorf("keyrelease: public key of type %T, want RSA or ECDSA", public)
}
