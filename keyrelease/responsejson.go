package keyrelease

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"time"
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
	Attributes responseAttributes `json:"attributes"`
	Key        responseJWK        `json:"key"`
	Policy     *responsePolicy    `json:"release_policy,omitempty"`
}

type responseAttributes struct {
	Created         int64  `json:"created,omitempty"`
	Enabled         bool   `json:"enabled"`
	Expires         int64  `json:"exp,omitempty"`
	Exportable      bool   `json:"exportable"`
	NotBefore       int64  `json:"nbf,omitempty"`
	RecoverableDays int    `json:"recoverableDays,omitempty"`
	RecoveryLevel   string `json:"recoveryLevel,omitempty"`
	Updated         int64  `json:"updated,omitempty"`
}

// responseJWK is the public half of a released key, with the wrapped one in key_hsm.
type responseJWK struct {
	KeyID      string   `json:"kid"`
	Type       string   `json:"kty"`
	Operations []string `json:"key_ops,omitempty"`
	N          string   `json:"n,omitempty"`
	E          string   `json:"e,omitempty"`
	Curve      string   `json:"crv,omitempty"`
	X          string   `json:"x,omitempty"`
	Y          string   `json:"y,omitempty"`
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

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func (a Attributes) json() responseAttributes {
	return responseAttributes{
		Created: seconds(a.Created), Enabled: a.Enabled, Expires: seconds(a.Expires), Exportable: a.Exportable, NotBefore: seconds(a.NotBefore),
		RecoverableDays: a.RecoverableDays, RecoveryLevel: a.RecoveryLevel, Updated: seconds(a.Updated),
	}
}

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

// newJWK writes the public half of a key.
func newJWK(vault string, key *Key) (responseJWK, error) {
	jwk := responseJWK{KeyID: keyURL(vault, key.Name, key.Version), Type: key.Type, Operations: key.Operations}
	switch public := key.Public.(type) {
	case nil:
	case *rsa.PublicKey:
		jwk.N, jwk.E = b64(public.N.Bytes()), b64(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			return responseJWK{}, err
		}
		half := len(point) / 2
		jwk.Curve, jwk.X, jwk.Y = public.Params().Name, b64(point[1:1+half]), b64(point[1+half:])
	default:
		return responseJWK{}, fmt.Errorf("a public key of type %T", public)
	}
	return jwk, nil
}

// newPayload writes what a response says.
func newPayload(vault string, request responseRequest, key *Key, wrapped string) ([]byte, error) {
	jwk, err := newJWK(vault, key)
	if err != nil {
		return nil, err
	}
	if jwk.Wrapped, err = json.Marshal(wrapped); err != nil {
		return nil, err
	}
	contentType := key.PolicyContentType
	if contentType == "" {
		contentType = DefaultPolicyContentType
	}
	payload := responsePayload{Request: request}
	payload.Response.Key = responseKey{
		Attributes: key.Attributes.json(), Key: jwk,
		Policy: &responsePolicy{ContentType: contentType, Data: b64(key.Policy.text)},
	}
	return json.Marshal(payload)
}
