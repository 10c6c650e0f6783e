package keyrelease

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/relyingparty"
)

// HeldForm is a form in which enclave-held data may be a public key.
type HeldForm string

// The forms.
const (
	// HeldJWK is a JSON Web Key (RFC 7517).
	HeldJWK HeldForm = "jwk"
	// HeldPEM is one PEM block, PUBLIC KEY (SubjectPublicKeyInfo) or RSA PUBLIC KEY
	// (PKCS #1), with nothing around it.
	HeldPEM HeldForm = "pem"
	// HeldRaw is SubjectPublicKeyInfo or PKCS #1 in DER, or a point of P-256, P-384 or
	// P-521 that is not compressed (SEC 1, section 2.3.3): 65, 97 or 133 bytes.
	HeldRaw HeldForm = "raw"
)

// HeldForms returns all forms.
func HeldForms() []HeldForm { return []HeldForm{HeldJWK, HeldPEM, HeldRaw} }

// heldTarget reads enclave-held data in the first of the forms that it has. What it
// begins with tells them apart, so no data is a key in two forms.
func heldTarget(data []byte, algorithm WrapAlgorithm, forms []HeldForm) (*Target, error) {
	refuse := func(problem string, err error) (*Target, error) {
		return nil, &TargetError{algorithm, problem, err}
	}
	form := formOf(data)
	if !slices.Contains(forms, form) {
		return refuse(fmt.Sprintf("the enclave-held data looks like a key in form %s, which is not accepted here", form), nil)
	}
	jwk := json.RawMessage(data)
	if form == HeldJWK && !json.Valid(data) {
		return refuse("the enclave-held data begins as a JSON Web Key and is no JSON", nil)
	}
	if form != HeldJWK {
		public, err := readPublic(data, form)
		if err != nil {
			return refuse("enclave-held data", err)
		}
		if jwk, err = json.Marshal(jose.JSONWebKey{Key: public}); err != nil {
			return refuse("enclave-held data", err)
		}
	}
	// One judge for all keys of attested parties: what is weak there is weak here.
	runtime := slices.Concat([]byte(`{"keys":[`), jwk, []byte(`]}`))
	keys, err := (&relyingparty.Result{Claims: &azattestation.AttestationResult{RuntimeClaims: runtime}}).HeldKeys()
	switch {
	case err != nil:
		return refuse("enclave-held data", err)
	case len(keys) != 1:
		return refuse(fmt.Sprintf("enclave-held data with %d keys, want one", len(keys)), nil)
	case keys[0].Use == "sig":
		return refuse("the key in the enclave-held data is for signatures", nil)
	}
	if err := algorithm.checkPublic(keys[0].Public); err != nil {
		return refuse("enclave-held data", err)
	}
	keyID := keys[0].KeyID
	if keyID == "" {
		sum, err := (&jose.JSONWebKey{Key: keys[0].Public}).Thumbprint(crypto.SHA256)
		if err != nil {
			return refuse("enclave-held data", err)
		}
		keyID = b64(sum)
	}
	return newTarget(keys[0].Public, keyID, algorithm)
}

func formOf(data []byte) HeldForm {
	switch {
	case len(data) > 0 && data[0] == '{':
		return HeldJWK
	case len(data) > 0 && data[0] == '-':
		return HeldPEM
	}
	return HeldRaw
}

// readPublic reads a key that is no JSON Web Key.
func readPublic(data []byte, form HeldForm) (crypto.PublicKey, error) {
	if form == HeldPEM {
		block, rest := pem.Decode(data)
		if block == nil || len(rest) > 0 || len(block.Headers) > 0 {
			return nil, errors.New("want one PEM block without headers, and nothing behind it")
		}
		switch block.Type {
		case "PUBLIC KEY":
			return x509.ParsePKIXPublicKey(block.Bytes)
		case "RSA PUBLIC KEY":
			return x509.ParsePKCS1PublicKey(block.Bytes)
		}
		return nil, fmt.Errorf("a PEM block %s, want PUBLIC KEY or RSA PUBLIC KEY", shown(block.Type))
	}
	for size, curve := range map[int]elliptic.Curve{65: elliptic.P256(), 97: elliptic.P384(), 133: elliptic.P521()} {
		if len(data) == size && data[0] == 4 {
			return ecdsa.ParseUncompressedPublicKey(curve, data)
		}
	}
	public, err := x509.ParsePKIXPublicKey(data)
	if err == nil {
		return public, nil
	}
	var fromPKCS1 *rsa.PublicKey
	if fromPKCS1, err = x509.ParsePKCS1PublicKey(data); err == nil {
		return fromPKCS1, nil
	}
	return nil, errors.New("neither SubjectPublicKeyInfo, nor PKCS #1, nor a point of P-256, P-384 or P-521 that is not compressed")
}
