package tpm

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"

	"github.com/azattest/azattest/evidence/tpm"
)

// requestKey is the key that signs a request, and that the report will name.
type requestKey struct {
	signer crypto.Signer
	// jwk is the text of the public key, which a quote binds: it is sent byte for
	// byte as it is here.
	jwk json.RawMessage
}

// newRequestKey takes a key, or makes one for one request if it is nil.
func newRequestKey(signer crypto.Signer) (*requestKey, error) {
	if signer == nil {
		key, err := rsa.GenerateKey(rand.Reader, requestKeyBits)
		if err != nil {
			return nil, &Error{Op: "make a request key", Err: err}
		}
		signer = key
	}
	jwk, err := jwkText(signer.Public())
	if err != nil {
		return nil, &Error{Op: "request key", Err: err}
	}
	return &requestKey{signer, jwk}, nil
}

// jwkText is a public key as text that JSON encoders leave alone.
func jwkText(key crypto.PublicKey) (json.RawMessage, error) {
	if err := tpm.CheckKey(key); err != nil {
		return nil, err
	}
	jwk, err := tpm.NewJWK(key)
	if err != nil {
		return nil, err
	}
	return compact(jwk), nil
}

// resident returns the key in the TPM, nil if it is elsewhere.
func (r *requestKey) resident() *Key {
	k, _ := r.signer.(*Key)
	return k
}

// binding is the hash by which a quote binds the key: as strong as the key, SHA-256
// or SHA-384.
func (r *requestKey) binding() (name string, hash tpm.Algorithm) {
	if key, ok := r.signer.Public().(*ecdsa.PublicKey); ok && key.Curve == elliptic.P384() {
		return "sha-384", tpm.SHA384
	}
	return "sha-256", tpm.SHA256
}

// qualifyingData is what the quote must carry: the challenge alone if the TPM
// certifies the key, and else the key, too.
func (r *requestKey) qualifyingData(challenge []byte) ([]byte, error) {
	if r.resident() != nil {
		return challenge, nil
	}
	_, hash := r.binding()
	return tpm.RequestKeyBinding(hash, string(r.jwk), challenge)
}

// wireKey is a key of a request of version 2.
type wireKey struct {
	JWK  json.RawMessage `json:"jwk"`
	Info *keyInfo        `json:"info,omitempty"`
}

// keyInfo says why a key is the machine's: a quote binds it, or the TPM holds it.
type keyInfo struct {
	Quote   *quoteInfo   `json:"tpm_quote,omitempty"`
	Certify *certifyInfo `json:"tpm_certify,omitempty"`
}

type quoteInfo struct {
	HashAlg string `json:"hash_alg"` // "sha-256", "sha-384"
}

type certifyInfo struct {
	Public        string `json:"public"`        // TPMT_PUBLIC
	Certification string `json:"certification"` // TPMS_ATTEST
	Signature     string `json:"signature"`     // TPMT_SIGNATURE
}

// wire describes the request key.
func (r *requestKey) wire(ctx context.Context, aik *AIK, challenge []byte) (wireKey, error) {
	if k := r.resident(); k != nil {
		return aik.wireKey(ctx, k, challenge)
	}
	name, _ := r.binding()
	return wireKey{r.jwk, &keyInfo{Quote: &quoteInfo{name}}}, nil
}

// wireKey describes a key in the TPM.
func (a *AIK) wireKey(ctx context.Context, k *Key, challenge []byte) (wireKey, error) {
	jwk, err := jwkText(k.Public())
	if err != nil {
		return wireKey{}, &Error{Op: "certified key", Err: err}
	}
	c, err := a.certify(ctx, k, challenge)
	if err != nil {
		return wireKey{}, err
	}
	return wireKey{jwk, &keyInfo{Certify: &certifyInfo{encode(k.public.Bytes()), encode(c.attest), encode(c.signature)}}}, nil
}

// OtherKey is a further key for the policy to read: one in the TPM, which the AIK
// certifies, or else the caller's word for a public key.
type OtherKey struct {
	// Key is in the AIK's TPM. It excludes Public.
	Key *Key
	// Public is an *rsa.PublicKey, or an *ecdsa.PublicKey on P-256 or P-384.
	Public crypto.PublicKey
}

func (k OtherKey) check(t *TPM) error {
	const op = "other key"
	switch {
	case (k.Key == nil) == (k.Public == nil):
		return &Error{Op: op, Found: "a key in the TPM and a public one, or neither", Expected: "one of the two"}
	case k.Key != nil && k.Key.tpm != t:
		return &Error{Op: op, Found: "one of " + k.Key.tpm.name, Expected: "one of " + t.name}
	case k.Public != nil:
		if _, err := jwkText(k.Public); err != nil {
			return &Error{Op: op, Err: err}
		}
	}
	return nil
}

func (a *AIK) wireOthers(ctx context.Context, keys []OtherKey, challenge []byte) ([]wireKey, error) {
	list := make([]wireKey, 0, len(keys))
	for _, k := range keys {
		var wire wireKey
		var err error
		if k.Key != nil {
			wire, err = a.wireKey(ctx, k.Key, challenge)
		} else {
			wire.JWK, err = jwkText(k.Public)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, wire)
	}
	return list, nil
}
