package keyrelease

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// ErrKeyNotFound says that there is no key of a name, or no such version of it. A
// [KeySource] wraps it.
var ErrKeyNotFound = errors.New("keyrelease: no such key")

// KeySource keeps the keys that a [Releaser] releases. It must be safe for concurrent
// use.
type KeySource interface {
	// ReleaseKey returns a version of a key, the current one if the version is empty.
	// The error wraps [ErrKeyNotFound] if there is none; who asks is told a
	// *[RefusalError] as it is, and of any other that it cannot be told now. What is returned is the caller's, who clears its Material.
	ReleaseKey(ctx context.Context, name, version string) (*Key, error)
}

// Key is one version of a key that may be released, with all that decides whether.
type Key struct {
	// Name is what the key is called: 1 to 127 letters, digits and hyphens. Version
	// tells its versions apart, as 32 hexadecimal digits do.
	Name, Version string
	// Type is kty of the key's JSON Web Key: RSA, EC or oct, or, as Key Vault calls
	// those that it keeps in hardware, RSA-HSM, EC-HSM or oct-HSM.
	Type string
	// Material is the secret: PKCS #8 in DER, or the bytes of a symmetric key.
	Material []byte `json:"-"`
	// Public is the *rsa.PublicKey or *ecdsa.PublicKey of the key, nil of a symmetric
	// one.
	Public crypto.PublicKey
	// Operations are what the key is for (key_ops), such as "encrypt".
	Operations []string
	Attributes Attributes
	// Policy says to whom the key is released. Without one it is released to nobody.
	Policy *Policy
	// PolicyContentType is what the response says that the policy is. Empty stands
	// for [DefaultPolicyContentType].
	PolicyContentType string
}

// String names the key, and nothing of its secret.
func (k Key) String() string { return "key " + shown(k.Name) + ", version " + shown(k.Version) }

// Format keeps the secret out of what is printed with any verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue keeps the secret out of logs of any form.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// DefaultPolicyContentType is the media type under which Key Vault keeps policies.
const DefaultPolicyContentType = "application/json; charset=utf-8"

// Attributes say whether and when a key may be used. The zero value may not.
type Attributes struct {
	// Enabled and Exportable must both be true for a release.
	Enabled, Exportable bool
	// NotBefore and Expires bound the time of releases, inclusive and exclusive.
	// Zero means no bound.
	NotBefore, Expires time.Time
	// Created and Updated are when the version was made and its attributes changed.
	Created, Updated time.Time
	// RecoveryLevel says what becomes of a deleted key, in Key Vault's words, and
	// RecoverableDays for how long it can be had back. Empty: nothing is said.
	RecoveryLevel   string
	RecoverableDays int
}
