package azattestation

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// SigningCertificate is a key with which the service signs tokens, in the
// certificate in which it publishes it.
type SigningCertificate struct {
	// KeyID is the kid that tokens name.
	KeyID string
	// Chain has the certificate of the key first; each further one issued the one
	// before. A key that lives in the service's own enclave has one self-signed
	// certificate that carries the enclave's attestation report.
	Chain []*x509.Certificate
}

// publishedKey is an entry of a JWKS, as far as it is understood.
type publishedKey struct {
	keyID       string
	certificate *SigningCertificate
	algorithm   string // the only one that the key is for, "" for any
	err         error  // why the key cannot be used
}

// verify checks the signature of a token by this key.
func (k *publishedKey) verify(a *algorithm, t *Token) error {
	if k.err != nil {
		return &TokenValidationError{Check: TokenCheckSigningKey, Part: "kid " + shown(k.keyID), Expected: "a key that can be used", Err: k.err}
	}
	if k.algorithm != "" && k.algorithm != a.name {
		return &TokenValidationError{Check: TokenCheckAlgorithm, Expected: "the key's own, " + shown(k.algorithm), Found: a.name}
	}
	key := k.certificate.Chain[0].PublicKey
	if err := a.fits(key); err != nil {
		return &TokenValidationError{Check: TokenCheckAlgorithm, Expected: "one that fits the published key", Found: a.name, Err: err}
	}
	if err := a.verify(key, t.compact[:t.signed], t.signature); err != nil {
		return &TokenValidationError{Check: TokenCheckSignature, Part: "key " + shown(k.keyID), Err: err}
	}
	return nil
}

// parseJWKS reads the answer to GET /certs (RFC 7517, section 5). An entry that
// cannot be used does not spoil the others: its error is kept for whoever needs
// that key.
func parseJWKS(text []byte) ([]*publishedKey, error) {
	set, err := parseObject(text)
	if err != nil {
		return nil, err
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(orNull(set.get("keys")), &entries); err != nil || entries == nil {
		return nil, errors.New("member keys: want a list of keys")
	}
	if len(entries) > maxKeys {
		return nil, fmt.Errorf("member keys: %d keys, want at most %d", len(entries), maxKeys)
	}
	keys := make([]*publishedKey, len(entries))
	for i, entry := range entries {
		if keys[i], err = parsePublishedKey(entry); err != nil {
			return nil, fmt.Errorf("key %d: %w", i, err)
		}
	}
	return keys, nil
}

func orNull(value json.RawMessage) json.RawMessage {
	if value == nil {
		return json.RawMessage("null")
	}
	return value
}

// parsePublishedKey reads one key. The public key is the one in the certificate,
// for that is what an enclave's report vouches for; n, e, x and y are not looked at.
func parsePublishedKey(text []byte) (*publishedKey, error) {
	jwk, err := parseObject(text)
	if err != nil {
		return nil, err
	}
	k := new(publishedKey)
	if k.keyID, err = jwk.stringOf("kid"); err != nil {
		return nil, err
	}
	k.err = k.read(jwk)
	return k, nil
}

func (k *publishedKey) read(jwk object) error {
	use, err := jwk.stringOf("use")
	if err != nil {
		return err
	}
	if use != "" && use != "sig" {
		return fmt.Errorf("member use: %s, want sig", shown(use))
	}
	if k.algorithm, err = jwk.stringOf("alg"); err != nil {
		return err
	}
	chain, err := parseX5C(jwk.get("x5c"))
	if err != nil {
		return err
	}
	kty, err := jwk.stringOf("kty")
	if err != nil {
		return err
	}
	if want := keyType(chain[0]); kty != want {
		return fmt.Errorf("member kty: %q, want %q, the type of the certificate's key", shown(kty), want)
	}
	k.certificate = &SigningCertificate{KeyID: k.keyID, Chain: chain}
	return nil
}

// parseX5C reads certificates in base64 of their DER form, the key's own first
// (RFC 7517, section 4.7). Signatures between them are not checked: what makes
// them trusted is who published them.
func parseX5C(value json.RawMessage) ([]*x509.Certificate, error) {
	var entries []string
	if err := json.Unmarshal(orNull(value), &entries); err != nil || len(entries) == 0 {
		return nil, errors.New("member x5c: want a list of certificates")
	}
	if len(entries) > maxChain {
		return nil, fmt.Errorf("member x5c: %d certificates, want at most %d", len(entries), maxChain)
	}
	chain := make([]*x509.Certificate, len(entries))
	for i, entry := range entries {
		der, err := base64.StdEncoding.DecodeString(entry)
		if err != nil {
			return nil, fmt.Errorf("member x5c: certificate %d: %w", i, err)
		}
		if chain[i], err = x509.ParseCertificate(der); err != nil {
			return nil, fmt.Errorf("member x5c: certificate %d: %w", i, err)
		}
	}
	return chain, nil
}

// encodeX5C is the reverse of parseX5C.
func encodeX5C(chain []*x509.Certificate) []string {
	entries := make([]string, len(chain))
	for i, cert := range chain {
		entries[i] = base64.StdEncoding.EncodeToString(cert.Raw)
	}
	return entries
}

// keyType is the JWK's name for the type of a certificate's key (RFC 7518,
// section 6.1), "" for one that signs no tokens.
func keyType(cert *x509.Certificate) string {
	switch cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return "RSA"
	case *ecdsa.PublicKey:
		return "EC"
	}
	return ""
}
