package azattestation

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// AdministrationClient reads and changes what an instance judges by: its
// policies, and the certificates of those who may change them. It is safe for
// concurrent use.
type AdministrationClient struct{ connection *connection }

// NewAdministrationClient returns a client of the instance at endpoint that
// authenticates by a credential of azidentity: the role Attestation Reader to
// read, Attestation Contributor to change.
//
// The endpoint is an https URL, or http to this machine. It returns an
// *[ArgumentError].
//   - endpoint - the URL of the instance
//   - credential - what authorizes requests
//   - options - pass nil for the defaults
func NewAdministrationClient(endpoint string, credential azcore.TokenCredential, options *ClientOptions) (*AdministrationClient, error) {
	if isNil(credential) {
		return nil, &ArgumentError{Argument: "credential", Expected: "a credential, or NewAdministrationClientWithNoCredential"}
	}
	return newAdministrationClient(endpoint, credential, options)
}

// NewAdministrationClientWithNoCredential returns a client that sends no
// credential: for a service that authorizes by other means, such as the client
// certificate of the transport. It returns an *[ArgumentError].
//   - endpoint - the URL of the instance
//   - options - pass nil for the defaults
func NewAdministrationClientWithNoCredential(endpoint string, options *ClientOptions) (*AdministrationClient, error) {
	return newAdministrationClient(endpoint, nil, options)
}

func newAdministrationClient(endpoint string, credential azcore.TokenCredential, options *ClientOptions) (*AdministrationClient, error) {
	c, err := newConnection("AdministrationClient", endpoint, credential, options)
	if err != nil {
		return nil, err
	}
	return &AdministrationClient{c}, nil
}

// Endpoint returns the URL of the instance, in the form in which its tokens name
// it.
func (c *AdministrationClient) Endpoint() string { return c.connection.endpoint }

// KeySource returns the keys that sign the instance's tokens; see
// [Client.KeySource].
func (c *AdministrationClient) KeySource() *KeySource { return c.connection.keys }

// GetPolicy returns the policy of an attestation type.
//
// If the operation fails it returns an *azcore.ResponseError type; a token that
// does not hold is a *[TokenValidationError].
//   - attestationType - the type whose policy it is
//   - options - AdministrationClientGetPolicyOptions contains the optional parameters for the AdministrationClient.GetPolicy
//     method.
func (c *AdministrationClient) GetPolicy(ctx context.Context, attestationType AttestationType, options *AdministrationClientGetPolicyOptions) (AdministrationClientGetPolicyResponse, error) {
	if options == nil {
		options = &AdministrationClientGetPolicyOptions{}
	}
	const operation = "AdministrationClient.GetPolicy"
	ctx, endSpan := c.connection.startSpan(ctx, operation)
	response, err := c.connection.getPolicy(ctx, operation, attestationType, options)
	endSpan(err)
	return response, err
}

func (c *connection) getPolicy(ctx context.Context, operation string, kind AttestationType, options *AdministrationClientGetPolicyOptions) (AdministrationClientGetPolicyResponse, error) {
	path, err := policyPath(kind, "")
	if err != nil {
		return AdministrationClientGetPolicyResponse{}, err
	}
	t, err := c.token(ctx, call{operation: operation, method: http.MethodGet, path: path}, validator{options: options.TokenValidation})
	if err != nil {
		return AdministrationClientGetPolicyResponse{}, err
	}
	stored, ok := decodeString(t.claims.get("x-ms-policy"))
	if !ok {
		return AdministrationClientGetPolicyResponse{}, &AnswerError{Operation: operation, Part: "claim x-ms-policy", Expected: "the stored policy", Found: orAbsent(t.claims.get("x-ms-policy"))}
	}
	p, err := ParsePolicyToken(stored)
	if err != nil {
		return AdministrationClientGetPolicyResponse{}, &AnswerError{Operation: operation, Part: "claim x-ms-policy", Expected: "the token of a policy", Err: err}
	}
	return AdministrationClientGetPolicyResponse{Policy: p.policy, PolicyToken: p, Token: t}, nil
}

// SetPolicy sets the policy of an attestation type. Unless the options say
// otherwise, it makes sure that the service received the very bytes that were
// sent, by the hash of the policy token: it covers signer and signature, too. A
// signer that the service reports must be the one that signed.
//
// If the operation fails it returns an *azcore.ResponseError type; an answer that
// does not hold or does not confirm the change is an *[UnconfirmedError]. Where the
// keys to check the answer by are out of reach, nothing is sent: *[KeySourceError].
//   - attestationType - the type whose policy it is
//   - policy - the text of the policy
//   - options - AdministrationClientSetPolicyOptions contains the optional parameters for the AdministrationClient.SetPolicy
//     method.
func (c *AdministrationClient) SetPolicy(ctx context.Context, attestationType AttestationType, policy string, options *AdministrationClientSetPolicyOptions) (AdministrationClientSetPolicyResponse, error) {
	if options == nil {
		options = &AdministrationClientSetPolicyOptions{}
	}
	const operation = "AdministrationClient.SetPolicy"
	ctx, endSpan := c.connection.startSpan(ctx, operation)
	result, err := c.connection.changePolicy(ctx, policyChange{
		operation: operation, method: http.MethodPut, kind: attestationType, policy: policy, key: options.SigningKey, prepared: options.PolicyToken,
		outcome: PolicyModificationUpdated, isConfirmed: !options.SkipConfirmation, validation: options.TokenValidation,
	})
	endSpan(err)
	return AdministrationClientSetPolicyResponse{result}, err
}

