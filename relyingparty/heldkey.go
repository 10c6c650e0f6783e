package relyingparty

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// HeldKey is a public key whose private half the attested party holds: the
// evidence is bound to the runtime data in which it stands.
type HeldKey struct {
	// KeyID is kid, "" if there is none.
	KeyID string
	// Use is use, or key_use as some write it: "enc", "sig" or "".
	Use string
	// Operations are key_ops, such as "encrypt".
	Operations []string
	// Public is an *rsa.PublicKey of 2048 to 8192 bits, or an *ecdsa.PublicKey on
	// P-256, P-384 or P-521.
	Public crypto.PublicKey
}

// CanEncrypt reports whether the key's owner means it for encryption: by its use,
// or by its operations.
func (k *HeldKey) CanEncrypt() bool {
	return k.Use == "enc" || slices.Contains(k.Operations, "encrypt")
}

// HeldKeys returns the keys of x-ms-runtime: those of its member keys, a list of
// JSON Web Keys (RFC 7517), in their order. A party sends them as JSON runtime data
// with its evidence. Data that was sent as binary is in Claims.EnclaveHeldData, in
// whatever form the party and its relying party have agreed on.
//
// It returns a *[RequirementError] if there are none, or one of them cannot be
// read, is too weak or, what is worse, comes with its private half.
func (r *Result) HeldKeys() ([]HeldKey, error) {
	refuse := func(part, found string, err error) error {
		return &RequirementError{Requirement: RequirementHeldKeys, Claim: claimRuntime + part, Expected: "JSON Web Keys", Found: found, Err: err}
	}
	if r.Claims.RuntimeClaims == nil {
		return nil, refuse("", absent, nil)
	}
	runtime, err := parseJSON(r.Claims.RuntimeClaims)
	if err != nil {
		return nil, refuse("", "", err)
	}
	members, _ := runtime.(map[string]any)
	list, ok := members["keys"].([]any)
	if !ok || len(list) == 0 {
		return nil, refuse("/keys", "none", nil)
	}
	if len(list) > maxHeldKeys {
		return nil, refuse("/keys", fmt.Sprintf("%d, at most %d", len(list), maxHeldKeys), nil)
	}
	keys := make([]HeldKey, len(list))
	for i, item := range list {
		if keys[i], err = readHeldKey(item); err != nil {
			return nil, refuse(fmt.Sprintf("/keys/%d", i), "", err)
		}
	}
	return keys, nil
}

// EncryptionKey returns the key to which a secret for the attested party is
// encrypted, and its kid, as Azure's Secure Key Release chooses it: the first of the
// held keys that is RSA, has a kid and is meant for encryption.
//
// It returns a *[RequirementError] if there is none, and those of
// [Result.HeldKeys].
func (r *Result) EncryptionKey() (*rsa.PublicKey, string, error) {
	keys, err := r.HeldKeys()
	if err != nil {
		return nil, "", err
	}
	for i := range keys {
		if public, ok := keys[i].Public.(*rsa.PublicKey); ok && keys[i].KeyID != "" && keys[i].CanEncrypt() {
			return public, keys[i].KeyID, nil
		}
	}
	return nil, "", &RequirementError{
		Requirement: RequirementEncryptionKey, Claim: claimRuntime + "/keys",
		Expected: `an RSA key with a kid and key_ops with "encrypt" or use "enc"`, Found: fmt.Sprintf("none of %d", len(keys)),
	}
}

// privateMembers hold what must be secret (RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

func readHeldKey(item any) (HeldKey, error) {
	jwk, ok := item.(map[string]any)
	if !ok {
		return HeldKey{}, errors.New("no object")
	}
	for _, name := range privateMembers {
		if _, ok := jwk[name]; ok {
			return HeldKey{}, fmt.Errorf("member %s: a private or symmetric key, which everybody who saw the token has", name)
		}
	}
	var k HeldKey
	var keyUse string
	for name, into := range map[string]*string{"kid": &k.KeyID, "use": &k.Use, "key_use": &keyUse} {
		if value, ok := jwk[name]; ok {
			if *into, ok = value.(string); !ok {
				return HeldKey{}, fmt.Errorf("member %s: no string", name)
			}
		}
	}
	if k.Use != "" && keyUse != "" && k.Use != keyUse {
		return HeldKey{}, errors.New("members use and key_use contradict each other")
	}
	if k.Use == "" {
		k.Use = keyUse
	}
	var err error
	if k.Operations, err = textsOf(jwk, "key_ops"); err != nil {
		return HeldKey{}, err
	}
	switch jwk["kty"] {
	case "RSA":
		k.Public, err = readRSA(jwk)
	case "EC":
		k.Public, err = readEC(jwk)
	default:
		err = errors.New("member kty: want RSA or EC")
	}
	if err != nil {
		return HeldKey{}, err
	}
	return k, nil
}

func textsOf(jwk map[string]any, name string) ([]string, error) {
	value, ok := jwk[name]
	if !ok {
		return nil, nil
	}
	items, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("member %s: no list", name)
	}
	texts := make([]string, len(items))
	for i, item := range items {
		if texts[i], ok = item.(string); !ok {
			return nil, fmt.Errorf("member %s: item %d is no string", name, i)
		}
	}
	return texts, nil
}

// readRSA reads a key by RFC 7518, section 6.3.1.
func readRSA(jwk map[string]any) (*rsa.PublicKey, error) {
	n, err := bytesOf(jwk, "n")
	if err != nil {
		return nil, err
	}
	e, err := bytesOf(jwk, "e")
	if err != nil {
		return nil, err
	}
	modulus := new(big.Int).SetBytes(n)
	if bits := modulus.BitLen(); bits < minRSABits || bits > maxRSABits {
		return nil, fmt.Errorf("member n: %d bits, want %d to %d", bits, minRSABits, maxRSABits)
	}
	if len(e) > maxExponentBytes {
		return nil, fmt.Errorf("member e: %d bytes, want at most %d", len(e), maxExponentBytes)
	}
	exponent := new(big.Int).SetBytes(e).Int64()
	if exponent < 3 || exponent > 1<<31-1 || exponent%2 == 0 || modulus.Bit(0) == 0 {
		return nil, errors.New("members n and e: no RSA key: the modulus is odd, and the exponent an odd number from 3 to 2^31-1")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent)}, nil
}

// readEC reads a key by RFC 7518, section 6.2.1.
func readEC(jwk map[string]any) (*ecdsa.PublicKey, error) {
	var curve elliptic.Curve
	switch jwk["crv"] {
	case "P-256":
		curve = elliptic.P256()
	case "P-384":
		curve = elliptic.P384()
	case "P-521":
		curve = elliptic.P521()
	default:
		return nil, errors.New("member crv: want P-256, P-384 or P-521")
	}
	size := (curve.Params().BitSize + 7) / 8
	point := []byte{4} // uncompressed (SEC 1, section 2.3.3)
	for _, name := range []string{"x", "y"} {
		coordinate, err := bytesOf(jwk, name)
		if err != nil {
			return nil, err
		}
		if len(coordinate) != size {
			return nil, fmt.Errorf("member %s: %d bytes, want %d", name, len(coordinate), size)
		}
		point = append(point, coordinate...)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, fmt.Errorf("members x and y: no point on %s: %w", curve.Params().Name, err)
	}
	return key, nil
}

func bytesOf(jwk map[string]any, name string) ([]byte, error) {
	text, ok := jwk[name].(string)
	if !ok {
		return nil, fmt.Errorf("member %s: no string", name)
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) == 0 || strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("member %s: want base64url without padding", name)
	}
	return raw, nil
}
