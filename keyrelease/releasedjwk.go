package keyrelease

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// JWK returns the key as a JSON Web Key with its private half, whose kid is KeyID. It
// is as secret as Material is.
func (r *Released) JWK() ([]byte, error) {
	jwk := jose.JSONWebKey{KeyID: r.KeyID, Key: r.Material}
	if !strings.HasPrefix(r.Type, "oct") {
		private, err := x509.ParsePKCS8PrivateKey(r.Material)
		if err != nil {
			// What the parser says may show what it read.
			return nil, errors.New("keyrelease: JWK: the material is no PKCS #8")
		}
		jwk.Key = private
	}
	text, err := jwk.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("keyrelease: JWK: no form for a key of type %s", shown(r.Type))
	}
	return text, nil
}
