package azattestation

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
)

// SealedToken is an attestation token that is encrypted to a key in the TPM of the
// machine that was attested, so that no other machine can use it.
type SealedToken struct {
	compact string
	parts   sealedParts
}

// sealedParts is the envelope: the token under AES-GCM, the AES key under RSA.
// All bytes are standard base64.
type sealedParts struct {
	AuthenticationData []byte // the tag of GCM, 16 bytes
	EncryptedInnerKey  []byte // RSAES-PKCS1-v1_5
	EncryptionParams   struct {
		BlockMode string // ChainingModeGCM
		Cipher    string // AES
		IV        []byte `json:"Iv"` // 12 bytes
	}
	JWT []byte `json:"Jwt"`
}

// sealedAAD is the additional data that the token was encrypted with.
const sealedAAD = "Transport Key"

// ParseSealedToken reads the token that an Azure guest is given: base64url of a
// JSON envelope. It returns a *[TokenValidationError] of check [TokenCheckFormat].
func ParseSealedToken(text string) (*SealedToken, error) {
	if len(text) > maxToken {
		return nil, malformed("sealed token", fmt.Sprintf("at most %d bytes", maxToken), fmt.Sprintf("%d bytes", len(text)), nil)
	}
	envelope, err := decodeBase64URL(text)
	if err != nil {
		return nil, malformed("sealed token", "base64url", "", err)
	}
	s := &SealedToken{compact: text}
	if err := json.Unmarshal(envelope, &s.parts); err != nil {
		return nil, malformed("sealed token", "a JSON envelope", "", err)
	}
	p := &s.parts
	switch {
	case p.EncryptionParams.Cipher != "AES" || p.EncryptionParams.BlockMode != "ChainingModeGCM":
		return nil, malformed("sealed token: EncryptionParams", "AES and ChainingModeGCM", p.EncryptionParams.Cipher+" and "+p.EncryptionParams.BlockMode, nil)
	case len(p.EncryptionParams.IV) != gcmNonceSize:
		return nil, malformed("sealed token: Iv", fmt.Sprintf("%d bytes", gcmNonceSize), fmt.Sprintf("%d bytes", len(p.EncryptionParams.IV)), nil)
	case len(p.AuthenticationData) != gcmTagSize:
		return nil, malformed("sealed token: AuthenticationData", fmt.Sprintf("%d bytes", gcmTagSize), fmt.Sprintf("%d bytes", len(p.AuthenticationData)), nil)
	case len(p.EncryptedInnerKey) == 0 || len(p.JWT) == 0:
		return nil, malformed("sealed token", "EncryptedInnerKey and Jwt", "nothing", nil)
	}
	return s, nil
}

const (
	gcmNonceSize = 12
	gcmTagSize   = 16
)

// String returns the token as it came.
func (s *SealedToken) String() string { return s.compact }

// EncryptedKey returns the encrypted AES key, for a TPM2_RSA_Decrypt by
// RSAES-PKCS1-v1_5. What that returns is for [SealedToken.OpenWithKey].
func (s *SealedToken) EncryptedKey() []byte { return append([]byte(nil), s.parts.EncryptedInnerKey...) }

// Open decrypts the token with the private half of the evidence's encryption key,
// such as one that a TPM holds: its Decrypt is called with
// *rsa.PKCS1v15DecryptOptions. The token is not validated.
//
// It returns the decrypter's error, or a *[TokenValidationError] of check
// [TokenCheckFormat] if what comes out is no token.
func (s *SealedToken) Open(key crypto.Decrypter) (*Token, error) {
	if isNil(key) {
		return nil, &ArgumentError{Argument: "key", Expected: "the private half of the evidence's encryption key"}
	}
	options := &rsa.PKCS1v15DecryptOptions{} //nolint:staticcheck // the scheme is the service's; nobody learns why it fails but who holds the key
	inner, err := key.Decrypt(rand.Reader, s.parts.EncryptedInnerKey, options)
	if err != nil {
		return nil, fmt.Errorf("azattestation: decrypt the key of the sealed token: %w", err)
	}
	return s.OpenWithKey(inner)
}

// OpenWithKey decrypts the token with the decrypted AES key of 16, 24 or 32
// bytes. Errors are those of [SealedToken.Open]. The token is not validated.
func (s *SealedToken) OpenWithKey(key []byte) (*Token, error) {
	if s.compact == "" {
		return nil, &ArgumentError{Argument: "SealedToken", Expected: "one of ParseSealedToken"}
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, malformed("sealed token: inner key", "16, 24 or 32 bytes", fmt.Sprintf("%d bytes", len(key)), nil)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("azattestation: %w", err)
	}
	text, err := gcm.Open(nil, s.parts.EncryptionParams.IV, append(append([]byte(nil), s.parts.JWT...), s.parts.AuthenticationData...), []byte(sealedAAD))
	if err != nil {
		return nil, malformed("sealed token", "a token encrypted to this key", "", errors.New("it cannot be decrypted"))
	}
	return ParseToken(string(text))
}
