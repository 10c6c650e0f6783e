package azattestation

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
)

// PolicyToken is a policy in the form in which it is sent and stored: a JSON
// Web Signature, signed or not. Its bytes matter: the service reports the
// SHA-256 of what it received, so the token that was hashed must be the one
// that was sent.
type PolicyToken struct {
	token  *Token
	policy string
	chain  []*x509.Certificate
}

// NewPolicyToken makes the token of a policy. A nil key makes an unsigned one,
// which instances in AAD mode accept.
//
// It returns the error of the key's crypto.Signer.
func NewPolicyToken(policy string, key *SigningKey) (*PolicyToken, error) {
	return newPolicyToken(key, map[string]string{policyClaim: encoding.EncodeToString([]byte(policy))})
}

// NewResetToken makes the token that resets a policy, which has no claims. A nil
// key makes an unsigned one, which instances in AAD mode accept.
//
// It returns the error of the key's crypto.Signer.
func NewResetToken(key *SigningKey) (*PolicyToken, error) { return newPolicyToken(key, nil) }

func newPolicyToken(key *SigningKey, claims any) (*PolicyToken, error) {
	if key != nil && key.signer == nil {
		return nil, &ArgumentError{Argument: "SigningKey", Expected: "one of NewSigningKey or ParseSigningKey"}
	}
	compact, err := signToken(key, claims)
	if err != nil {
		return nil, err
	}
	return ParsePolicyToken(compact)
}

// policyClaim holds the policy: base64url of its text.
const policyClaim = "AttestationPolicy"

// ParsePolicyToken reads the token of a policy, such as one that was signed
// elsewhere. Its signature is not checked.
//
// It returns a *[TokenValidationError] of check [TokenCheckFormat].
func ParsePolicyToken(compact string) (*PolicyToken, error) {
	t, err := ParseToken(compact)
	if err != nil {
		return nil, err
	}
	p := &PolicyToken{token: t}
	if p.chain, err = t.signers(); err != nil {
		return nil, err
	}
	value := t.claims.get(policyClaim)
	if value == nil {
		if t.claims != nil {
			return nil, malformed("claims", "a claim "+policyClaim, "none", nil)
		}
		return p, nil
	}
	text, ok := decodeString(value)
	if !ok {
		return nil, malformed("claim "+policyClaim, "a string", string(value), nil)
	}
	policy, err := decodeBase64URL(text)
	if err != nil {
		return nil, malformed("claim "+policyClaim, "base64url of the policy", "", err)
	}
	p.policy = string(policy)
	return p, nil
}

// signers returns the certificates of the key that the header names, whether
// directly or, as Microsoft's client for Python writes it, within a jwk.
func (t *Token) signers() ([]*x509.Certificate, error) {
	header, err := parseObject(t.header)
	if err != nil {
		return nil, malformed("header", "a JSON object", "", err)
	}
	x5c := header.get("x5c")
	if jwk := header.get("jwk"); x5c == nil && jwk != nil {
		inner, err := parseObject(jwk)
		if err != nil {
			return nil, malformed("header: jwk", "a JSON object", "", err)
		}
		x5c = inner.get("x5c")
	}
	if x5c == nil {
		return nil, nil
	}
	chain, err := parseX5C(x5c)
	if err != nil {
		return nil, malformed("header", "", "", err)
	}
	return chain, nil
}

// Policy returns the text of the policy, "" if there is none.
func (p *PolicyToken) Policy() string { return p.policy }

// String returns the token in its compact form.
func (p *PolicyToken) String() string {
	if p == nil || p.token == nil {
		return ""
	}
	return p.token.String()
}

// SHA256 returns the hash of the compact form, both dots included: what the
// service reports as PolicyTokenHash of the very same token.
func (p *PolicyToken) SHA256() [sha256.Size]byte { return sha256.Sum256([]byte(p.String())) }

// Signer returns the certificate of the key that signed the token and those above
// it, as the token says and nobody has checked; nothing of an unsigned token. See
// [PolicyToken.VerifySignature].
func (p *PolicyToken) Signer() []*x509.Certificate { return p.chain }

