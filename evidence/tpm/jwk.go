package tpm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"

	"github.com/azattest/azattest/evidence"
)

// JWK is a public key as RFC 7518 writes it, section 6.2 or 6.3; of equal keys it
// is equal. Its JSON has the members that belong to its type, in this order.
type JWK struct {
	Kty string `json:"kty"` // "RSA" or "EC"
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
	Crv string `json:"crv,omitempty"` // "P-256" or "P-384"
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
}

// NewJWK returns the JWK of an *rsa.PublicKey, or of an *ecdsa.PublicKey on P-256
// or P-384.
func NewJWK(key crypto.PublicKey) (JWK, error) {
	encode := base64.RawURLEncoding.EncodeToString
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key == nil || key.N == nil || key.N.Sign() <= 0 || key.E <= 0 {
			break
		}
		return JWK{Kty: "RSA", N: encode(key.N.Bytes()), E: encode(big.NewInt(int64(key.E)).Bytes())}, nil
	case *ecdsa.PublicKey:
		if key == nil || key.Curve != elliptic.P256() && key.Curve != elliptic.P384() {
			break
		}
		point, err := key.Bytes()
		if err != nil {
			break
		}
		half := (len(point) - 1) / 2
		return JWK{Kty: "EC", Crv: key.Curve.Params().Name, X: encode(point[1 : 1+half]), Y: encode(point[1+half:])}, nil
	}
	return JWK{}, refuse(StageKey, evidence.CodeUnsupported, "public key", fmt.Sprintf("a key of type %T", key), "RSA, or ECDSA on P-256 or P-384")
}

// JWK returns the key alone.
func (p *Public) JWK() JWK {
	jwk, err := NewJWK(p.Key)
	if err != nil {
		panic("tpm: a public area with a key of no known type: " + err.Error())
	}
	return jwk
}

// ParseJWK reads a public RSA or EC key. It is stricter than encoding/json: a
// member that stands twice is refused, as are names in another case and base64url
// that is not the one way to write a number. Members other than those of [JWK] are
// passed over.
func ParseJWK(text []byte) (crypto.PublicKey, error) {
	if len(text) > maxJWK {
		return nil, jwkError(evidence.CodeTooLarge, fmt.Sprintf("%d bytes", len(text)), fmt.Sprintf("at most %d", maxJWK))
	}
	members, err := jwkMembers(text)
	if err != nil {
		return nil, err
	}
	switch kty := members["kty"]; kty {
	case "RSA":
		return rsaOfJWK(members)
	case "EC":
		return ecOfJWK(members)
	default:
		return nil, jwkError(evidence.CodeUnsupported, fmt.Sprintf("kty %.32q", kty), "RSA or EC")
	}
}

// jwkMembers reads the members that are strings.
func jwkMembers(text []byte) (map[string]string, error) {
	o, err := parseJSON("JWK", text)
	if err != nil {
		return nil, err
	}
	members := map[string]string{}
	for name, value := range o.members {
		if value[0] != '"' {
			continue
		}
		if members[name], _, err = o.text(name); err != nil {
			return nil, err
		}
	}
	return members, nil
}

func rsaOfJWK(members map[string]string) (crypto.PublicKey, error) {
	n, err := jwkBytes(members, "n")
	if err != nil {
		return nil, err
	}
	e, err := jwkBytes(members, "e")
	if err != nil {
		return nil, err
	}
	if len(n) < 1 || len(n) > maxRSABits/8 || n[0] == 0 || n[len(n)-1]%2 == 0 {
		return nil, jwkError(evidence.CodeMalformed, fmt.Sprintf("n of %d bytes", len(n)), fmt.Sprintf("an odd number of at most %d bytes, without leading zeros", maxRSABits/8))
	}
	if len(e) < 1 || len(e) > maxExponent || e[0] == 0 || e[len(e)-1]%2 == 0 || len(e) == maxExponent && e[0] > 0x7f {
		return nil, jwkError(evidence.CodeMalformed, fmt.Sprintf("e of %d bytes", len(e)), "an odd number of at most 31 bits, without leading zeros")
	}
	exponent := binary.BigEndian.Uint32(append(make([]byte, maxExponent-len(e)), e...))
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent)}, nil
}

func ecOfJWK(members map[string]string) (crypto.PublicKey, error) {
	var curve elliptic.Curve
	switch crv := members["crv"]; crv {
	case "P-256":
		curve = elliptic.P256()
	case "P-384":
		curve = elliptic.P384()
	default:
		return nil, jwkError(evidence.CodeUnsupported, fmt.Sprintf("crv %.32q", crv), "P-256 or P-384")
	}
	size := (curve.Params().BitSize + 7) / 8
	var point [2][]byte
	for i, name := range []string{"x", "y"} {
		c, err := jwkBytes(members, name)
		if err != nil {
			return nil, err
		}
		if len(c) != size {
			return nil, jwkError(evidence.CodeMalformed, fmt.Sprintf("%s of %d bytes", name, len(c)), fmt.Sprint(size))
		}
		point[i] = c
	}
	key, err := pointOn(curve, point[0], point[1])
	if err != nil {
		return nil, jwkError(evidence.CodeMalformed, "x and y that are no point of it", "a point on "+curve.Params().Name)
	}
	return key, nil
}

// jwkBytes reads a member that is base64url.
func jwkBytes(members map[string]string, name string) ([]byte, error) {
	text, ok := members[name]
	if !ok {
		return nil, jwkError(evidence.CodeMissing, "no "+name, "a string "+name)
	}
	b, err := decodeRawURL([]byte(text))
	if err != nil {
		e := jwkError(evidence.CodeMalformed, name, "base64url without padding")
		e.Err = err
		return nil, e
	}
	return b, nil
}

func jwkError(code evidence.Code, found, expected string) *evidence.Error {
	return refuse(evidence.StageParse, code, "JWK", found, expected)
}
