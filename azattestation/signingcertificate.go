package azattestation

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// SigningCertificate is a key with which the service signs tokens, in the
// certificate in which it publishes it.
type SigningCertificate struct {
	// KeyID is the kid that tokens name.
	KeyID string
	// Chain has the certificate of the key first; each further one is said to have
	// issued the one before, which is not checked: who publishes the key vouches for it. A key that lives in the service's own enclave has one self-signed
	// certificate that carries the enclave's attestation report.
	Chain []*x509.Certificate
}

// ParseSigningCertificates reads a saved answer to GET /certs, a JSON Web Key Set,
// as [Client.GetSigningCertificates] reads a live one: keys that cannot sign a
// token are left out. To validate tokens by it, see [NewKeySource].
//
// It returns an *[ArgumentError], also for a set of which no key can be used.
func ParseSigningCertificates(jwks []byte) ([]*SigningCertificate, error) {
	keys, err := parseSavedJWKS(jwks)
	if err != nil {
		return nil, err
	}
	return usable(keys), nil
}

// parseSavedJWKS reads a set that the caller gave.
func parseSavedJWKS(jwks []byte) ([]*publishedKey, error) {
	if len(jwks) > maxAnswer {
		return nil, &ArgumentError{Argument: "jwks", Expected: fmt.Sprintf("at most %d bytes", maxAnswer), Found: fmt.Sprintf("%d bytes", len(jwks))}
	}
	keys, err := parseJWKS(jwks)
	if err != nil {
		return nil, &ArgumentError{Argument: "jwks", Expected: "a JSON Web Key Set", Err: err}
	}
	return keys, nil
}

// usable are the certificates of those keys that can sign a token.
func usable(keys []*publishedKey) []*SigningCertificate {
	certificates := make([]*SigningCertificate, 0, len(keys))
	for _, k := range keys {
		if k.err == nil {
			certificates = append(certificates, k.certificate)
		}
	}
	return certificates
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
	entries, err := parseArray(set.get("keys"), maxKeys)
	if err != nil {
		return nil, fmt.Errorf("member keys: %w", err)
	}
	keys := make([]*publishedKey, len(entries))
	unusable := errors.New("there are none")
	for i, entry := range entries {
		if keys[i] = parsePublishedKey(entry); i == 0 && keys[i].err != nil {
			unusable = fmt.Errorf("the first: %w", keys[i].err)
		}
	}
	// A set of which nothing can be used is no news of the keys: it must not take
	// the place of those that are known.
	if !slices.ContainsFunc(keys, func(k *publishedKey) bool { return k.err == nil }) {
		return nil, fmt.Errorf("member keys: none of %d can be used: %w", len(keys), unusable)
	}
	return keys, nil
}

// parsePublishedKey reads one key. The public key is the one in the certificate,
// for that is what an enclave's report vouches for; n, e, x and y are not looked at.
func parsePublishedKey(text []byte) *publishedKey {
	k := new(publishedKey)
	k.err = k.read(text)
	return k
}

func (k *publishedKey) read(text []byte) error {
	jwk, err := parseObject(text)
	if err != nil {
		return err
	}
	if k.keyID, err = jwk.stringOf("kid"); err != nil {
		return err
	}
	if k.keyID == "" {
		return errors.New("member kid: absent, want the name of the key")
	}
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
	entries, err := parseArray(value, maxChain)
	if err == nil && len(entries) == 0 {
		err = errors.New("empty")
	}
	if err != nil {
		return nil, fmt.Errorf("member x5c: want a list of certificates: %w", err)
	}
	chain := make([]*x509.Certificate, len(entries))
	for i, entry := range entries {
		text, ok := decodeString(entry)
		if !ok {
			return nil, fmt.Errorf("member x5c: certificate %d: %s, want a string", i, shown(string(entry)))
		}
		der, err := base64.StdEncoding.DecodeString(text)
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
