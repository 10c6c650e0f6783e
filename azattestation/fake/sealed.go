package fake

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"

	"github.com/azattest/azattest/azattestation"
)

// SealedToken signs claims and encrypts the token to a key, as an instance does
// for an Azure guest. It returns an error for claims that are no object, and for
// a key that cannot encrypt.
func (i *Issuer) SealedToken(claims any, key *rsa.PublicKey) (*azattestation.SealedToken, error) {
	compact, err := i.Token(claims)
	if err != nil {
		return nil, err
	}
	const keySize = 32
	secret := make([]byte, keySize+12)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("fake: %w", err)
	}
	inner, nonce := secret[:keySize], secret[keySize:]
	block, err := aes.NewCipher(inner)
	if err != nil {
		return nil, fmt.Errorf("fake: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("fake: %w", err)
	}
	sealed := gcm.Seal(nil, nonce, []byte(compact), []byte("Transport Key"))
	split := len(sealed) - gcm.Overhead()
	encrypted, err := rsa.EncryptPKCS1v15(rand.Reader, key, inner) //nolint:staticcheck // the scheme is the service's
	if err != nil {
		return nil, fmt.Errorf("fake: %w", err)
	}
	return azattestation.ParseSealedToken(base64.RawURLEncoding.EncodeToString(mustJSON(map[string]any{
		"AuthenticationData": sealed[split:], "EncryptedInnerKey": encrypted, "Jwt": sealed[:split],
		"EncryptionParams": map[string]any{
			"BlockMode": "ChainingModeGCM", "BlockPadding": "PKCS7", "Cipher": "AES", "Iv": nonce, "KeySizeInBits": 8 * keySize,
		},
	})))
}
