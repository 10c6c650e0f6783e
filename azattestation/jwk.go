package azattestation

import (
	"crypto/x509"
	"encoding/json"
)

// JSONWebKey is a public key as the service shows it (RFC 7517): the signer of a
// policy, a policy management certificate. Members of private keys are never
// read.
type JSONWebKey struct {
	// Algorithm is alg, such as "RS256".
	Algorithm *string
	// KeyID is kid.
	KeyID *string
	// KeyType is kty: "RSA" or "EC".
	KeyType *string
	// Use is use: "sig".
	Use *string
	// Curve is crv, of an EC key.
	Curve *string
	// N and E are modulus and exponent of an RSA key, X and Y the coordinates of an
	// EC key, each base64url of big-endian bytes.
	N, E, X, Y *string
	// Certificates are those of x5c: the key's own first, each further one the
	// issuer of the one before. They are parsed and not verified.
	Certificates []*x509.Certificate
}

var _ interface {
	json.Marshaler
	json.Unmarshaler
} = (*JSONWebKey)(nil)

func (k *JSONWebKey) members() []claimField {
	return []claimField{
		{"alg", &k.Algorithm},
		{"crv", &k.Curve},
		{"e", &k.E},
		{"kid", &k.KeyID},
		{"kty", &k.KeyType},
		{"n", &k.N},
		{"use", &k.Use},
		{"x", &k.X},
		{"y", &k.Y},
	}
}

// UnmarshalJSON reads a key, or an object that holds one as its member jwk.
func (k *JSONWebKey) UnmarshalJSON(text []byte) error {
	if isNull(text) {
		return nil
	}
	o, err := parseObject(text)
	if err != nil {
		return err
	}
	if inner := o.get("jwk"); inner != nil && o.get("kty") == nil {
		if o, err = parseObject(inner); err != nil {
			return err
		}
	}
	*k = JSONWebKey{}
	for _, f := range k.members() {
		if value := o.get(f.name); value != nil {
			if err := f.decode(value); err != nil {
				return err
			}
		}
	}
	if x5c := o.get("x5c"); x5c != nil {
		k.Certificates, err = parseX5C(x5c)
	}
	return err
}

// MarshalJSON writes the members that are there.
func (k JSONWebKey) MarshalJSON() ([]byte, error) {
	o := map[string]any{}
	for _, f := range k.members() {
		f.encode(o)
	}
	if len(k.Certificates) > 0 {
		o["x5c"] = encodeX5C(k.Certificates)
	}
	return json.Marshal(o)
}
