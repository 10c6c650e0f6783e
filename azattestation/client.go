package azattestation

import (
	"context"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// Client attests: it sends evidence to an instance and returns the token that
// the instance issues for it. It also reads what the instance publishes about
// its tokens. It is safe for concurrent use.
type Client struct{ connection *connection }

// NewClient returns a client of the instance at endpoint, such as
// https://sharedeus.eus.attest.azure.net ("Attest URI" in the portal), that
// authenticates by a credential of azidentity. Attesting a TPM needs one; for
// enclaves and virtual machines [NewClientWithNoCredential] is enough.
//
// The endpoint is an https URL, or http to this machine. It returns an
// *[ArgumentError].
//   - endpoint - the URL of the instance
//   - credential - what authorizes requests
//   - options - pass nil for the defaults
func NewClient(endpoint string, credential azcore.TokenCredential, options *ClientOptions) (*Client, error) {
	if isNil(credential) {
		return nil, &ArgumentError{Argument: "credential", Expected: "a credential, or NewClientWithNoCredential"}
	}
	return newClient(endpoint, credential, options)
}

// NewClientWithNoCredential returns a client that sends no credential. The
// evidence itself is what authorizes the attestation of enclaves and virtual
// machines. It returns an *[ArgumentError].
//   - endpoint - the URL of the instance
//   - options - pass nil for the defaults
func NewClientWithNoCredential(endpoint string, options *ClientOptions) (*Client, error) {
	return newClient(endpoint, nil, options)
}

func newClient(endpoint string, credential azcore.TokenCredential, options *ClientOptions) (*Client, error) {
	c, err := newConnection("Client", endpoint, credential, options)
	if err != nil {
		return nil, err
	}
	return &Client{c}, nil
}

// Endpoint returns the URL of the instance, in the form in which its tokens name
// it.
func (c *Client) Endpoint() string { return c.connection.endpoint }

// KeySource returns the keys that sign the instance's tokens, for Token.Validate.
// They are fetched when they are first needed; the client's own methods use the
// same ones.
func (c *Client) KeySource() *KeySource { return c.connection.keys }

// GetSigningCertificates returns the certificates of the keys that sign the
// instance's tokens. Each call makes a request; [Client.KeySource] keeps what it
// fetched.
//
// If the operation fails it returns an *azcore.ResponseError type.
//   - options - ClientGetSigningCertificatesOptions contains the optional parameters for the Client.GetSigningCertificates
//     method.
func (c *Client) GetSigningCertificates(ctx context.Context, _ *ClientGetSigningCertificatesOptions) (ClientGetSigningCertificatesResponse, error) {
	const operation = "Client.GetSigningCertificates"
	ctx, endSpan := c.connection.startSpan(ctx, operation)
	response, err := c.getSigningCertificates(ctx)
	endSpan(err)
	return response, err
}

func (c *Client) getSigningCertificates(ctx context.Context) (ClientGetSigningCertificatesResponse, error) {
	body, keys, err := c.connection.getKeys(ctx)
	if err != nil {
		return ClientGetSigningCertificatesResponse{}, err
	}
	return ClientGetSigningCertificatesResponse{SigningCertificates: usable(keys), JWKS: body}, nil
}

// GetOpenIDMetadata returns what the instance publishes about its tokens. Nothing
// in it is relied on by this package.
//
// If the operation fails it returns an *azcore.ResponseError type.
//   - options - ClientGetOpenIDMetadataOptions contains the optional parameters for the Client.GetOpenIDMetadata method.
func (c *Client) GetOpenIDMetadata(ctx context.Context, _ *ClientGetOpenIDMetadataOptions) (ClientGetOpenIDMetadataResponse, error) {
	const operation = "Client.GetOpenIDMetadata"
	ctx, endSpan := c.connection.startSpan(ctx, operation)
	response, err := c.getOpenIDMetadata(ctx, operation)
	endSpan(err)
	return response, err
}

func (c *Client) getOpenIDMetadata(ctx context.Context, operation string) (ClientGetOpenIDMetadataResponse, error) {
	body, err := c.connection.do(ctx, call{
		operation: operation, method: http.MethodGet, path: "/.well-known/openid-configuration", isPublic: true,
	})
	if err != nil {
		return ClientGetOpenIDMetadataResponse{}, err
	}
	var response ClientGetOpenIDMetadataResponse
	if err := response.UnmarshalJSON(body); err != nil {
		return ClientGetOpenIDMetadataResponse{}, answerError(operation, err)
	}
	return response, nil
}
