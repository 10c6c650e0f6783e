package keyrelease

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Expected is what a response must say. Name, Vault and Now are required, and
// Policies or AnyPolicy.
type Expected struct {
	// Vault is the URL of the vault that was asked. The certificate that signed must
	// be valid for its host.
	Vault string
	// Roots are those to which the certificate's chain must lead; nil means the
	// system's.
	Roots *x509.CertPool
	// Name and Version are of the key that was asked for; an empty version takes any.
	Name, Version string
	// Nonce and Algorithm are those of the request. An empty Algorithm stands for
	// [CKMRSAAESKeyWrap].
	Nonce     string
	Algorithm WrapAlgorithm
	// Policies are the release policies that the key may have, compared byte for byte.
	// Who gets a key should know to whom else it is released.
	Policies []*Policy
	// AnyPolicy accepts every policy. WHOEVER RUNS THE VAULT MAY THEN HAVE CHOSEN A KEY
	// THAT OTHERS GET AS WELL.
	AnyPolicy bool
	// Now is the time as of which the certificate must be valid.
	Now time.Time
}

// ResponseError says why a response is not what was asked for.
type ResponseError struct {
	// Part is what was looked at: "expected", "signature", "certificate", "payload",
	// "request", "key", "policy" or "wrapped key"; of a [Client] also "answer", which
	// has none in it.
	Part string
	// Problem says what was found, and what is wanted.
	Problem string
	// Err is the cause, if there is one.
	Err error
}

// Error says which part, and what is wrong with it.
func (e *ResponseError) Error() string {
	text := "keyrelease: response: " + e.Part + ": " + e.Problem
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *ResponseError) Unwrap() error { return e.Err }

// Response is a verified response.
type Response struct {
	// Name and Version are the key's, KeyID the URL that says both.
	Name, Version, KeyID string
	// Type, Operations and Attributes are as in [Key].
	Type       string
	Operations []string
	Attributes Attributes
	// Policy is the policy under which the key was released.
	Policy *Policy
	// Certificate is the one that signed.
	Certificate *x509.Certificate
	// Target is the kid of the key to which the released one is wrapped.
	Target string
	// Algorithm says how.
	Algorithm WrapAlgorithm

	wrapped []byte
	public  responseJWK
}

// VerifyResponse verifies a response to a request for a key: that a certificate of the
// vault signed it, that it answers this request, about this key, and that the key's
// policy is one of those expected. The error is a *[ResponseError].
//
// The certificate is the one in the response (x5c), whose chain must lead to the roots
// and which must be valid for the vault's host. The response's alg chooses among those
// that its key can have; "none" is none of them.
func VerifyResponse(compact string, e Expected) (*Response, error) {
	host, err := e.check()
	if err != nil {
		return nil, err
	}
	payload, certificate, err := verifySignature(compact, host, &e)
	if err != nil {
		return nil, err
	}
	if _, fault := parseJSON(payload); fault != nil {
		return nil, &ResponseError{Part: "payload", Problem: fmt.Sprintf("at byte %d: %s", fault.offset, fault.problem)}
	}
	var p responsePayload
	if err := json.Unmarshal(payload, &p); err != nil {
		return nil, &ResponseError{"payload", "want what Key Vault answers", err}
	}
	r := &Response{Certificate: certificate}
	for _, read := range []func(*responsePayload, *Expected) error{r.readRequest, r.readKey, r.readPolicy, r.readWrapped} {
		if err := read(&p, &e); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// check refuses what does not say enough, and sets what was left out.
func (e *Expected) check() (host string, err error) {
	refuse := func(problem string) (string, error) {
		return "", &ResponseError{Part: "expected", Problem: problem}
	}
	host, err = vaultHost(e.Vault)
	switch {
	case err != nil:
		return refuse("Vault: " + err.Error())
	case !IsKeyName(e.Name) || e.Version != "" && !isKeyVersion(e.Version):
		return refuse("Name and Version: want those of a key")
	case e.Now.IsZero():
		return refuse("Now is missing, want the time")
	case len(e.Policies) == 0 && !e.AnyPolicy:
		return refuse("want Policies, or AnyPolicy")
	}
	if e.Algorithm == "" {
		e.Algorithm = CKMRSAAESKeyWrap
	}
	if !e.Algorithm.isKnown() {
		return refuse(e.Algorithm.unknown().Error())
	}
	return host, nil
}

// verifySignature returns what a response signs, and the certificate of its key.
func verifySignature(compact, host string, e *Expected) ([]byte, *x509.Certificate, error) {
	if len(compact) > maxResponseBytes {
		return nil, nil, &ResponseError{Part: "signature", Problem: fmt.Sprintf("%d bytes, want at most %d", len(compact), maxResponseBytes)}
	}
	signed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.ES384})
	if err != nil {
		return nil, nil, &ResponseError{"signature", "want a JWS in compact serialization, by RS256, PS256, ES256 or ES384", err}
	}
	chains, err := signed.Signatures[0].Protected.Certificates(x509.VerifyOptions{
		// As for a TLS server: what a CA issues for mail or clients speaks for no vault.
		DNSName: host, Roots: e.Roots, CurrentTime: e.Now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return nil, nil, &ResponseError{"certificate", "not one of the vault " + e.Vault, err}
	}
	leaf := chains[0][0]
	if err := checkUsage(leaf); err != nil {
		return nil, nil, &ResponseError{"certificate", "cannot sign responses", err}
	}
	wanted, err := signatureAlgorithm(leaf.PublicKey)
	if err != nil {
		return nil, nil, &ResponseError{"certificate", "its key cannot sign responses", err}
	}
	found := jose.SignatureAlgorithm(signed.Signatures[0].Protected.Algorithm)
	if found != wanted && (wanted != jose.RS256 || found != jose.PS256) {
		return nil, nil, &ResponseError{Part: "signature", Problem: fmt.Sprintf("alg %s, want %s, which the certificate's key makes", found, wanted)}
	}
	payload, err := signed.Verify(leaf.PublicKey)
	if err != nil {
		return nil, nil, &ResponseError{"signature", "does not hold", err}
	}
	return payload, leaf, nil
}

// Unwrap returns the released key: PKCS #8 in DER, or the bytes of a symmetric key.
// The private key is as for [WrapAlgorithm.Unwrap]. Clear what is returned when it is
// not needed any more. The error is a *[ResponseError], or a *[WrapError].
func (r *Response) Unwrap(private crypto.PrivateKey) ([]byte, error) {
	material, err := r.Algorithm.Unwrap(private, r.wrapped)
	if err != nil {
		return nil, err
	}
	if err := r.checkMaterial(material); err != nil {
		clear(material)
		return nil, err
	}
	return material, nil
}
