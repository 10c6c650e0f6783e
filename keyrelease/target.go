package keyrelease

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/azattest/azattest/relyingparty"
)

// Target is the key of an attested party to which a key is wrapped.
type Target struct {
	// Public is an *rsa.PublicKey or an *ecdsa.PublicKey.
	Public crypto.PublicKey
	// KeyID is its kid; of held data without one, the key's thumbprint (RFC 7638,
	// SHA-256, base64url).
	KeyID string
}

// TargetError says that a token holds no key to which a key can be wrapped.
type TargetError struct {
	// Algorithm is the one by which it was to be wrapped.
	Algorithm WrapAlgorithm
	// Problem says what the token has, and what is wanted.
	Problem string
	// Err is the cause, if there is one.
	Err error
}

// Error says what is wrong.
func (e *TargetError) Error() string {
	text := "keyrelease: no key of the attested party for " + shown(string(e.Algorithm)) + ": " + e.Problem
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *TargetError) Unwrap() error { return e.Err }

// ChooseTarget returns the key of a verified token to which a key is wrapped by an
// algorithm. As Azure chooses, it is the first of x-ms-runtime's keys that suits: it
// is RSA (of [JWEECDHES] on an elliptic curve), it has a kid, and it is meant for
// encryption by its use or its key_ops (on a curve deriveKey or deriveBits). That of
// an Azure guest is named TpmEphemeralEncryptionKey. Keys that stand anywhere else in
// the token are somebody else's word, and not looked at.
//
// A token without x-ms-runtime may bring enclave-held data instead (x-ms-sgx-ehd),
// to which the evidence is bound as well. It counts in the forms that are named
// alone: none means not at all.
//
// The error is a *[TargetError].
func ChooseTarget(result *relyingparty.Result, algorithm WrapAlgorithm, held ...HeldForm) (*Target, error) {
	if !algorithm.isKnown() {
		return nil, &TargetError{Algorithm: algorithm, Problem: "want an algorithm for wrapping", Err: algorithm.unknown()}
	}
	if result.Claims.RuntimeClaims == nil && result.Claims.EnclaveHeldData != nil && len(held) > 0 {
		return heldTarget(result.Claims.EnclaveHeldData, algorithm, held)
	}
	keys, err := result.HeldKeys()
	if err != nil {
		return nil, &TargetError{algorithm, "want a key in x-ms-runtime", err}
	}
	for i := range keys {
		if key := &keys[i]; key.KeyID != "" && isMeantFor(key, algorithm) {
			if err := algorithm.checkPublic(key.Public); err != nil {
				return nil, &TargetError{algorithm, "the key " + shown(key.KeyID), err}
			}
			return newTarget(key.Public, key.KeyID, algorithm)
		}
	}
	return nil, &TargetError{Algorithm: algorithm, Problem: fmt.Sprintf("none of the %d keys in x-ms-runtime suits, want one that is %s, has a kid, and whose use or key_ops say encryption",
		len(keys), algorithm.wantedKey())}
}

// newTarget refuses a kid that is not fit to be written down: the party chose it.
func newTarget(public crypto.PublicKey, keyID string, algorithm WrapAlgorithm) (*Target, error) {
	isOdd := func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }
	if len(keyID) > maxKeyIDBytes || strings.ContainsFunc(keyID, isOdd) {
		return nil, &TargetError{Algorithm: algorithm, Problem: fmt.Sprintf("a kid of %d bytes, %s, want at most %d, all printable", len(keyID), shown(keyID), maxKeyIDBytes)}
	}
	return &Target{Public: public, KeyID: keyID}, nil
}

// isMeantFor reports whether a key is of the algorithm's kind, and its owner means it
// for that.
func isMeantFor(key *relyingparty.HeldKey, algorithm WrapAlgorithm) bool {
	switch key.Public.(type) {
	case *rsa.PublicKey:
		return algorithm != JWEECDHES && key.CanEncrypt()
	case *ecdsa.PublicKey:
		return algorithm == JWEECDHES && (key.CanEncrypt() || slices.Contains(key.Operations, "deriveKey") || slices.Contains(key.Operations, "deriveBits"))
	}
	return false
}
