package fake

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"sync"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/fake/server"

	"github.com/azattest/azattest/azattestation"
)

// Server is an instance that answers as its functions say. A function that is nil
// answers with an error, but for the two that publish keys and metadata, which
// then answer for the Issuer.
//
// What a service fills in is filled in where a response leaves it out: the dates
// and the issuer of every token, nonce and runtime data of the request, hash and
// signer of a policy, the outcome of a change. So an empty response is the answer of
// a service that does what it is asked.
type Server struct {
	// Issuer signs the tokens. The default is a new one, with the URL of the first
	// request.
	Issuer *Issuer

	// AttestSGXEnclave is the fake for method Client.AttestSGXEnclave.
	// HTTP status codes to indicate success: http.StatusOK
	AttestSGXEnclave func(ctx context.Context, quote []byte, options *azattestation.ClientAttestSGXEnclaveOptions) (resp azfake.Responder[azattestation.ClientAttestSGXEnclaveResponse], errResp azfake.ErrorResponder)

	// AttestOpenEnclave is the fake for method Client.AttestOpenEnclave.
	// HTTP status codes to indicate success: http.StatusOK
	AttestOpenEnclave func(ctx context.Context, report []byte, options *azattestation.ClientAttestOpenEnclaveOptions) (resp azfake.Responder[azattestation.ClientAttestOpenEnclaveResponse], errResp azfake.ErrorResponder)

	// AttestSEVSNPVM is the fake for method Client.AttestSEVSNPVM.
	// HTTP status codes to indicate success: http.StatusOK
	AttestSEVSNPVM func(ctx context.Context, report []byte, options *azattestation.ClientAttestSEVSNPVMOptions) (resp azfake.Responder[azattestation.ClientAttestSEVSNPVMResponse], errResp azfake.ErrorResponder)

	// AttestTDXVM is the fake for method Client.AttestTDXVM.
	// HTTP status codes to indicate success: http.StatusOK
	AttestTDXVM func(ctx context.Context, quote []byte, options *azattestation.ClientAttestTDXVMOptions) (resp azfake.Responder[azattestation.ClientAttestTDXVMResponse], errResp azfake.ErrorResponder)

	// AttestTPM is the fake for method Client.AttestTPM.
	// HTTP status codes to indicate success: http.StatusOK
	AttestTPM func(ctx context.Context, data []byte, options *azattestation.ClientAttestTPMOptions) (resp azfake.Responder[azattestation.ClientAttestTPMResponse], errResp azfake.ErrorResponder)

	// AttestAzureGuest is the fake for method Client.AttestAzureGuest. Its response
	// must hold a token; see Issuer.SealedToken.
	// HTTP status codes to indicate success: http.StatusOK
	AttestAzureGuest func(ctx context.Context, attestationInfo []byte, options *azattestation.ClientAttestAzureGuestOptions) (resp azfake.Responder[azattestation.ClientAttestAzureGuestResponse], errResp azfake.ErrorResponder)

	// GetSigningCertificates is the fake for method Client.GetSigningCertificates:
	// the keys by which tokens are validated. Only JWKS of its response counts.
	// HTTP status codes to indicate success: http.StatusOK
	GetSigningCertificates func(ctx context.Context, options *azattestation.ClientGetSigningCertificatesOptions) (resp azfake.Responder[azattestation.ClientGetSigningCertificatesResponse], errResp azfake.ErrorResponder)

	// GetOpenIDMetadata is the fake for method Client.GetOpenIDMetadata.
	// HTTP status codes to indicate success: http.StatusOK
	GetOpenIDMetadata func(ctx context.Context, options *azattestation.ClientGetOpenIDMetadataOptions) (resp azfake.Responder[azattestation.ClientGetOpenIDMetadataResponse], errResp azfake.ErrorResponder)

	// GetPolicy is the fake for method AdministrationClient.GetPolicy.
	// HTTP status codes to indicate success: http.StatusOK
	GetPolicy func(ctx context.Context, attestationType azattestation.AttestationType, options *azattestation.AdministrationClientGetPolicyOptions) (resp azfake.Responder[azattestation.AdministrationClientGetPolicyResponse], errResp azfake.ErrorResponder)

	// SetPolicy is the fake for method AdministrationClient.SetPolicy. Of the
	// options, PolicyToken is the token that was received, with its signer.
	// HTTP status codes to indicate success: http.StatusOK
	SetPolicy func(ctx context.Context, attestationType azattestation.AttestationType, policy string, options *azattestation.AdministrationClientSetPolicyOptions) (resp azfake.Responder[azattestation.AdministrationClientSetPolicyResponse], errResp azfake.ErrorResponder)

	// ResetPolicy is the fake for method AdministrationClient.ResetPolicy. Of the
	// options, PolicyToken is the token that was received, with its signer.
	// HTTP status codes to indicate success: http.StatusOK
	ResetPolicy func(ctx context.Context, attestationType azattestation.AttestationType, options *azattestation.AdministrationClientResetPolicyOptions) (resp azfake.Responder[azattestation.AdministrationClientResetPolicyResponse], errResp azfake.ErrorResponder)

	// GetPolicyCertificates is the fake for method
	// AdministrationClient.GetPolicyCertificates.
	// HTTP status codes to indicate success: http.StatusOK
	GetPolicyCertificates func(ctx context.Context, options *azattestation.AdministrationClientGetPolicyCertificatesOptions) (resp azfake.Responder[azattestation.AdministrationClientGetPolicyCertificatesResponse], errResp azfake.ErrorResponder)

	// AddPolicyCertificate is the fake for method
	// AdministrationClient.AddPolicyCertificate. The signer is the chain of the key
	// that signed the request, whose signature holds.
	// HTTP status codes to indicate success: http.StatusOK
	AddPolicyCertificate func(ctx context.Context, certificate *x509.Certificate, signer []*x509.Certificate, options *azattestation.AdministrationClientAddPolicyCertificateOptions) (resp azfake.Responder[azattestation.AdministrationClientAddPolicyCertificateResponse], errResp azfake.ErrorResponder)

	// RemovePolicyCertificate is the fake for method
	// AdministrationClient.RemovePolicyCertificate. The signer is the chain of the
	// key that signed the request, whose signature holds.
	// HTTP status codes to indicate success: http.StatusOK
	RemovePolicyCertificate func(ctx context.Context, certificate *x509.Certificate, signer []*x509.Certificate, options *azattestation.AdministrationClientRemovePolicyCertificateOptions) (resp azfake.Responder[azattestation.AdministrationClientRemovePolicyCertificateResponse], errResp azfake.ErrorResponder)
}

