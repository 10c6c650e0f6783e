package vaultserver

import (
	"encoding/base64"

	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/keyrelease"
)

// keyBundle is Key Vault's KeyBundle.
type keyBundle struct {
	Key        keyJWK                `json:"key"`
	Attributes keyrelease.Attributes `json:"attributes"`
	Tags       map[string]string     `json:"tags,omitempty"`
	Policy     *keyPolicy            `json:"release_policy,omitempty"`
}

type keyJWK struct {
	KeyID      string   `json:"kid"`
	Type       string   `json:"kty"`
	Operations []string `json:"key_ops,omitempty"`
	keyrelease.PublicJWK
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
	KeyID      string                `json:"kid"`
	Attributes keyrelease.Attributes `json:"attributes"`
	Tags       map[string]string     `json:"tags,omitempty"`
}

func (s *Server) bundleOf(v *vault.Version) (*keyBundle, error) {
	public, err := keyrelease.NewPublicJWK(v.Key.Public)
	if err != nil {
		return nil, err
	}
	b := &keyBundle{
		Key:        keyJWK{KeyID: s.keyID(v.Key.Name, v.Key.Version), Type: v.Key.Type, Operations: v.Key.Operations, PublicJWK: public},
		Attributes: v.Key.Attributes, Tags: v.Tags,
	}
	if v.Key.Policy != nil {
		b.Policy = &keyPolicy{ContentType: v.Key.PolicyContentType, Data: base64.RawURLEncoding.EncodeToString(v.Key.Policy.Text()), Immutable: v.PolicyImmutable}
		if b.Policy.ContentType == "" {
			b.Policy.ContentType = keyrelease.DefaultPolicyContentType
		}
	}
	return b, nil
}
