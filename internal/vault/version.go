package vault

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/azattest/azattest/keyrelease"
)

// Version is one version of a key, without its secret. It is the caller's.
type Version struct {
	// Key has no Material. Its Name is spelled as the first version was.
	Key keyrelease.Key
	// Tags are what the owner has written on the version.
	Tags map[string]string
	// PolicyImmutable says that the policy stays as it is, in this version and in
	// those that follow it.
	PolicyImmutable bool
}

// recoveryLevel is Key Vault's word for keys that are gone once they are deleted.
const recoveryLevel = "Purgeable"

// key returns what the metadata say of a version, in words of others.
func (m *metadata) key(name, version string) keyrelease.Key {
	return keyrelease.Key{
		Name: name, Version: version, Type: m.Type, Public: m.public, Operations: slices.Clone(m.Operations),
		Attributes: keyrelease.Attributes{
			Enabled: m.Enabled, Exportable: m.Exportable,
			NotBefore: fromSeconds(m.NotBefore), Expires: fromSeconds(m.Expires), Created: fromSeconds(m.Created), Updated: fromSeconds(m.Updated),
			RecoveryLevel: recoveryLevel,
		},
		Policy: m.policy, PolicyContentType: m.PolicyContentType,
	}
}

func (m *metadata) version(name, version string) *Version {
	return &Version{Key: m.key(name, version), Tags: maps.Clone(m.Tags), PolicyImmutable: m.PolicyImmutable}
}

func fromSeconds(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// Settings are what a new version says beside its secret.
type Settings struct {
	// Operations are what the key is for: any of encrypt, decrypt, sign, verify,
	// wrapKey, unwrapKey, import and export. None stands for all that keys of the
	// type do.
	Operations []string
	// Enabled says whether the key may be released; nil stands for true.
	Enabled *bool
	// Exportable says whether it ever can be. An exportable key needs a policy, and
	// another one must have none.
	Exportable bool
	// NotBefore and Expires bound the time of releases, in whole seconds, inclusive
	// and exclusive. Zero means no bound.
	NotBefore, Expires time.Time
	// Tags are at most 15, names and values of at most 256 bytes.
	Tags map[string]string
	// Policy says to whom the key is released.
	Policy *keyrelease.Policy
	// PolicyContentType is the media type of the policy. Empty stands for
	// [keyrelease.DefaultPolicyContentType].
	PolicyContentType string
	// PolicyImmutable says that the policy is never to change.
	PolicyImmutable bool
}

// Template says what key to make.
type Template struct {
	Settings
	// Type is RSA, EC or oct; RSA-HSM, EC-HSM or oct-HSM are the same here.
	Type string
	// Size is the length in bits: 2048, 3072 or 4096 of an RSA key (0 stands for
	// 2048), 128, 192 or 256 of a symmetric one (0 stands for 256).
	Size int
	// Curve is that of an EC key: P-256, P-384 or P-521. Empty stands for P-256.
	Curve string
}

// Import is a key to keep.
type Import struct {
	Settings
	// Type is as in [Template].
	Type string
	// Material is the key: PKCS #8 in DER of an RSA or EC key, the bytes of a
	// symmetric one. It stays the caller's, who clears it.
	Material []byte `json:"-"`
}

// String names the kind of the key, and nothing of its secret.
func (i Import) String() string { return "key of type " + shown(i.Type) + " to import" }

// Format keeps the secret out of what is printed with any verb.
func (i Import) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(i.String())) }

// LogValue keeps the secret out of logs of any form.
func (i Import) LogValue() slog.Value { return slog.StringValue(i.String()) }

// Update is a change of a version. What is nil stays as it is.
type Update struct {
	Enabled *bool
	// Exportable can only be what it is already: clients send it along.
	Exportable *bool
	// NotBefore and Expires are as in [Settings]; the zero time takes a bound away.
	NotBefore, Expires *time.Time
	// Operations take the place of all that there were. So do Tags.
	Operations *[]string
	Tags       *map[string]string
	// Policy takes the place of the policy, unless that is immutable.
	Policy            *keyrelease.Policy
	PolicyContentType *string
	// PolicyImmutable can be set, and never be taken back.
	PolicyImmutable *bool
}
