package cli

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
)

// What a vault reads and says about keys, by Key Vault's names: KeyCreateParameters,
// KeyImportParameters and KeyUpdateParameters on the way there.
type wireKeyRequest struct {
	Type       string             `json:"kty,omitempty"`
	Size       int                `json:"key_size,omitempty"`
	Curve      string             `json:"crv,omitempty"`
	Operations []string           `json:"key_ops,omitempty"`
	Attributes *wireKeyAttributes `json:"attributes,omitempty"`
	Tags       *map[string]string `json:"tags,omitempty"`
	Policy     *wireReleasePolicy `json:"release_policy,omitempty"`
	Key        *wirePrivateKey    `json:"key,omitempty"`
	IsHSM      bool               `json:"Hsm,omitempty"`
}

type wireKeyAttributes struct {
	Enabled    *bool `json:"enabled,omitempty"`
	Exportable *bool `json:"exportable,omitempty"`
	NotBefore  int64 `json:"nbf,omitempty"`
	Expires    int64 `json:"exp,omitempty"`
	Created    int64 `json:"created,omitempty"`
	Updated    int64 `json:"updated,omitempty"`
}

type wireReleasePolicy struct {
	ContentType string    `json:"contentType,omitempty"`
	Data        base64URL `json:"data"`
	Immutable   *bool     `json:"immutable,omitempty"`
}

// wirePrivateKey is a JSON Web Key with its private half (RFC 7518, section 6).
type wirePrivateKey struct {
	Type       string    `json:"kty"`
	Operations []string  `json:"key_ops,omitempty"`
	N          base64URL `json:"n,omitempty"`
	E          base64URL `json:"e,omitempty"`
	D          base64URL `json:"d,omitempty"`
	P          base64URL `json:"p,omitempty"`
	Q          base64URL `json:"q,omitempty"`
	DP         base64URL `json:"dp,omitempty"`
	DQ         base64URL `json:"dq,omitempty"`
	QI         base64URL `json:"qi,omitempty"`
	Curve      string    `json:"crv,omitempty"`
	X          base64URL `json:"x,omitempty"`
	Y          base64URL `json:"y,omitempty"`
	K          base64URL `json:"k,omitempty"`
}

// clear overwrites what is secret of it.
func (k *wirePrivateKey) clear() {
	for _, secret := range [][]byte{k.D, k.P, k.Q, k.DP, k.DQ, k.QI, k.K} {
		clear(secret)
	}
}

// wireKeyBundle is Key Vault's KeyBundle, and its DeletedKeyBundle.
type wireKeyBundle struct {
	Key struct {
		KeyID      string    `json:"kid"`
		Type       string    `json:"kty"`
		Operations []string  `json:"key_ops"`
		N          base64URL `json:"n"`
		Curve      string    `json:"crv"`
	} `json:"key"`
	Attributes     wireKeyAttributes  `json:"attributes"`
	Tags           map[string]string  `json:"tags"`
	Policy         *wireReleasePolicy `json:"release_policy"`
	RecoveryID     string             `json:"recoveryId"`
	ScheduledPurge int64              `json:"scheduledPurgeDate"`
}

// wireKeyPage is a page of Key Vault's KeyListResult.
type wireKeyPage struct {
	Value []wireKeyItem `json:"value"`
	Next  string        `json:"nextLink"`
}

type wireKeyItem struct {
	KeyID      string            `json:"kid"`
	Attributes wireKeyAttributes `json:"attributes"`
	Tags       map[string]string `json:"tags"`
}

// nameInKeyID returns name and version of {vault}/keys/{name}[/{version}].
func nameInKeyID(id string) (name, version string) {
	u, err := url.Parse(id)
	if err != nil {
		return "", ""
	}
	rest, ok := strings.CutPrefix(u.Path, "/keys/")
	if !ok {
		return "", ""
	}
	name, version, _ = strings.Cut(rest, "/")
	return name, version
}

// base64URL is bytes that JSON has as base64url. Some write it with padding.
type base64URL []byte

// MarshalText encodes without padding.
func (b base64URL) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

// UnmarshalText decodes. What it refuses may be secret, and is not repeated.
func (b *base64URL) UnmarshalText(text []byte) error {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(string(text), "="))
	if err != nil {
		return errors.New("want base64url")
	}
	*b = raw
	return nil
}
