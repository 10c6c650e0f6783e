package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
)

// Algorithm is a JWS signature algorithm (RFC 7518, section 3.1).
type Algorithm string

// The algorithms. The real service signs with RS256 only, and so its clients
// know that one best.
const (
	RS256 Algorithm = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256; RSA keys
	PS256 Algorithm = "PS256" // RSASSA-PSS with SHA-256 and a salt of 32 bytes; RSA keys
	ES256 Algorithm = "ES256" // ECDSA with SHA-256; P-256 keys
)

// es256Coordinate is the length of each half of an ES256 signature (RFC 7518,
// section 3.4).
const es256Coordinate = 32

// GenerateSigner makes a new private key in memory. Bits is the length of an
// RSA modulus, 2048, 3072 or 4096, and 256 for ES256; 0 stands for 2048 or 256.
// It returns a *[KeyError] for anything else.
func GenerateSigner(a Algorithm, bits int) (crypto.Signer, error) {
	problem := func(want string) error {
		return &KeyError{Part: "private key", Problem: fmt.Sprintf("%d bits asked of a key for %s, want %s", bits, a, want)}
	}
	switch a {
	case RS256, PS256:
		switch bits {
		case 0:
			bits = minRSABits
		case 2048, 3072, 4096:
		default:
			return nil, problem("2048, 3072 or 4096")
		}
		return rsa.GenerateKey(rand.Reader, bits)
	case ES256:
		if bits != 0 && bits != 256 {
			return nil, problem("256")
		}
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return nil, unknownAlgorithm(a)
}

func unknownAlgorithm(a Algorithm) error {
	return &KeyError{Part: "algorithm", Problem: fmt.Sprintf("%q is not known, want RS256, PS256 or ES256", string(a))}
}

// checkKey refuses public keys that are weak or of another kind than a wants.
func (a Algorithm) checkKey(pub crypto.PublicKey) error {
	refuse := func(format string, args ...any) error {
		return &KeyError{Part: "private key", Problem: fmt.Sprintf(format, args...)}
	}
	switch a {
	case RS256, PS256:
		k, ok := pub.(*rsa.PublicKey)
		if !ok || k == nil || k.N == nil {
			return refuse("its public half is a %T, want an RSA key for %s", pub, a)
		}
		if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return refuse("RSA modulus of %d bits, want %d to %d", bits, minRSABits, maxRSABits)
		}
		if k.E < minRSAExponent || k.E%2 == 0 {
			return refuse("RSA exponent %d, want an odd number of at least %d", k.E, minRSAExponent)
		}
		return nil
	case ES256:
		k, ok := pub.(*ecdsa.PublicKey)
		if !ok || k == nil || k.Curve == nil {
			return refuse("its public half is a %T, want a P-256 key for %s", pub, a)
		}
		if k.Curve != elliptic.P256() {
			return refuse("on the curve %s, want P-256 for %s", k.Curve.Params().Name, a)
		}
		// A signer may hand out a key that it put together itself.
		if k.X == nil || k.Y == nil { //nolint:staticcheck // SA1019: looked at, not computed with
			return refuse("its public half has no point")
		}
		if _, err := k.ECDH(); err != nil {
			return refuse("its public half is no point of the curve P-256")
		}
		return nil
	}
	return unknownAlgorithm(a)
}

// keyType is the JWK member "kty" (RFC 7518, section 6.1).
func (a Algorithm) keyType() string {
	if a == ES256 {
		return "EC"
	}
	return "RSA"
}

// certificateAlgorithm is how a key for a signs its own certificate: a key of a
// device may be good for one algorithm only.
func (a Algorithm) certificateAlgorithm() x509.SignatureAlgorithm {
	switch a {
	case RS256:
		return x509.SHA256WithRSA
	case PS256:
		return x509.SHA256WithRSAPSS
	case ES256:
		return x509.ECDSAWithSHA256
	}
	return x509.UnknownSignatureAlgorithm
}

// sign returns the JWS signature over input.
func (a Algorithm) sign(signer crypto.Signer, input []byte) ([]byte, error) {
	digest := sha256.Sum256(input)
	switch a {
	case RS256:
		return signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	case PS256:
		return signer.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	case ES256:
		der, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			return nil, err
		}
		return es256Signature(der)
	}
	return nil, unknownAlgorithm(a)
}

// es256Signature turns the ASN.1 that signers return into R‖S of 32 bytes each.
func es256Signature(der []byte) ([]byte, error) {
	var point struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &point)
	if err != nil {
		return nil, fmt.Errorf("signer returned no ECDSA signature: %w", err)
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("signer returned %d bytes after the ECDSA signature, want none", len(rest))
	}
	const bits = 8 * es256Coordinate
	if point.R.Sign() <= 0 || point.S.Sign() <= 0 || point.R.BitLen() > bits || point.S.BitLen() > bits {
		return nil, fmt.Errorf("signer returned an ECDSA signature out of range, want two numbers of at most %d bits", bits)
	}
	signature := make([]byte, 2*es256Coordinate)
	point.R.FillBytes(signature[:es256Coordinate])
	point.S.FillBytes(signature[es256Coordinate:])
	return signature, nil
}
