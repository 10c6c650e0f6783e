package vault

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"fmt"

	"github.com/azattest/azattest/keyrelease"
)

// metadata is all of a version but its secret, as it lies in the box. Times are in
// seconds since 1970; 0 is none.
type metadata struct {
	Type string `json:"type"`
	// PublicKey is the SubjectPublicKeyInfo in DER. A symmetric key has none, and
	// has its length instead.
	PublicKey         []byte            `json:"publicKey,omitempty"`
	Bytes             int               `json:"bytes,omitempty"`
	Operations        []string          `json:"operations,omitempty"`
	Enabled           bool              `json:"enabled"`
	Exportable        bool              `json:"exportable"`
	NotBefore         int64             `json:"notBefore,omitempty"`
	Expires           int64             `json:"expires,omitempty"`
	Created           int64             `json:"created"`
	Updated           int64             `json:"updated"`
	Tags              map[string]string `json:"tags,omitempty"`
	Policy            []byte            `json:"policy,omitempty"`
	PolicyContentType string            `json:"policyContentType,omitempty"`
	PolicyImmutable   bool              `json:"policyImmutable,omitempty"`

	// What follows was read of the above.
	public crypto.PublicKey
	policy *keyrelease.Policy
}

func (m *metadata) encode() ([]byte, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if len(raw) > maxMetadata {
		return nil, refuse("policy, tags and the rest come to %d bytes, want at most %d", len(raw), maxMetadata)
	}
	return raw, nil
}

// parseMetadata reads what a box held. A vault wrote it; that it still makes sense
// to this program is looked at all the same.
func parseMetadata(raw []byte) (*metadata, error) {
	if len(raw) > maxMetadata {
		return nil, notUnderstood("%d bytes", len(raw))
	}
	m := new(metadata)
	if err := json.Unmarshal(raw, m); err != nil {
		// The decoder's error may quote what it read.
		return nil, notUnderstood("metadata that are none")
	}
	again, err := json.Marshal(m)
	if err != nil || !bytes.Equal(again, raw) {
		return nil, notUnderstood("metadata of another spelling")
	}
	kind := baseType(m.Type)
	if kind == "" {
		return nil, notUnderstood("a key of type %s", shown(m.Type))
	}
	if kind == octType {
		if m.Bytes < minOctBytes || m.Bytes > maxOctBytes || len(m.PublicKey) > 0 {
			return nil, notUnderstood("a symmetric key of %d bytes", m.Bytes)
		}
	} else {
		if m.public, err = x509.ParsePKIXPublicKey(m.PublicKey); err != nil || typeOf(m.public) != kind || m.Bytes != 0 {
			return nil, notUnderstood("a public key that is not of type %s", kind)
		}
	}
	if len(m.Policy) > 0 {
		if m.policy, err = keyrelease.ParsePolicy(m.Policy); err != nil {
			return nil, notUnderstood("a policy that is none: %w", err)
		}
	}
	return m, nil
}

// notUnderstood is for what is genuine, and yet nothing that this program writes.
func notUnderstood(format string, values ...any) error {
	return fmt.Errorf(format+": use the program that wrote it, or a newer one", values...)
}

// list is the versions of a key, as it lies in the box.
type list struct {
	// Name is how the key was spelled when its first version was made.
	Name string `json:"name"`
	// Versions are in the order in which they were made. The last is the current
	// one; there is always one.
	Versions []string `json:"versions"`
}

func (l *list) current() string { return l.Versions[len(l.Versions)-1] }

func parseList(raw []byte) (*list, error) {
	l := new(list)
	if err := json.Unmarshal(raw, l); err != nil {
		return nil, notUnderstood("a list that is none")
	}
	again, err := json.Marshal(l)
	if err != nil || !bytes.Equal(again, raw) {
		return nil, notUnderstood("a list of another spelling")
	}
	if !keyrelease.IsKeyName(l.Name) || len(l.Versions) == 0 || len(l.Versions) > maxVersions {
		return nil, notUnderstood("a list of %d versions, want 1 to %d, of a key with a name", len(l.Versions), maxVersions)
	}
	seen := make(map[string]bool, len(l.Versions))
	for _, version := range l.Versions {
		if !isVersion(version) || seen[version] {
			return nil, notUnderstood("a list with the version %s", shown(version))
		}
		seen[version] = true
	}
	return l, nil
}
