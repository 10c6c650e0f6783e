package policytoken

import (
	"crypto/x509"
	"encoding/base64"
)

// JWK is a certificate chain as the real service shows it in x-ms-policy-signer
// and x-ms-policy-certificates. Of a key it shows nothing else.
type JWK struct {
	Algorithm string   `json:"alg"` // RS256, ES256, ES384, ES512; "" of any other key
	KeyType   string   `json:"kty"` // RSA or EC; "" of any other key
	Use       string   `json:"use"` // always sig
	X5C       []string `json:"x5c"` // DER in standard base64, the key's own first
}

// NewJWK returns how a certificate is shown, with those above it.
func NewJWK(certificate *x509.Certificate, issuers ...*x509.Certificate) JWK {
	k := JWK{Use: "sig"}
	if a, err := algorithmOf(certificate.PublicKey); err == nil {
		k.Algorithm, k.KeyType = a.name, a.keyType()
	}
	for _, c := range append([]*x509.Certificate{certificate}, issuers...) {
		k.X5C = append(k.X5C, base64.StdEncoding.EncodeToString(c.Raw))
	}
	return k
}

// SignerJWK returns how the signer is shown, with the whole chain of the token;
// false for an unsigned token.
func (t *Token) SignerJWK() (JWK, bool) {
	if !t.IsSigned() {
		return JWK{}, false
	}
	return NewJWK(t.chain[0], t.chain[1:]...), true
}
