package fake

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"time"

	"github.com/azattest/azattest/azattestation"
)

// Issuer is the signing key of an instance that does not exist. It is safe for
// concurrent use.
type Issuer struct {
	url         string
	signer      crypto.Signer
	algorithm   string
	certificate *x509.Certificate
	keyID       string
	now         func() time.Time
	lifetime    time.Duration
}

// IssuerOptions contains the optional parameters for NewIssuer.
type IssuerOptions struct {
	// Signer is the key: RSA, or ECDSA on P-256. The default is a new RSA key of
	// 2048 bits, whose making takes a moment; tests may share one.
	Signer crypto.Signer
	// Now is the clock by which tokens are dated. The default is time.Now.
	Now func() time.Time
	// Lifetime is how long tokens hold. The default is 8 hours, as in Azure.
	Lifetime time.Duration
}

const (
	rsaBits         = 2048
	defaultLifetime = 8 * time.Hour
)

// NewIssuer returns the issuer of an instance with this URL, which must be the
// endpoint of the clients: tokens name it. It returns an error if the key cannot
// sign tokens.
func NewIssuer(url string, options *IssuerOptions) (*Issuer, error) {
	if options == nil {
		options = &IssuerOptions{}
	}
	i := &Issuer{url: strings.TrimRight(url, "/"), signer: options.Signer, now: options.Now, lifetime: options.Lifetime}
	if i.now == nil {
		i.now = time.Now
	}
	if i.lifetime == 0 {
		i.lifetime = defaultLifetime
	}
	if i.signer == nil {
		key, err := rsa.GenerateKey(rand.Reader, rsaBits)
		if err != nil {
			return nil, fmt.Errorf("fake: %w", err)
		}
		i.signer = key
	}
	switch key := i.signer.Public().(type) {
	case *rsa.PublicKey:
		i.algorithm = "RS256"
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return nil, fmt.Errorf("fake: ECDSA key on %s, want P-256", key.Curve.Params().Name)
		}
		i.algorithm = "ES256"
	default:
		return nil, fmt.Errorf("fake: key of type %T, want RSA or ECDSA", key)
	}
	return i, i.certify()
}

// certify makes the self-signed certificate in which the key is published, and
// the key's ID as Azure computes it: the hash of the public key in PEM with the
// NUL that ends a string in C.
func (i *Issuer) certify() error {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: i.url},
		NotBefore: time.Date(2019, 5, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2050, 12, 31, 23, 59, 59, 0, time.UTC),
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, i.signer.Public(), i.signer)
	if err != nil {
		return fmt.Errorf("fake: %w", err)
	}
	if i.certificate, err = x509.ParseCertificate(der); err != nil {
		return fmt.Errorf("fake: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: i.certificate.RawSubjectPublicKeyInfo})
	digest := sha256.Sum256(append(text, 0))
	i.keyID = base64.StdEncoding.EncodeToString(digest[:])
	return nil
}

// URL returns the URL of the instance, which its tokens have as iss.
func (i *Issuer) URL() string { return i.url }

// KeyID returns the kid of the key.
func (i *Issuer) KeyID() string { return i.keyID }

// Certificate returns the certificate in which the key is published.
func (i *Issuer) Certificate() *x509.Certificate { return i.certificate }

// JWKS returns what the instance answers to GET /certs.
func (i *Issuer) JWKS() []byte {
	kty := "RSA"
	if i.algorithm == "ES256" {
		kty = "EC"
	}
	return mustJSON(map[string]any{"keys": []any{map[string]any{
		"kid": i.keyID, "kty": kty, "x5c": []string{base64.StdEncoding.EncodeToString(i.certificate.Raw)},
	}}})
}

// KeySource returns what a relying party that trusts this issuer validates tokens
// by.
func (i *Issuer) KeySource() (*azattestation.KeySource, error) {
	return azattestation.NewKeySource(i.url, i.JWKS())
}

// Token signs claims: a map, an *azattestation.AttestationResult, or whatever
// else encodes as a JSON object. The claims iss, iat, nbf, exp and jti are added
// where they are missing. It returns an error for claims that are no object.
func (i *Issuer) Token(claims any) (string, error) {
	signed, err := i.unsigned(i.algorithm, claims)
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256([]byte(signed))
	signature, err := i.signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("fake: %w", err)
	}
	if i.algorithm == "ES256" {
		var both struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(signature, &both); err != nil {
			return "", fmt.Errorf("fake: %w", err)
		}
		const size = 32
		signature = make([]byte, 2*size)
		both.R.FillBytes(signature[:size])
		both.S.FillBytes(signature[size:])
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// UnsignedToken is [Issuer.Token] with alg none: what a service answers to a draft
// policy.
func (i *Issuer) UnsignedToken(claims any) (string, error) {
	signed, err := i.unsigned("none", claims)
	if err != nil {
		return "", err
	}
	return signed + ".", nil
}

// unsigned returns header and claims, each base64url, members sorted as in Azure.
func (i *Issuer) unsigned(algorithm string, claims any) (string, error) {
	payload, err := i.complete(claims)
	if err != nil {
		return "", err
	}
	header := mustJSON(map[string]string{"alg": algorithm, "jku": i.url + "/certs", "kid": i.keyID, "typ": "JWT"})
	encode := base64.RawURLEncoding.EncodeToString
	return encode(header) + "." + encode(payload), nil
}

func (i *Issuer) complete(claims any) ([]byte, error) {
	raw, err := json.Marshal(claims)
	if err != nil {
		return nil, fmt.Errorf("fake: claims: %w", err)
	}
	given := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &given); err != nil || given == nil {
		return nil, fmt.Errorf("fake: claims: want a JSON object, not %.40s", raw)
	}
	now, id := i.now(), make([]byte, 32)
	if _, err := rand.Read(id); err != nil {
		return nil, fmt.Errorf("fake: %w", err)
	}
	all := map[string]json.RawMessage{
		"iss": mustJSON(i.url), "iat": mustJSON(now.Unix()), "nbf": mustJSON(now.Unix()),
		"exp": mustJSON(now.Add(i.lifetime).Unix()), "jti": mustJSON(hex.EncodeToString(id)),
	}
	maps.Copy(all, given)
	return mustJSON(all), nil
}

// mustJSON writes what cannot fail to be written. HTML is not escaped, for base64
// has "+".
func mustJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
