package fake

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/azattest/azattest/azattestation"
)

// conversation is one request to a server.
type conversation struct {
	srv    *Server
	issuer *Issuer
	kind   azattestation.AttestationType
}

// attestRequest is the body of a request to attest an enclave or a virtual
// machine.
type attestRequest struct {
	Quote, Report             binary
	RuntimeData, InitTimeData *attestedData
	DraftPolicyForAttestation *string
	Nonce                     *string
}

type attestedData struct {
	Data     binary
	DataType azattestation.DataType
}

func (d *attestedData) data() *azattestation.AttestationData {
	if d == nil {
		return nil
	}
	return &azattestation.AttestationData{Data: d.Data, DataType: d.DataType}
}

// binary is base64url without padding.
type binary []byte

// UnmarshalJSON decodes a JSON string.
func (b *binary) UnmarshalJSON(text []byte) error {
	var encoded string
	if err := json.Unmarshal(text, &encoded); err != nil {
		return err
	}
	decoded, err := base64.RawURLEncoding.DecodeString(encoded)
	*b = decoded
	return err
}

// maxRequest bounds what is read of a request.
const maxRequest = 16 << 20

func read(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, errors.New("fake: the request has no body")
	}
	raw, err := io.ReadAll(io.LimitReader(req.Body, maxRequest))
	if err != nil {
		return nil, fmt.Errorf("fake: read the request: %w", err)
	}
	return raw, nil
}

func decode[T any](req *http.Request) (T, error) {
	var body T
	raw, err := read(req)
	if err == nil {
		err = json.Unmarshal(raw, &body)
	}
	if err != nil {
		return body, &nonRetriableError{fmt.Errorf("fake: request: %w", err)}
	}
	return body, nil
}

// tokenOf is the body of an answer that is a token.
func tokenOf(compact string, err error) (any, error) {
	return map[string]string{"token": compact}, err
}

// attested makes the token of a result. A draft policy is answered unsigned, and
// nonce and runtime data of the request are repeated.
func (c *conversation) attested(r azattestation.AttestationResult, request *attestRequest) (any, error) {
	if r.Token != nil {
		return tokenOf(r.Token.String(), nil)
	}
	if r.Nonce == nil {
		r.Nonce = request.Nonce
	}
	if data := request.RuntimeData; data != nil && r.EnclaveHeldData == nil && r.RuntimeClaims == nil {
		if data.DataType == azattestation.DataTypeJSON {
			r.RuntimeClaims = json.RawMessage(data.Data)
		} else {
			r.EnclaveHeldData = data.Data
		}
	}
	if request.DraftPolicyForAttestation != nil {
		return tokenOf(c.issuer.UnsignedToken(r))
	}
	return tokenOf(c.issuer.Token(r))
}

func (c *conversation) attestSGXEnclave(req *http.Request) (*http.Response, error) {
	if c.srv.AttestSGXEnclave == nil {
		return nil, notFaked("AttestSGXEnclave")
	}
	body, err := decode[attestRequest](req)
	if err != nil {
		return nil, err
	}
	resp, errResp := c.srv.AttestSGXEnclave(req.Context(), body.Quote, &azattestation.ClientAttestSGXEnclaveOptions{
		RuntimeData: body.RuntimeData.data(), InitTimeData: body.InitTimeData.data(), DraftPolicy: body.DraftPolicyForAttestation, Nonce: body.Nonce,
	})
	return respond(req, resp, errResp, func(r azattestation.ClientAttestSGXEnclaveResponse) (any, error) {
		return c.attested(r.AttestationResult, &body)
	})
}

func (c *conversation) attestOpenEnclave(req *http.Request) (*http.Response, error) {
	if c.srv.AttestOpenEnclave == nil {
		return nil, notFaked("AttestOpenEnclave")
	}
	body, err := decode[attestRequest](req)
	if err != nil {
		return nil, err
	}
	resp, errResp := c.srv.AttestOpenEnclave(req.Context(), body.Report, &azattestation.ClientAttestOpenEnclaveOptions{
		RuntimeData: body.RuntimeData.data(), InitTimeData: body.InitTimeData.data(), DraftPolicy: body.DraftPolicyForAttestation, Nonce: body.Nonce,
	})
	return respond(req, resp, errResp, func(r azattestation.ClientAttestOpenEnclaveResponse) (any, error) {
		return c.attested(r.AttestationResult, &body)
	})
}