// NewServerTransport returns a transport that srv answers. It is for
// azcore.ClientOptions.Transport.
func NewServerTransport(srv *Server) *ServerTransport {
	if srv == nil {
		srv = &Server{}
	}
	return &ServerTransport{srv: srv}
}

// ServerTransport answers the requests of the clients in place of a network. It
// is safe for concurrent use if the server's functions are.
type ServerTransport struct {
	srv *Server

	once   sync.Once
	issuer *Issuer
	err    error
}

// Do implements policy.Transporter.
func (s *ServerTransport) Do(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	handle, err := s.route(req)
	if err != nil {
		return nil, &nonRetriableError{err}
	}
	resp, err := handle(req)
	if err != nil {
		return nil, err
	}
	resp.Request = req
	return resp, nil
}

// instance returns who signs, and the path below the URL of the instance.
func (s *ServerTransport) instance(req *http.Request) (*Issuer, string, error) {
	s.once.Do(func() {
		if s.issuer = s.srv.Issuer; s.issuer == nil {
			s.issuer, s.err = NewIssuer(req.URL.Scheme+"://"+req.URL.Host, nil)
		}
	})
	if s.err != nil {
		return nil, "", s.err
	}
	url := req.URL.Scheme + "://" + req.URL.Host + req.URL.EscapedPath()
	path, ok := strings.CutPrefix(url, s.issuer.url)
	if !ok {
		return nil, "", errors.New("fake: a request to " + url + ", but the issuer is " + s.issuer.url)
	}
	return s.issuer, path, nil
}

type handler = func(req *http.Request) (*http.Response, error)

func (s *ServerTransport) route(req *http.Request) (handler, error) {
	issuer, path, err := s.instance(req)
	if err != nil {
		return nil, err
	}
	c := &conversation{srv: s.srv, issuer: issuer}
	fixed := map[string]handler{
		"POST /attest/SgxEnclave":               c.attestSGXEnclave,
		"POST /attest/OpenEnclave":              c.attestOpenEnclave,
		"POST /attest/SevSnpVm":                 c.attestSEVSNPVM,
		"POST /attest/TdxVm":                    c.attestTDXVM,
		"POST /attest/Tpm":                      c.attestTPM,
		"POST /attest/AzureGuest":               c.attestAzureGuest,
		"GET /certs":                            c.getSigningCertificates,
		"GET /.well-known/openid-configuration": c.getOpenIDMetadata,
		"GET /certificates":                     c.getPolicyCertificates,
		"POST /certificates:add":                c.addPolicyCertificate,
		"POST /certificates:remove":             c.removePolicyCertificate,
	}
	if h := fixed[req.Method+" "+path]; h != nil {
		return h, nil
	}
	if kind, ok := strings.CutPrefix(path, "/policies/"); ok {
		kind, isReset := strings.CutSuffix(kind, ":reset")
		c.kind = azattestation.AttestationType(kind)
		switch {
		case req.Method == http.MethodGet && !isReset:
			return c.getPolicy, nil
		case req.Method == http.MethodPut && !isReset:
			return c.setPolicy, nil
		case req.Method == http.MethodPost && isReset:
			return c.resetPolicy, nil
		}
	}
	return nil, errors.New("fake: no client of this package sends " + req.Method + " " + path)
}

// nonRetriableError ends the pipeline's attempts: what a fake refuses once it
// refuses always.
type nonRetriableError struct{ error }

// NonRetriable marks the error for azcore.
func (*nonRetriableError) NonRetriable() {}

// Unwrap returns the cause.
func (e *nonRetriableError) Unwrap() error { return e.error }

// notFaked is the error of a method whose function is nil.
func notFaked(method string) error {
	return &nonRetriableError{errors.New("fake for method " + method + " not implemented")}
}

// respond turns what a function said into an answer whose body is made by body.
func respond[T any](req *http.Request, resp azfake.Responder[T], errResp azfake.ErrorResponder, body func(T) (any, error)) (*http.Response, error) {
	if err := server.GetError(errResp, req); err != nil {
		return nil, err
	}
	content := server.GetResponseContent(resp)
	if content.HTTPStatus != http.StatusOK {
		return nil, &nonRetriableError{errors.New("fake: a response needs status 200; an error has its own responder")}
	}
	value, err := body(server.GetResponse(resp))
	if err != nil {
		return nil, &nonRetriableError{err}
	}
	return server.MarshalResponseAsJSON(content, value, req)
}
