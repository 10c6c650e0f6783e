package keyrelease

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" //nolint:gosec // CKM_RSA_AES_KEY_WRAP is defined so, and OAEP does not need what SHA-1 has lost
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"

	kwp "github.com/tink-crypto/tink-go/v2/kwp/subtle"
)

// WrapAlgorithm says how a key is wrapped to the attested party's key. The names are
// those of the member enc of Key Vault's release request.
type WrapAlgorithm string

// The algorithms of Key Vault. They differ in the hash of RSAES-OAEP alone. Those
// that make a JWE are [JWERSAOAEP256] and [JWEECDHES].
const (
	// CKMRSAAESKeyWrap uses SHA-1, and is what Key Vault uses if nothing is asked
	// for. OAEP does not need the property that SHA-1 has lost.
	CKMRSAAESKeyWrap WrapAlgorithm = "CKM_RSA_AES_KEY_WRAP"
	// RSAAESKeyWrap256 uses SHA-256.
	RSAAESKeyWrap256 WrapAlgorithm = "RSA_AES_KEY_WRAP_256"
	// RSAAESKeyWrap384 uses SHA-384.
	RSAAESKeyWrap384 WrapAlgorithm = "RSA_AES_KEY_WRAP_384"
)

// Lengths, in bytes, of keys that can be wrapped. AES-KWP is not to be used for
// shorter secrets, which it would protect in another way.
const (
	MinWrappedKeyBytes = kwp.MinWrapSize
	MaxWrappedKeyBytes = kwp.MaxWrapSize
)

// kekBytes is the length of the AES-256 key that wraps the key, and is wrapped by RSA.
const kekBytes = 32

// WrapError says why a key was not wrapped or unwrapped. It shows nothing of the key.
type WrapError struct {
	// Algorithm is the one that was asked for.
	Algorithm WrapAlgorithm
	// Problem says what was found, and what is wanted.
	Problem string
	// Err is the cause, if there is one.
	Err error
}

// Error says what the algorithm was and what went wrong.
func (e *WrapError) Error() string {
	text := "keyrelease: " + shown(string(e.Algorithm)) + ": " + e.Problem
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *WrapError) Unwrap() error { return e.Err }

func (a WrapAlgorithm) hash() (crypto.Hash, error) {
	switch a {
	case CKMRSAAESKeyWrap:
		return crypto.SHA1, nil
	case RSAAESKeyWrap256:
		return crypto.SHA256, nil
	case RSAAESKeyWrap384:
		return crypto.SHA384, nil
	case JWERSAOAEP256, JWEECDHES:
		// They are wrapped elsewhere.
	}
	return 0, a.unknown()
}

// Wrap wraps a key, in PKCS #8 (DER) or, if it is symmetric, its bytes, to the
// public key of the attested party: an *rsa.PublicKey of 2048 to 8192 bits, or for
// [JWEECDHES] an *ecdsa.PublicKey on P-256, P-384 or P-521. The result is, of Key
// Vault's algorithms, one behind the other,
//
//   - a fresh AES-256 key, encrypted with RSAES-OAEP, whose hash and that of its mask
//     (MGF1) are the algorithm's, as long as the modulus;
//   - the key, wrapped with that AES key by AES-KWP.
//
// Of the others it is a JWE in compact serialization. The error is a *[WrapError].
//
// Source: PKCS #11 3.1, section 6.1.20; RFC 8017, section 7.1; RFC 5649, section 3;
// RFC 7516, section 7.1.
func (a WrapAlgorithm) Wrap(to crypto.PublicKey, key []byte) ([]byte, error) {
	if n := len(key); n < MinWrappedKeyBytes || n > MaxWrappedKeyBytes {
		return nil, &WrapError{Algorithm: a, Problem: fmt.Sprintf("a key of %d bytes, want %d to %d", n, MinWrappedKeyBytes, MaxWrappedKeyBytes)}
	}
	if err := a.checkPublic(to); err != nil {
		return nil, err
	}
	if a.isJWE() {
		return a.wrapJWE(to, key)
	}
	public, _ := to.(*rsa.PublicKey)
	return a.wrapRSA(public, key)
}

