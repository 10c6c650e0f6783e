package vaultserver

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/keyrelease"
)

// keyBody is what is said of a key that is to be made, imported or changed: the union
// of Key Vault's KeyCreateParameters, KeyImportParameters and KeyUpdateParameters.
// Members that are not known are passed over, as later versions have more of them.
type keyBody struct {
	Type       string             `json:"kty"`
	Size       int                `json:"key_size"`
	Curve      string             `json:"crv"`
	Operations *[]string          `json:"key_ops"`
	Exponent   int                `json:"public_exponent"`
	Attributes *bodyAttributes    `json:"attributes"`
	Tags       *map[string]string `json:"tags"`
	Policy     *bodyPolicy        `json:"release_policy"`
	// Key is the one to import; it is read apart, for it is secret.
	Key json.RawMessage `json:"key"`
	// Hardware says that the key to import is one of a hardware module, as clients say
	// it beside the type that the key had in software.
	Hardware bool `json:"Hsm"`
}

type bodyAttributes struct {
	Enabled    *bool  `json:"enabled"`
	NotBefore  *int64 `json:"nbf"`
	Expires    *int64 `json:"exp"`
	Exportable *bool  `json:"exportable"`
}

type bodyPolicy struct {
	ContentType string `json:"contentType"`
	Data        string `json:"data"`
	Immutable   *bool  `json:"immutable"`
}

func parseBody(raw []byte) (*keyBody, error) {
	b := new(keyBody)
	if err := keyrelease.CheckJSON(raw); err != nil {
		return nil, badParameter("The request body is not valid JSON: " + err.Error() + ".")
	}
	if err := json.Unmarshal(raw, b); err != nil {
		if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return nil, badParameter(fmt.Sprintf("Property %s has a value of the wrong type, want %s.", clip(e.Field), e.Type))
		}
		// What the decoder says may show a piece of a key.
		return nil, badParameter("The request body is not valid JSON.")
	}
	if b.Exponent != 0 && b.Exponent != 65537 {
		return nil, badParameter("Property public_exponent: want 65537, or nothing.")
	}
	return b, nil
}

// settings are what a new version says beside its secret.
func (b *keyBody) settings() (vault.Settings, error) {
	var s vault.Settings
	if b.Operations != nil {
		s.Operations = *b.Operations
	}
	if b.Tags != nil {
		s.Tags = *b.Tags
	}
	if a := b.Attributes; a != nil {
		s.Enabled, s.Exportable = a.Enabled, a.Exportable != nil && *a.Exportable
		if t := timeOf(a.NotBefore); t != nil {
			s.NotBefore = *t
		}
		if t := timeOf(a.Expires); t != nil {
			s.Expires = *t
		}
	}
	if b.Policy != nil {
		var err error
		if s.Policy, err = b.Policy.parse(); err != nil {
			return s, err
		}
		s.PolicyContentType, s.PolicyImmutable = b.Policy.ContentType, b.Policy.Immutable != nil && *b.Policy.Immutable
	}
	return s, nil
}

// update is what changes of a version: what the body does not name stays.
func (b *keyBody) update() (vault.Update, error) {
	u := vault.Update{Operations: b.Operations, Tags: b.Tags}
	if a := b.Attributes; a != nil {
		u.Enabled, u.Exportable, u.NotBefore, u.Expires = a.Enabled, a.Exportable, timeOf(a.NotBefore), timeOf(a.Expires)
	}
	if b.Policy != nil {
		var err error
		if u.Policy, err = b.Policy.parse(); err != nil {
			return u, err
		}
		u.PolicyImmutable = b.Policy.Immutable
		if b.Policy.ContentType != "" {
			u.PolicyContentType = &b.Policy.ContentType
		}
	}
	return u, nil
}

func timeOf(seconds *int64) *time.Time {
	if seconds == nil {
		return nil
	}
	t := time.Unix(*seconds, 0).UTC()
	return &t
}

func (p *bodyPolicy) parse() (*keyrelease.Policy, error) {
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(p.Data, "="))
	if err != nil {
		return nil, badParameter("Property release_policy.data: want base64url.")
	}
	policy, err := keyrelease.ParsePolicy(text)
	if err != nil {
		return nil, &keyrelease.RefusalError{Status: http.StatusBadRequest, Code: "BadParameter", Message: "Property release_policy: " + clipLong(err.Error()), Err: err}
	}
	return policy, nil
}

// clipLong bounds what a fault of a policy repeats of it.
func clipLong(text string) string {
	const longest = 4000
	if len(text) > longest {
		text = text[:longest] + "…"
	}
	return strings.ToValidUTF8(text, "?")
}

// keyMembers are those of a JSON Web Key that make up the key (RFC 7518, section 6).
var keyMembers = []string{"kty", "n", "e", "d", "p", "q", "dp", "dq", "qi", "crv", "x", "y", "k"}

// imported reads the key of an import: PKCS #8, or the bytes of a symmetric key.
func (b *keyBody) imported() (kind string, operations *[]string, material []byte, err error) {
	var head struct {
		Type       string    `json:"kty"`
		Operations *[]string `json:"key_ops"`
	}
	if len(b.Key) == 0 {
		return "", nil, nil, badParameter("Property key is missing, want a JSON Web Key with its private half.")
	}
	wrong := badParameter("Property key: want a JSON Web Key (RSA, EC or oct) with its private half.")
	if json.Unmarshal(b.Key, &head) != nil {
		return "", nil, nil, wrong
	}
	if b.Hardware && !strings.HasSuffix(head.Type, "-HSM") {
		head.Type += "-HSM"
	}
	var members map[string]any
	if json.Unmarshal(b.Key, &members) != nil || members == nil {
		return "", nil, nil, wrong
	}
	members["kty"] = strings.TrimSuffix(head.Type, "-HSM")
	// Nothing but the key itself is for the parser.
	for name := range members {
		if !slices.Contains(keyMembers, name) {
			delete(members, name)
			continue
		}
		if text, ok := members[name].(string); ok {
			members[name] = strings.TrimRight(text, "=")
		}
	}
	plain, err := json.Marshal(members)
	if err != nil {
		return "", nil, nil, wrong
	}
	defer clear(plain)
	var jwk jose.JSONWebKey
	if jwk.UnmarshalJSON(plain) != nil || jwk.IsPublic() {
		return "", nil, nil, wrong
	}
	if symmetric, ok := jwk.Key.([]byte); ok {
		return head.Type, head.Operations, symmetric, nil
	}
	if material, err = x509.MarshalPKCS8PrivateKey(jwk.Key); err != nil {
		return "", nil, nil, wrong
	}
	return head.Type, head.Operations, material, nil
}
