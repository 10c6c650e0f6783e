package azattestation

import (
	"context"
	"crypto/sha1" //nolint:gosec // a thumbprint names a certificate here, and proves nothing
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

func (c *connection) getPolicyCertificates(ctx context.Context, operation string, options *AdministrationClientGetPolicyCertificatesOptions) (AdministrationClientGetPolicyCertificatesResponse, error) {
	const claim = "x-ms-policy-certificates"
	t, err := c.token(ctx, call{operation: operation, method: http.MethodGet, path: "/certificates"}, validator{options: options.TokenValidation})
	if err != nil {
		return AdministrationClientGetPolicyCertificatesResponse{}, err
	}
	response := AdministrationClientGetPolicyCertificatesResponse{Token: t}
	if response.Certificates, err = parseCertificateKeys(t.claims.get(claim)); err != nil {
		return AdministrationClientGetPolicyCertificatesResponse{}, &AnswerError{Operation: operation, Part: "claim " + claim, Expected: "a JSON Web Key Set of certificates", Err: err}
	}
	return response, nil
}

func parseCertificateKeys(value json.RawMessage) ([]*JSONWebKey, error) {
	set, err := parseObject(value)
	if err != nil {
		return nil, err
	}
	// A list that is missing is not an empty one, which would say that the instance
	// is not in isolated mode.
	entries, err := parseArray(set.get("keys"), maxKeys)
	if err != nil {
		return nil, &ClaimError{Claim: "keys", Expected: "a list of keys", Err: err}
	}
	keys := make([]*JSONWebKey, len(entries))
	for i, entry := range entries {
		keys[i] = new(JSONWebKey)
		if err := keys[i].UnmarshalJSON(entry); err != nil {
			return nil, err
		}
		if len(keys[i].Certificates) == 0 {
			return nil, &ClaimError{Claim: "keys", Expected: "a certificate in each", Found: fmt.Sprintf("none in number %d", i)}
		}
	}
	return keys, nil
}

// certificateChange is a request that adds or removes a policy management
// certificate.
type certificateChange struct {
	operation, path string
	certificate     *x509.Certificate
	key             *SigningKey
	outcome         CertificateModification
	isConfirmed     bool
	validation      *TokenValidationOptions
}

// certificateBody is the payload of the request's token.
type certificateBody struct {
	PolicyCertificate struct {
		KeyType string   `json:"kty"`
		X5C     []string `json:"x5c"`
	} `json:"policyCertificate"`
}

func (c *connection) changeCertificates(ctx context.Context, change certificateChange) (PolicyCertificateResult, error) {
	body, err := change.body()
	if err != nil {
		return PolicyCertificateResult{}, err
	}
	t, err := c.token(ctx, call{operation: change.operation, method: http.MethodPost, path: change.path, body: body, isChange: true}, validator{options: change.validation})
	if err != nil {
		return PolicyCertificateResult{}, err
	}
	r := PolicyCertificateResult{
		Token:      t,
		Thumbprint: claimOf[string](t, "x-ms-certificate-thumbprint"),
		Resolution: claimOf[CertificateModification](t, "x-ms-policycertificates-result"),
	}
	// The description of API version 2025-06-01 calls it so. No service was seen to.
	if r.Resolution == nil {
		r.Resolution = claimOf[CertificateModification](t, "x-ms-certificate-result")
	}
	if change.isConfirmed {
		if err := change.confirm(&r); err != nil {
			return PolicyCertificateResult{}, err
		}
	}
	return r, nil
}

// body returns what is to be sent: a JSON string that is a token. The API's
// description of 2025 has an object instead, but Microsoft's own clients of that
// version send the string.
func (change *certificateChange) body() ([]byte, error) {
	if change.certificate == nil || len(change.certificate.Raw) == 0 {
		return nil, &ArgumentError{Argument: "certificate", Expected: "a parsed certificate"}
	}
	if change.key == nil || change.key.signer == nil {
		return nil, &ArgumentError{Argument: "signingKey", Expected: "a key whose certificate is among the instance's"}
	}
	var payload certificateBody
	payload.PolicyCertificate.KeyType = keyType(change.certificate)
	if payload.PolicyCertificate.KeyType == "" {
		return nil, &ArgumentError{Argument: "certificate", Expected: "an RSA or ECDSA key", Found: change.certificate.PublicKeyAlgorithm.String()}
	}
	payload.PolicyCertificate.X5C = encodeX5C([]*x509.Certificate{change.certificate})
	compact, err := signToken(change.key, payload)
	if err != nil {
		return nil, err
	}
	return compactJSON(compact)
}

// confirm compares what the service reports with what was asked.
func (change *certificateChange) confirm(r *PolicyCertificateResult) error {
	if got := orZero(r.Resolution); got != change.outcome {
		return &UnconfirmedError{Operation: change.operation, Part: "result", Expected: string(change.outcome), Found: orNone(string(got)), Token: r.Token}
	}
	if got, want := orZero(r.Thumbprint), Thumbprint(change.certificate); got != want {
		return &UnconfirmedError{Operation: change.operation, Part: "certificate thumbprint", Expected: want, Found: orNone(got), Token: r.Token}
	}
	return nil
}

// Thumbprint returns the name by which the service calls a certificate: the
// SHA-1 of its DER form, 40 upper-case hexadecimal digits.
func Thumbprint(certificate *x509.Certificate) string {
	digest := sha1.Sum(certificate.Raw) //nolint:gosec // as above
	return strings.ToUpper(hex.EncodeToString(digest[:]))
}