// ResetPolicy sets the policy of an attestation type to the service's default.
//
// If the operation fails it returns an *azcore.ResponseError type; an answer that
// does not hold or does not confirm the change is an *[UnconfirmedError]. Where the
// keys to check the answer by are out of reach, nothing is sent: *[KeySourceError].
//   - attestationType - the type whose policy it is
//   - options - AdministrationClientResetPolicyOptions contains the optional parameters for the AdministrationClient.ResetPolicy
//     method.
func (c *AdministrationClient) ResetPolicy(ctx context.Context, attestationType AttestationType, options *AdministrationClientResetPolicyOptions) (AdministrationClientResetPolicyResponse, error) {
	if options == nil {
		options = &AdministrationClientResetPolicyOptions{}
	}
	const operation = "AdministrationClient.ResetPolicy"
	ctx, endSpan := c.connection.startSpan(ctx, operation)
	result, err := c.connection.changePolicy(ctx, policyChange{
		operation: operation, method: http.MethodPost, suffix: ":reset", kind: attestationType, key: options.SigningKey, prepared: options.PolicyToken,
		outcome: PolicyModificationRemoved, isConfirmed: !options.SkipConfirmation, validation: options.TokenValidation,
	})
	endSpan(err)
	return AdministrationClientResetPolicyResponse{result}, err
}

// policyPath returns the path of a policy. The type is the caller's, and
// AttestationType is open: new ones work without a new version of this package.
func policyPath(kind AttestationType, suffix string) (string, error) {
	if kind == "" || kind == "." || kind == ".." {
		return "", &ArgumentError{Argument: "attestationType", Expected: "a type, such as " + string(AttestationTypeSgxEnclave)}
	}
	return "/policies/" + url.PathEscape(string(kind)) + suffix, nil
}

// GetPolicyCertificates returns the policy management certificates of an instance
// in isolated mode, none of any other.
//
// If the operation fails it returns an *azcore.ResponseError type; a token that
// does not hold is a *[TokenValidationError].
//   - options - AdministrationClientGetPolicyCertificatesOptions contains the optional parameters for the
//     AdministrationClient.GetPolicyCertificates method.
func (c *AdministrationClient) GetPolicyCertificates(ctx context.Context, options *AdministrationClientGetPolicyCertificatesOptions) (AdministrationClientGetPolicyCertificatesResponse, error) {
	if options == nil {
		options = &AdministrationClientGetPolicyCertificatesOptions{}
	}
	const operation = "AdministrationClient.GetPolicyCertificates"
	ctx, endSpan := c.connection.startSpan(ctx, operation)
	response, err := c.connection.getPolicyCertificates(ctx, operation, options)
	endSpan(err)
	return response, err
}

// AddPolicyCertificate adds a policy management certificate to those of an
// instance in isolated mode. Adding one twice is no error.
//
// If the operation fails it returns an *azcore.ResponseError type; an answer that
// does not hold or does not confirm the change is an *[UnconfirmedError]. Where the
// keys to check the answer by are out of reach, nothing is sent: *[KeySourceError].
//   - certificate - the certificate to add
//   - signingKey - signs the request; its certificate is among the instance's
//   - options - AdministrationClientAddPolicyCertificateOptions contains the optional parameters for the
//     AdministrationClient.AddPolicyCertificate method.
func (c *AdministrationClient) AddPolicyCertificate(ctx context.Context, certificate *x509.Certificate, signingKey *SigningKey, options *AdministrationClientAddPolicyCertificateOptions) (AdministrationClientAddPolicyCertificateResponse, error) {
	if options == nil {
		options = &AdministrationClientAddPolicyCertificateOptions{}
	}
	const operation = "AdministrationClient.AddPolicyCertificate"
	ctx, endSpan := c.connection.startSpan(ctx, operation)
	result, err := c.connection.changeCertificates(ctx, certificateChange{
		operation: operation, path: "/certificates:add", certificate: certificate, key: signingKey,
		outcome: CertificateModificationIsPresent, isConfirmed: !options.SkipConfirmation, validation: options.TokenValidation,
	})
	endSpan(err)
	return AdministrationClientAddPolicyCertificateResponse{result}, err
}

// RemovePolicyCertificate removes a policy management certificate from those of
// an instance in isolated mode. Removing one that is not there is no error; the
// last one cannot be removed.
//
// If the operation fails it returns an *azcore.ResponseError type; an answer that
// does not hold or does not confirm the change is an *[UnconfirmedError]. Where the
// keys to check the answer by are out of reach, nothing is sent: *[KeySourceError].
//   - certificate - the certificate to remove
//   - signingKey - signs the request; its certificate is among the instance's
//   - options - AdministrationClientRemovePolicyCertificateOptions contains the optional parameters for the
//     AdministrationClient.RemovePolicyCertificate method.
func (c *AdministrationClient) RemovePolicyCertificate(ctx context.Context, certificate *x509.Certificate, signingKey *SigningKey, options *AdministrationClientRemovePolicyCertificateOptions) (AdministrationClientRemovePolicyCertificateResponse, error) {
	if options == nil {
		options = &AdministrationClientRemovePolicyCertificateOptions{}
	}
	const operation = "AdministrationClient.RemovePolicyCertificate"
	ctx, endSpan := c.connection.startSpan(ctx, operation)
	result, err := c.connection.changeCertificates(ctx, certificateChange{
		operation: operation, path: "/certificates:remove", certificate: certificate, key: signingKey,
		outcome: CertificateModificationIsAbsent, isConfirmed: !options.SkipConfirmation, validation: options.TokenValidation,
	})
	endSpan(err)
	return AdministrationClientRemovePolicyCertificateResponse{result}, err
}
