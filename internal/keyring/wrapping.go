package keyring

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Wrapping seals the records of signing keys with keys that the operator gives,
// by AES-256-GCM. The first one seals, all open.
//
// It is symmetric on purpose. With a public key, such as a recipient of age,
// whoever can write to the database could seal a key of their own and have it
// sign and be published. Here nobody makes a record without a wrapping key.
type Wrapping struct {
	keys []wrappingKey
}

// wrappingKey is one key, ready for use. Its ID follows from it and gives
// nothing away.
type wrappingKey struct {
	id   string
	aead cipher.AEAD
	// other is what secrets for other purposes are derived from.
	other []byte
}

// GenerateWrappingKey returns a new key in the form that [ParseWrapping] reads:
// the base64 of 32 random bytes.
func GenerateWrappingKey() string {
	key := make([]byte, wrappingKeySize)
	// It never fails: the library ends the program first.
	_, _ = rand.Read(key)
	defer clear(key)
	return base64.StdEncoding.EncodeToString(key)
}

// ParseWrapping reads the content of a file or an environment variable: one or
// more keys, each the standard base64 of 32 bytes, separated by white space.
// Lines that begin with # are comments. The first key seals; list the ones before
// it behind it until [Keyring.Rewrap] has been run, then take them away. Errors
// are *[WrappingError] and quote nothing, for it may be a key.
func ParseWrapping(text string) (*Wrapping, error) {
	w := new(Wrapping)
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for field := range strings.FieldsSeq(line) {
			if err := w.add(field); err != nil {
				return nil, err
			}
		}
	}
	if len(w.keys) == 0 {
		return nil, &WrappingError{Problem: "none given, want the base64 of 32 random bytes"}
	}
	return w, nil
}

func (w *Wrapping) add(text string) error {
	refuse := func(problem string) error {
		return &WrappingError{Problem: fmt.Sprintf("key %d: %s, want the base64 of 32 random bytes", len(w.keys)+1, problem)}
	}
	if len(w.keys) == maxWrappingKeys {
		return &WrappingError{Problem: fmt.Sprintf("more than %d keys: rewrap, then remove old ones", maxWrappingKeys)}
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return refuse("not base64")
	}
	defer clear(raw)
	if len(raw) != wrappingKeySize {
		return refuse(fmt.Sprintf("%d bytes", len(raw)))
	}
	// A placeholder of zeros is the commonest key that is none.
	if bytes.Count(raw, raw[:1]) == len(raw) {
		return refuse("the same byte all over")
	}
	key, err := newWrappingKey(raw)
	if err != nil {
		return refuse("not usable")
	}
	for _, k := range w.keys {
		if k.id == key.id {
			return refuse("there twice")
		}
	}
	w.keys = append(w.keys, key)
	return nil
}

// newWrappingKey derives what is used, so that the same secret may serve other
// programs without either learning of the other.
func newWrappingKey(raw []byte) (wrappingKey, error) {
	id, err := hkdf.Key(sha256.New, raw, nil, "azattest keyring wrapping key ID", 8)
	if err != nil {
		return wrappingKey{}, err
	}
	key, err := hkdf.Key(sha256.New, raw, nil, "azattest keyring AES-256-GCM", wrappingKeySize)
	if err != nil {
		return wrappingKey{}, err
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return wrappingKey{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return wrappingKey{}, err
	}
	other, err := hkdf.Key(sha256.New, raw, nil, "azattest keyring other secrets", wrappingKeySize)
	if err != nil {
		return wrappingKey{}, err
	}
	return wrappingKey{id: hex.EncodeToString(id), aead: aead, other: other}, nil
}

// Secrets returns a secret of 32 bytes for another purpose from each key, in their
// order. All replicas with the same keys get the same ones, and none of them says
// anything of the key or of a secret for another purpose.
func (w *Wrapping) Secrets(purpose string) ([][]byte, error) {
	secrets := make([][]byte, 0, len(w.keys))
	for _, k := range w.keys {
		secret, err := hkdf.Key(sha256.New, k.other, nil, purpose, wrappingKeySize)
		if err != nil {
			return nil, fmt.Errorf("keyring: secret for %q: %w", purpose, err)
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

// IDs returns the names of the keys, the one that seals first. They stand in the
// records and are safe to show.
func (w *Wrapping) IDs() []string {
	ids := make([]string, 0, len(w.keys))
	for _, k := range w.keys {
		ids = append(ids, k.id)
	}
	return ids
}

// String names the keys for logs, without anything secret.
func (w *Wrapping) String() string { return "wrapping keys " + strings.Join(w.IDs(), ", ") }

// GoString keeps the keys out of %#v.
func (w *Wrapping) GoString() string { return w.String() }

// LogValue keeps the keys out of logs of any form.
func (w *Wrapping) LogValue() slog.Value { return slog.StringValue(w.String()) }

// errNotOpened is all that can be said: the tag covers key and record as one.
var errNotOpened = errors.New("it was changed after it was sealed, or damaged")

// seal encrypts plain with the first key and binds it to the record that says
// who it is.
func (w *Wrapping) seal(plain, record []byte) []byte {
	return w.keys[0].aead.Seal(nil, nil, plain, record) //nolint:gosec // G407: this kind of AEAD draws its nonce, and wants none given
}

// open returns what seal encrypted, if the record is still the same.
func (w *Wrapping) open(id string, box, record []byte) ([]byte, error) {
	for _, k := range w.keys {
		if k.id != id {
			continue
		}
		plain, err := k.aead.Open(nil, nil, box, record)
		if err != nil {
			return nil, errNotOpened
		}
		return plain, nil
	}
	return nil, &WrappingError{Problem: fmt.Sprintf("sealed with the wrapping key %s, and there are only %s: give that one too", id, strings.Join(w.IDs(), ", "))}
}