func (c *conversation) attestSEVSNPVM(req *http.Request) (*http.Response, error) {
	if c.srv.AttestSEVSNPVM == nil {
		return nil, notFaked("AttestSEVSNPVM")
	}
	body, err := decode[attestRequest](req)
	if err != nil {
		return nil, err
	}
	resp, errResp := c.srv.AttestSEVSNPVM(req.Context(), body.Report, &azattestation.ClientAttestSEVSNPVMOptions{
		RuntimeData: body.RuntimeData.data(), InitTimeData: body.InitTimeData.data(), DraftPolicy: body.DraftPolicyForAttestation, Nonce: body.Nonce,
	})
	return respond(req, resp, errResp, func(r azattestation.ClientAttestSEVSNPVMResponse) (any, error) {
		return c.attested(r.AttestationResult, &body)
	})
}

func (c *conversation) attestTDXVM(req *http.Request) (*http.Response, error) {
	if c.srv.AttestTDXVM == nil {
		return nil, notFaked("AttestTDXVM")
	}
	body, err := decode[attestRequest](req)
	if err != nil {
		return nil, err
	}
	resp, errResp := c.srv.AttestTDXVM(req.Context(), body.Quote, &azattestation.ClientAttestTDXVMOptions{
		RuntimeData: body.RuntimeData.data(), InitTimeData: body.InitTimeData.data(), Nonce: body.Nonce,
	})
	return respond(req, resp, errResp, func(r azattestation.ClientAttestTDXVMResponse) (any, error) {
		return c.attested(r.AttestationResult, &body)
	})
}

func (c *conversation) attestTPM(req *http.Request) (*http.Response, error) {
	if c.srv.AttestTPM == nil {
		return nil, notFaked("AttestTPM")
	}
	body, err := decode[struct{ Data binary }](req)
	if err != nil {
		return nil, err
	}
	resp, errResp := c.srv.AttestTPM(req.Context(), body.Data, nil)
	return respond(req, resp, errResp, func(r azattestation.ClientAttestTPMResponse) (any, error) {
		return map[string]string{"data": base64.RawURLEncoding.EncodeToString(r.Data)}, nil
	})
}

func (c *conversation) attestAzureGuest(req *http.Request) (*http.Response, error) {
	if c.srv.AttestAzureGuest == nil {
		return nil, notFaked("AttestAzureGuest")
	}
	body, err := decode[struct{ AttestationInfo binary }](req)
	if err != nil {
		return nil, err
	}
	resp, errResp := c.srv.AttestAzureGuest(req.Context(), body.AttestationInfo, nil)
	return respond(req, resp, errResp, func(r azattestation.ClientAttestAzureGuestResponse) (any, error) {
		if r.Token == nil {
			return nil, errors.New("fake: the response of AttestAzureGuest holds no token")
		}
		return tokenOf(r.Token.String(), nil)
	})
}

func (c *conversation) getSigningCertificates(req *http.Request) (*http.Response, error) {
	if c.srv.GetSigningCertificates == nil {
		return jsonAnswer(req, c.issuer.JWKS()), nil
	}
	resp, errResp := c.srv.GetSigningCertificates(req.Context(), nil)
	return respond(req, resp, errResp, func(r azattestation.ClientGetSigningCertificatesResponse) (any, error) {
		return json.RawMessage(r.JWKS), nil
	})
}

func (c *conversation) getOpenIDMetadata(req *http.Request) (*http.Response, error) {
	if c.srv.GetOpenIDMetadata == nil {
		return jsonAnswer(req, mustJSON(map[string]any{
			"issuer": c.issuer.url, "jwks_uri": c.issuer.url + "/certs", "revocation_endpoint": c.issuer.url + "/revoke",
			"id_token_signing_alg_values_supported": []string{c.issuer.algorithm}, "response_types_supported": []string{"token", "none"},
			"claims_supported": []string{"x-ms-ver", "x-ms-attestation-type", "x-ms-policy-hash"},
		})), nil
	}
	resp, errResp := c.srv.GetOpenIDMetadata(req.Context(), nil)
	return respond(req, resp, errResp, func(r azattestation.ClientGetOpenIDMetadataResponse) (any, error) {
		return r.OpenIDMetadata, nil
	})
}