// VerifySignature checks the signature of a signed token by the key of its
// Signer. It says that whoever holds that key signed these bytes; whether the
// signer is one to trust is for the caller to decide.
//
// It returns a *[TokenValidationError], of an unsigned token too.
func (p *PolicyToken) VerifySignature() error {
	_, err := p.token.VerifySigner()
	return err
}

// VerifySigner checks the signature of a token that was sent to the service, a
// change of policy or certificates, by the key of the certificates in its own
// header, and returns them. It says that whoever holds that key signed these
// bytes: whether the signer is one to trust is for the caller to decide. It is
// not for tokens that a service issues; those are for [Token.Validate].
//
// It returns a *[TokenValidationError], of an unsigned token too.
func (t *Token) VerifySigner() ([]*x509.Certificate, error) {
	if t == nil || t.compact == nil {
		return nil, &ArgumentError{Argument: "token", Expected: "one of ParseToken"}
	}
	if t.algorithm == unsigned {
		return nil, &TokenValidationError{Check: TokenCheckAlgorithm, Expected: algorithmNames, Found: t.algorithm}
	}
	chain, err := t.signers()
	if err != nil {
		return nil, err
	}
	if len(chain) == 0 {
		return nil, &TokenValidationError{Check: TokenCheckSigningKey, Part: "header", Expected: "certificates in x5c", Found: "none"}
	}
	for i, issuer := range chain[1:] {
		if err := chain[i].CheckSignatureFrom(issuer); err != nil {
			return nil, &TokenValidationError{Check: TokenCheckSigningKey, Part: "header: x5c", Expected: "each the issuer of the certificate before it", Found: issuer.Subject.String(), Err: err}
		}
	}
	a, ok := signerAlgorithm(t.algorithm, chain[0].PublicKey)
	if !ok {
		return nil, &TokenValidationError{Check: TokenCheckAlgorithm, Expected: algorithmNames, Found: t.algorithm}
	}
	k := publishedKey{keyID: chain[0].Subject.String(), certificate: &SigningCertificate{Chain: chain}}
	return chain, k.verify(a, t)
}

// signerAlgorithm finds the algorithm of a token that a client signed. Microsoft's
// clients for .NET and Python spell two of them in their own way, and the service
// takes those.
func signerAlgorithm(name string, key crypto.PublicKey) (*algorithm, bool) {
	if name == "RSA256" || name == "ECDH256" {
		a, ok := algorithmFor(key)
		return a, ok && (a.curve == nil) == (name == "RSA256")
	}
	return algorithmOf(name)
}

// PolicyHash returns the hash of a policy's text as attestation tokens have it in
// x-ms-policy-hash ([AttestationResult].PolicyHash): the SHA-256 of the text's
// base64url. A relying party that knows the policy can so tell that it was in
// force.
func PolicyHash(policy string) [sha256.Size]byte {
	return sha256.Sum256([]byte(encoding.EncodeToString([]byte(policy))))
}

// signToken writes a JSON Web Signature. Without a key it is unsigned; nil
// claims are no claims at all, not null.
func signToken(key *SigningKey, claims any) (string, error) {
	var payload []byte
	if claims != nil {
		var err error
		if payload, err = compactJSON(claims); err != nil {
			return "", err
		}
	}
	header := struct {
		Algorithm string   `json:"alg"`
		X5C       []string `json:"x5c,omitempty"`
	}{Algorithm: unsigned}
	if key != nil {
		header.Algorithm, header.X5C = key.algorithm.name, encodeX5C(key.chain)
	}
	head, err := compactJSON(header)
	if err != nil {
		return "", err
	}
	signed := encoding.EncodeToString(head) + "." + encoding.EncodeToString(payload)
	if key == nil {
		return signed + ".", nil
	}
	signature, err := key.sign([]byte(signed))
	if err != nil {
		return "", err
	}
	return signed + "." + encoding.EncodeToString(signature), nil
}

// compactJSON writes JSON without escaping for HTML: base64 has "+" and "/".
func compactJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("azattestation: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
