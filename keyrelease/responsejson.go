package keyrelease

import (
	"encoding/base64"
	"encoding/json"
)

// Shapes of a response, as Key Vault writes it (REST, "release", 7.3 and later).

// responsePayload is what a response's JWS signs.
type responsePayload struct {
	Request  responseRequest `json:"request"`
	Response struct {
		Key responseKey `json:"key"`
	} `json:"response"`
}

// responseRequest repeats what was asked for.
type responseRequest struct {
	APIVersion string        `json:"api-version,omitempty"`
	Algorithm  WrapAlgorithm `json:"enc"`
	KeyID      string        `json:"kid"`
	Nonce      string        `json:"nonce,omitempty"`
}

type responseKey struct {
	Attributes Attributes      `json:"attributes"`
	Key        responseJWK     `json:"key"`
	Policy     *responsePolicy `json:"release_policy,omitempty"`
}

// responseJWK is the public half of a released key, with the wrapped one in key_hsm.
type responseJWK struct {
	KeyID      string   `json:"kid"`
	Type       string   `json:"kty"`
	Operations []string `json:"key_ops,omitempty"`
	PublicJWK
	// Wrapped is base64url of a wrappedKey; of API version 7.2 the object itself.
	Wrapped json.RawMessage `json:"key_hsm"`
}

type responsePolicy struct {
	ContentType string `json:"contentType"`
	Data        string `json:"data"`
}

// wrappedKey is what stands in key_hsm.
type wrappedKey struct {
	Ciphertext string           `json:"ciphertext"`
	Header     wrappedKeyHeader `json:"header"`
	Schema     string           `json:"schema_version"`
}

type wrappedKeyHeader struct {
	Algorithm  string        `json:"alg"`
	Encryption WrapAlgorithm `json:"enc"`
	// KeyID is that of the key to which it is wrapped.
	KeyID string `json:"kid"`
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// newWrapped writes key_hsm.
func newWrapped(algorithm WrapAlgorithm, target *Target, ciphertext []byte) (string, error) {
	text, err := json.Marshal(wrappedKey{
		Ciphertext: b64(ciphertext), Schema: "1.0",
		Header: wrappedKeyHeader{Algorithm: "dir", Encryption: algorithm, KeyID: target.KeyID},
	})
	if err != nil {
		return "", err
	}
	return b64(text), nil
}

// newPayload writes what a response says.
func newPayload(vault string, request responseRequest, key *Key, wrapped string) ([]byte, error) {
	public, err := NewPublicJWK(key.Public)
	if err != nil {
		return nil, err
	}
	jwk := responseJWK{KeyID: KeyURL(vault, key.Name, key.Version), Type: key.Type, Operations: key.Operations, PublicJWK: public}
	if jwk.Wrapped, err = json.Marshal(wrapped); err != nil {
		return nil, err
	}
	contentType := key.PolicyContentType
	if contentType == "" {
		contentType = DefaultPolicyContentType
	}
	payload := responsePayload{Request: request}
	payload.Response.Key = responseKey{
		Attributes: key.Attributes, Key: jwk,
		Policy: &responsePolicy{ContentType: contentType, Data: b64(key.Policy.text)},
	}
	return json.Marshal(payload)
}
