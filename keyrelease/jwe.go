package keyrelease

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"

	"github.com/go-jose/go-jose/v4"
)

// The algorithms that make a JWE (RFC 7516) in compact serialization, whose content
// is encrypted by AES-256-GCM. They are named as its alg is (RFC 7518, section 4.1).
// Key Vault knows neither: they are for those who control both ends.
const (
	// JWERSAOAEP256 is for RSA keys.
	JWERSAOAEP256 WrapAlgorithm = "RSA-OAEP-256"
	// JWEECDHES is for keys on elliptic curves: ECDH-ES with AES-256 key wrap.
	JWEECDHES WrapAlgorithm = "ECDH-ES+A256KW"
)

func (a WrapAlgorithm) isJWE() bool { return a == JWERSAOAEP256 || a == JWEECDHES }

// maxJWEBytes is beyond what the longest key makes.
const maxJWEBytes = 2*MaxWrappedKeyBytes + 4096

func (a WrapAlgorithm) wrapJWE(to crypto.PublicKey, key []byte) ([]byte, error) {
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.KeyAlgorithm(a), Key: to}, nil)
	if err != nil {
		return nil, &WrapError{a, "no JWE for this key", err}
	}
	sealed, err := encrypter.Encrypt(key)
	if err != nil {
		return nil, &WrapError{a, "encrypting", err}
	}
	text, err := sealed.CompactSerialize()
	if err != nil {
		return nil, &WrapError{a, "writing the JWE", err}
	}
	return []byte(text), nil
}

// unwrapJWE opens a JWE of this algorithm alone: what its header says is not asked.
func (a WrapAlgorithm) unwrapJWE(private crypto.PrivateKey, wrapped []byte) ([]byte, error) {
	refused := &WrapError{Algorithm: a, Problem: "does not unwrap: another key, another algorithm, or altered on its way", Err: errUnwrap}
	if len(wrapped) > maxJWEBytes {
		return nil, refused
	}
	sealed, err := jose.ParseEncryptedCompact(string(wrapped), []jose.KeyAlgorithm{jose.KeyAlgorithm(a)}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return nil, refused
	}
	if decrypter, ok := private.(crypto.Decrypter); ok && a == JWERSAOAEP256 {
		private = opaqueDecrypter{decrypter}
	}
	key, err := sealed.Decrypt(private)
	if err != nil || len(key) < MinWrappedKeyBytes || len(key) > MaxWrappedKeyBytes {
		clear(key)
		return nil, refused
	}
	return key, nil
}

// opaqueDecrypter lets a key in a TPM or an HSM open a JWE.
type opaqueDecrypter struct{ crypto.Decrypter }

// DecryptKey decrypts the key of the content.
func (d opaqueDecrypter) DecryptKey(encrypted []byte, _ jose.Header) ([]byte, error) {
	return d.Decrypt(rand.Reader, encrypted, &rsa.OAEPOptions{Hash: crypto.SHA256, MGFHash: crypto.SHA256})
}
