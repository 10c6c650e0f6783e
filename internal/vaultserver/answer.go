package vaultserver

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"time"

	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/keyrelease"
)

// keyBundle is Key Vault's KeyBundle.
type keyBundle struct {
	Key        keyJWK            `json:"key"`
	Attributes keyAttributes     `json:"attributes"`
	Tags       map[string]string `json:"tags,omitempty"`
	Policy     *keyPolicy        `json:"release_policy,omitempty"`
}

type keyJWK struct {
	KeyID      string   `json:"kid"`
	Type       string   `json:"kty"`
	Operations []string `json:"key_ops,omitempty"`
	N          string   `json:"n,omitempty"`
	E          string   `json:"e,omitempty"`
	Curve      string   `json:"crv,omitempty"`
	X          string   `json:"x,omitempty"`
	Y          string   `json:"y,omitempty"`
}

type keyAttributes struct {
	Enabled       bool   `json:"enabled"`
	NotBefore     int64  `json:"nbf,omitempty"`
	Expires       int64  `json:"exp,omitempty"`
	Created       int64  `json:"created"`
	Updated       int64  `json:"updated"`
	RecoveryLevel string `json:"recoveryLevel,omitempty"`
	Exportable    bool   `json:"exportable"`
}

type keyPolicy struct {
	ContentType string `json:"contentType"`
	Data        string `json:"data"`
	Immutable   bool   `json:"immutable"`
}

// keyList is Key Vault's KeyListResult.
type keyList struct {
	Value []keyItem `json:"value"`
	Next  *string   `json:"nextLink"`
}

type keyItem struct {
	KeyID      string            `json:"kid"`
	Attributes keyAttributes     `json:"attributes"`
	Tags       map[string]string `json:"tags,omitempty"`
}

func attributesOf(k *keyrelease.Key) keyAttributes {
	seconds := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.Unix()
	}
	a := &k.Attributes
	return keyAttributes{
		Enabled: a.Enabled, NotBefore: seconds(a.NotBefore), Expires: seconds(a.Expires), Created: seconds(a.Created), Updated: seconds(a.Updated),
		RecoveryLevel: a.RecoveryLevel, Exportable: a.Exportable,
	}
}

func (s *Server) bundleOf(v *vault.Version) (*keyBundle, error) {
	b := &keyBundle{
		Key:        keyJWK{KeyID: s.keyID(v.Key.Name, v.Key.Version), Type: v.Key.Type, Operations: v.Key.Operations},
		Attributes: attributesOf(&v.Key), Tags: v.Tags,
	}
	b64 := base64.RawURLEncoding.EncodeToString
	switch public := v.Key.Public.(type) {
	case nil:
	case *rsa.PublicKey:
		b.Key.N, b.Key.E = b64(public.N.Bytes()), b64(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			return nil, err
		}
		half := len(point) / 2
		b.Key.Curve, b.Key.X, b.Key.Y = public.Params().Name, b64(point[1:1+half]), b64(point[1+half:])
	default:
		return nil, fmt.Errorf("vaultserver: a public key of type %T", public)
	}
	if v.Key.Policy != nil {
		b.Policy = &keyPolicy{ContentType: v.Key.PolicyContentType, Data: b64(v.Key.Policy.Text()), Immutable: v.PolicyImmutable}
		if b.Policy.ContentType == "" {
			b.Policy.ContentType = keyrelease.DefaultPolicyContentType
		}
	}
	return b, nil
}
