package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// sealer encrypts boxes with the first of its secrets, and opens what any of them
// encrypted.
type sealer struct {
	secrets []secret
}

// secret is one of them, with the name by which records know it. The name follows
// from the secret and gives nothing away.
type secret struct {
	name string
	// aead returns the cipher of the box with a salt. It is a function for what is
	// in a function is not printed with what holds it.
	aead func(salt []byte) (cipher.AEAD, error)
}

// newSealer copies the secrets, which stay their owner's.
func newSealer(secrets [][]byte) (*sealer, error) {
	if len(secrets) == 0 || len(secrets) > maxSecrets {
		return nil, &ConfigError{"Secrets", fmt.Sprintf("%d of them, want 1 to %d of %d random bytes each", len(secrets), maxSecrets, secretSize)}
	}
	s := new(sealer)
	for i, raw := range secrets {
		if len(raw) != secretSize {
			return nil, &ConfigError{"Secrets", fmt.Sprintf("number %d has %d bytes, want %d random ones", i+1, len(raw), secretSize)}
		}
		// A placeholder of zeros is the commonest secret that is none.
		if bytes.Count(raw, raw[:1]) == len(raw) {
			return nil, &ConfigError{"Secrets", fmt.Sprintf("number %d is the same byte all over, want %d random ones", i+1, secretSize)}
		}
		name, err := hkdf.Key(sha256.New, raw, nil, "azattest vault secret name", 8)
		if err != nil {
			return nil, &ConfigError{"Secrets", fmt.Sprintf("number %d is not usable", i+1)}
		}
		one := secret{name: hex.EncodeToString(name), aead: ciphers(bytes.Clone(raw))}
		if slices.ContainsFunc(s.secrets, func(other secret) bool { return other.name == one.name }) {
			return nil, &ConfigError{"Secrets", fmt.Sprintf("number %d is there twice, want each once", i+1)}
		}
		s.secrets = append(s.secrets, one)
	}
	return s, nil
}

// first returns the name of the secret that seals.
func (s *sealer) first() string { return s.secrets[0].name }

// seal encrypts plain and binds it to what it belongs to.
func (s *sealer) seal(plain, belongsTo []byte) ([]byte, error) {
	salt := make([]byte, saltSize, boxOverhead+len(plain))
	_, _ = rand.Read(salt) // it never fails, see newVersion
	aead, err := s.secrets[0].aead(salt)
	if err != nil {
		return nil, fmt.Errorf("vault: seal: %w", err)
	}
	return aead.Seal(salt, nil, plain, belongsTo), nil //nolint:gosec // G407: this kind of AEAD draws its nonce, and wants none given
}

// What there is to say of a box that does not open, and what to do. The tag covers
// key, content and what the box belongs to as one, so more cannot be told.
var (
	errOtherSecret = errors.New("sealed under a wrapping key that is not given: list that key too, behind the current one; if it is lost, restore a backup from before, or discard the key")
	errChanged     = errors.New("it was changed after it was sealed, or damaged, or stood elsewhere: restore a backup, or discard the key")
)

// open returns what seal encrypted, if it belongs to the same.
func (s *sealer) open(name string, box, belongsTo []byte) ([]byte, error) {
	for i := range s.secrets {
		if s.secrets[i].name != name {
			continue
		}
		if len(box) < boxOverhead {
			return nil, errChanged
		}
		aead, err := s.secrets[i].aead(box[:saltSize])
		if err != nil {
			return nil, err
		}
		plain, err := aead.Open(nil, nil, box[saltSize:], belongsTo)
		if err != nil {
			return nil, errChanged
		}
		return plain, nil
	}
	return nil, errOtherSecret
}

// ciphers returns the ciphers of a secret. The salt gives each box a key of its own,
// so that no number of boxes wears a secret out.
func ciphers(raw []byte) func(salt []byte) (cipher.AEAD, error) {
	return func(salt []byte) (cipher.AEAD, error) {
		key, err := hkdf.Key(sha256.New, raw, salt, "azattest vault AES-256-GCM", secretSize)
		if err != nil {
			return nil, err
		}
		defer clear(key)
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		return cipher.NewGCMWithRandomNonce(block)
	}
}

// content says what is in a box.
type content string

// The contents.
const (
	contentVersions content = "versions" // of a key, in their order
	contentMetadata content = "metadata" // of a version
	contentMaterial content = "material" // of a version
)

// belonging is what a box is bound to: what is in it, the key and the version, and
// the box that lies beside it. Each part has its length in front, so that no two
// sequences of parts look alike.
func belonging(c content, p place, beside []byte) []byte {
	var b []byte
	for _, part := range [][]byte{[]byte("azattest vault"), []byte(c), []byte(p.name), []byte(p.version), beside} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part))) //nolint:gosec // G115: all are bounded, see limits.go
		b = append(b, part...)
	}
	return b
}