// wrapRSA wraps as Key Vault does.
func (a WrapAlgorithm) wrapRSA(to *rsa.PublicKey, key []byte) ([]byte, error) {
	hash, err := a.hash()
	if err != nil {
		return nil, err
	}
	kek := make([]byte, kekBytes)
	defer clear(kek)
	if _, err := rand.Read(kek); err != nil {
		return nil, &WrapError{a, "no random bytes", err}
	}
	wrapped, err := rsa.EncryptOAEP(hash.New(), rand.Reader, to, kek, nil)
	if err != nil {
		return nil, &WrapError{a, "encrypting to the RSA key", err}
	}
	cipher, err := kwp.NewKWP(kek)
	if err != nil {
		return nil, &WrapError{a, "AES", err}
	}
	behind, err := cipher.Wrap(key)
	if err != nil {
		return nil, &WrapError{a, "wrapping the key", err}
	}
	return append(wrapped, behind...), nil
}

// Unwrap returns the key that [WrapAlgorithm.Wrap] or Key Vault wrapped, as it was
// given there. The private key is, of an algorithm of RSA, a [crypto.Decrypter]: an
// *rsa.PrivateKey, or a key in a TPM or an HSM that decrypts with *rsa.OAEPOptions;
// of [JWEECDHES] an *ecdsa.PrivateKey.
//
// The error is a *[WrapError]. Whether the key, the algorithm or the wrapped key is
// the wrong one, or the decrypter failed, it does not say: whoever altered the
// wrapped key would learn from it.
func (a WrapAlgorithm) Unwrap(private crypto.PrivateKey, wrapped []byte) ([]byte, error) {
	public, err := a.publicOf(private)
	if err != nil {
		return nil, err
	}
	if err := a.checkPublic(public); err != nil {
		return nil, err
	}
	if a.isJWE() {
		return a.unwrapJWE(private, wrapped)
	}
	decrypter, _ := private.(crypto.Decrypter)
	rsaPublic, _ := public.(*rsa.PublicKey)
	return a.unwrapRSA(decrypter, rsaPublic, wrapped)
}

func (a WrapAlgorithm) unwrapRSA(decrypter crypto.Decrypter, public *rsa.PublicKey, wrapped []byte) ([]byte, error) {
	hash, err := a.hash()
	if err != nil {
		return nil, err
	}
	size := public.Size()
	shortest, longest := size+wrappedLength(MinWrappedKeyBytes), size+wrappedLength(MaxWrappedKeyBytes)
	if n := len(wrapped); n < shortest || n > longest || (n-size)%8 != 0 {
		return nil, &WrapError{Algorithm: a, Problem: fmt.Sprintf("%d bytes, want %d to %d for an RSA key of %d bits, and a multiple of 8 behind the first %d",
			n, shortest, longest, public.N.BitLen(), size)}
	}
	refused := &WrapError{Algorithm: a, Problem: "does not unwrap: another key, another algorithm, or altered on its way", Err: errUnwrap}
	kek, err := decrypter.Decrypt(rand.Reader, wrapped[:size], &rsa.OAEPOptions{Hash: hash, MGFHash: hash})
	defer clear(kek)
	if err != nil || len(kek) != kekBytes {
		return nil, refused
	}
	cipher, err := kwp.NewKWP(kek)
	if err != nil {
		return nil, refused
	}
	key, err := cipher.Unwrap(wrapped[size:])
	if err != nil {
		return nil, refused
	}
	return key, nil
}

var errUnwrap = errors.New("decryption failed")

// wrappedLength is how long AES-KWP makes n bytes: padded to eights, and eight more.
func wrappedLength(n int) int { return (n+7)/8*8 + 8 }
