package keyrelease

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// readRequest holds what the response repeats against what was asked.
func (r *Response) readRequest(p *responsePayload, e *Expected) error {
	refuse := func(problem string) error { return &ResponseError{Part: "request", Problem: problem} }
	switch {
	case p.Request.Nonce != e.Nonce:
		return refuse("another nonce: it answers another request")
	case p.Request.Algorithm != e.Algorithm:
		return refuse(fmt.Sprintf("enc %s, want %s", shown(string(p.Request.Algorithm)), e.Algorithm))
	case !strings.EqualFold(p.Request.KeyID, KeyURL(e.Vault, e.Name, e.Version)):
		return refuse(fmt.Sprintf("kid %s, want %s", shown(p.Request.KeyID), KeyURL(e.Vault, e.Name, e.Version)))
	}
	r.Algorithm = e.Algorithm
	return nil
}

// readKey reads which key was released.
func (r *Response) readKey(p *responsePayload, e *Expected) error {
	key := &p.Response.Key
	refuse := func(problem string) error { return &ResponseError{Part: "key", Problem: problem} }
	base := KeyURL(e.Vault, "", "")
	if len(key.Key.KeyID) < len(base) || !strings.EqualFold(key.Key.KeyID[:len(base)], base) {
		return refuse(fmt.Sprintf("kid %s, want one that begins with %s", shown(key.Key.KeyID), base))
	}
	name, version, _ := strings.Cut(key.Key.KeyID[len(base):], "/")
	switch {
	case !IsKeyName(name) || !strings.EqualFold(name, e.Name) || !isKeyVersion(version) || e.Version != "" && !strings.EqualFold(version, e.Version):
		return refuse(fmt.Sprintf("kid %s, want %s and a version", shown(key.Key.KeyID), KeyURL(e.Vault, e.Name, e.Version)))
	case !slices.Contains([]string{"RSA", "EC", "oct"}, strings.TrimSuffix(key.Key.Type, "-HSM")):
		return refuse("kty " + shown(key.Key.Type) + ", want RSA, EC or oct, with -HSM or without")
	}
	r.Name, r.Version, r.KeyID, r.Type, r.Operations, r.public = name, version, key.Key.KeyID, key.Key.Type, key.Key.Operations, key.Key
	r.Attributes = key.Attributes
	return nil
}

// readPolicy reads the key's policy, and holds it against those expected.
func (r *Response) readPolicy(p *responsePayload, e *Expected) error {
	policy := p.Response.Key.Policy
	if policy == nil {
		return &ResponseError{Part: "policy", Problem: "none: the key could be released to anybody"}
	}
	text, err := decodeBase64(policy.Data)
	if err != nil {
		return &ResponseError{"policy", "data: want base64url", err}
	}
	if r.Policy, err = ParsePolicy(text); err != nil {
		return &ResponseError{"policy", "cannot be read", err}
	}
	switch found := r.Policy.text; {
	case e.AnyPolicy, slices.ContainsFunc(e.Policies, func(p *Policy) bool { return bytes.Equal(p.text, found) }):
		return nil
	case slices.ContainsFunc(e.Policies, func(p *Policy) bool { return bytes.Equal(withoutSpace(p.text), withoutSpace(found)) }):
		return &ResponseError{Part: "policy", Problem: "one of those expected with other white space: want it byte for byte as the vault has it, which is " + shown(string(found))}
	default:
		return &ResponseError{Part: "policy", Problem: "another than those expected: the key may be released to others, too. It is " + shown(string(found))}
	}
}

// withoutSpace is JSON without the white space between its parts.
func withoutSpace(text []byte) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		return text
	}
	return b.Bytes()
}

// readWrapped reads the wrapped key.
func (r *Response) readWrapped(p *responsePayload, _ *Expected) error {
	refuse := func(problem string, err error) error { return &ResponseError{"wrapped key", problem, err} }
	text := []byte(p.Response.Key.Key.Wrapped)
	var encoded string
	if json.Unmarshal(text, &encoded) == nil {
		var err error
		if text, err = decodeBase64(encoded); err != nil {
			return refuse("key_hsm: want base64url", err)
		}
	}
	if _, fault := parseJSON(text); fault != nil {
		return refuse(fmt.Sprintf("key_hsm: at byte %d: %s", fault.offset, fault.problem), nil)
	}
	var wrapped wrappedKey
	if err := json.Unmarshal(text, &wrapped); err != nil {
		return refuse("key_hsm: want what Key Vault answers", err)
	}
	if found := wrapped.Header.Encryption; found != r.Algorithm {
		return refuse(fmt.Sprintf("wrapped by %s, want %s", shown(string(found)), r.Algorithm), nil)
	}
	ciphertext, err := decodeBase64(wrapped.Ciphertext)
	if err != nil {
		return refuse("ciphertext: want base64url", err)
	}
	r.wrapped, r.Target = ciphertext, wrapped.Header.KeyID
	return nil
}

// checkMaterial holds a key against the public half that the response has of it.
func (r *Response) checkMaterial(material []byte) error {
	refuse := func(problem string, err error) error { return &ResponseError{"wrapped key", problem, err} }
	if strings.HasPrefix(r.Type, "oct") {
		return nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(material)
	if err != nil {
		// What the parser says may show what it read.
		return refuse("no PKCS #8", nil)
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return refuse(fmt.Sprintf("a key of type %T", parsed), nil)
	}
	public, err := NewPublicJWK(signer.Public())
	switch {
	case err != nil:
		return refuse("its public half", err)
	case isRSA(signer) != strings.HasPrefix(r.Type, "RSA"):
		return refuse("of another type than "+r.Type, nil)
	case public.N != trimmed(r.public.N) || public.E != trimmed(r.public.E) || public.Curve != r.public.Curve || public.X != trimmed(r.public.X) || public.Y != trimmed(r.public.Y):
		return refuse("another key than the one whose public half is beside it", nil)
	}
	return nil
}

func isRSA(key crypto.Signer) bool {
	_, ok := key.(*rsa.PrivateKey)
	return ok
}

func trimmed(text string) string { return strings.TrimRight(text, "=") }

// decodeBase64 reads base64url, with padding or without.
func decodeBase64(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("a line break")
	}
	return base64.RawURLEncoding.DecodeString(trimmed(text))
}
