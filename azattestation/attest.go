package azattestation

import (
	"context"
	"net/http"
)

// attestBody is the body of a request to attest an enclave or a virtual machine.
// Bytes are base64url without padding.
type attestBody struct {
	Quote        string        `json:"quote,omitempty"`
	Report       string        `json:"report,omitempty"`
	RuntimeData  *attestedData `json:"runtimeData,omitempty"`
	InitTimeData *attestedData `json:"initTimeData,omitempty"`
	DraftPolicy  *string       `json:"draftPolicyForAttestation,omitempty"`
	Nonce        *string       `json:"nonce,omitempty"`
}

type attestedData struct {
	Data     string   `json:"data"`
	DataType DataType `json:"dataType"`
}

func encodeData(d *AttestationData) *attestedData {
	if d == nil {
		return nil
	}
	kind := d.DataType
	if kind == "" {
		kind = DataTypeBinary
	}
	return &attestedData{Data: encoding.EncodeToString(d.Data), DataType: kind}
}

// AttestSGXEnclave attests an SGX enclave by a quote of Intel's SDK (version 3,
// ECDSA).
//
// If the operation fails it returns an *azcore.ResponseError type; a token that
// does not hold is a *[TokenValidationError].
//   - quote - the quote, as bytes
//   - options - ClientAttestSGXEnclaveOptions contains the optional parameters for the Client.AttestSGXEnclave method.
func (c *Client) AttestSGXEnclave(ctx context.Context, quote []byte, options *ClientAttestSGXEnclaveOptions) (ClientAttestSGXEnclaveResponse, error) {
	if options == nil {
		options = &ClientAttestSGXEnclaveOptions{}
	}
	result, err := c.attest(ctx, attestation{
		operation: "Client.AttestSGXEnclave", kind: AttestationTypeSgxEnclave, since: APIVersion20201001,
		body: attestBody{
			Quote: encoding.EncodeToString(quote), RuntimeData: encodeData(options.RuntimeData),
			InitTimeData: encodeData(options.InitTimeData), DraftPolicy: options.DraftPolicy, Nonce: options.Nonce,
		},
		validation: options.TokenValidation,
	})
	return ClientAttestSGXEnclaveResponse{result}, err
}

// AttestOpenEnclave attests an SGX enclave by a report or evidence of the Open
// Enclave SDK (oe_get_report, oe_get_evidence), with its header.
//
// If the operation fails it returns an *azcore.ResponseError type; a token that
// does not hold is a *[TokenValidationError].
//   - report - the report or evidence, as bytes
//   - options - ClientAttestOpenEnclaveOptions contains the optional parameters for the Client.AttestOpenEnclave method.
func (c *Client) AttestOpenEnclave(ctx context.Context, report []byte, options *ClientAttestOpenEnclaveOptions) (ClientAttestOpenEnclaveResponse, error) {
	if options == nil {
		options = &ClientAttestOpenEnclaveOptions{}
	}
	result, err := c.attest(ctx, attestation{
		operation: "Client.AttestOpenEnclave", kind: AttestationTypeOpenEnclave, since: APIVersion20201001,
		body: attestBody{
			Report: encoding.EncodeToString(report), RuntimeData: encodeData(options.RuntimeData),
			InitTimeData: encodeData(options.InitTimeData), DraftPolicy: options.DraftPolicy, Nonce: options.Nonce,
		},
		validation: options.TokenValidation,
	})
	return ClientAttestOpenEnclaveResponse{result}, err
}

// AttestSEVSNPVM attests an AMD SEV-SNP virtual machine. It needs API version
// 2022-08-01 or later.
//
// If the operation fails it returns an *azcore.ResponseError type; a token that
// does not hold is a *[TokenValidationError].
//   - report - a JSON object: SnpReport, base64url of the attestation report; VcekCertChain, base64url of the PEM chain
//     of its key; and possibly Endorsements
//   - options - ClientAttestSEVSNPVMOptions contains the optional parameters for the Client.AttestSEVSNPVM method.
func (c *Client) AttestSEVSNPVM(ctx context.Context, report []byte, options *ClientAttestSEVSNPVMOptions) (ClientAttestSEVSNPVMResponse, error) {
	if options == nil {
		options = &ClientAttestSEVSNPVMOptions{}
	}
	result, err := c.attest(ctx, attestation{
		operation: "Client.AttestSEVSNPVM", kind: AttestationTypeSevSnpVM, since: APIVersion20220801,
		body: attestBody{
			Report: encoding.EncodeToString(report), RuntimeData: encodeData(options.RuntimeData),
			InitTimeData: encodeData(options.InitTimeData), DraftPolicy: options.DraftPolicy, Nonce: options.Nonce,
		},
		validation: options.TokenValidation,
	})
	return ClientAttestSEVSNPVMResponse{result}, err
}

// AttestTDXVM attests an Intel TDX virtual machine by a quote of version 4 or 5.
// It needs API version 2022-08-01 or later.
//
// If the operation fails it returns an *azcore.ResponseError type; a token that
// does not hold is a *[TokenValidationError].
//   - quote - the quote, as bytes
//   - options - ClientAttestTDXVMOptions contains the optional parameters for the Client.AttestTDXVM method.
func (c *Client) AttestTDXVM(ctx context.Context, quote []byte, options *ClientAttestTDXVMOptions) (ClientAttestTDXVMResponse, error) {
	if options == nil {
		options = &ClientAttestTDXVMOptions{}
	}
	result, err := c.attest(ctx, attestation{
		operation: "Client.AttestTDXVM", kind: AttestationTypeTdxVM, since: APIVersion20220801,
		body: attestBody{
			Quote: encoding.EncodeToString(quote), RuntimeData: encodeData(options.RuntimeData),
			InitTimeData: encodeData(options.InitTimeData), Nonce: options.Nonce,
		},
		validation: options.TokenValidation,
	})
	return ClientAttestTDXVMResponse{result}, err
}

// attestation is a request to attest whose answer is a token.
type attestation struct {
	operation  string
	kind       AttestationType
	since      string // the first API version that has it
	body       attestBody
	validation *TokenValidationOptions
}

func (c *Client) attest(ctx context.Context, a attestation) (AttestationResult, error) {
	ctx, endSpan := c.connection.startSpan(ctx, a.operation)
	result, err := c.connection.attest(ctx, a)
	endSpan(err)
	if err != nil {
		return AttestationResult{}, err
	}
	return *result, nil
}

func (c *connection) attest(ctx context.Context, a attestation) (*AttestationResult, error) {
	if err := since(c.apiVersion, a.since, a.operation); err != nil {
		return nil, err
	}
	if a.body.Quote == "" && a.body.Report == "" {
		return nil, &ArgumentError{Argument: "evidence", Expected: "a quote or a report", Found: "no bytes"}
	}
	if a.body.Nonce != nil {
		if err := since(c.apiVersion, APIVersion20220801, "a nonce"); err != nil {
			return nil, err
		}
	}
	body, err := compactJSON(a.body)
	if err != nil {
		return nil, err
	}
	t, err := c.token(ctx, call{operation: a.operation, method: http.MethodPost, path: "/attest/" + string(a.kind), body: body},
		validator{options: a.validation, answersDraft: a.body.DraftPolicy != nil, nonce: a.body.Nonce})
	if err != nil {
		return nil, err
	}
	return newResult(a.operation, t)
}

// AttestTPM sends one message of the TPM attestation protocol and returns the
// service's answer to it. The first asks for a challenge, the second carries the
// evidence. The instance must have a policy for TPMs, and the caller the role
// Attestation Reader. The service's module has the whole protocol, from a TPM to a
// report that was validated, in package collect/tpm.
//
// If the operation fails it returns an *azcore.ResponseError type.
//   - data - the message, a JSON text such as {"payload":{"type":"aikcert"}}
//   - options - ClientAttestTPMOptions contains the optional parameters for the Client.AttestTPM method.
func (c *Client) AttestTPM(ctx context.Context, data []byte, _ *ClientAttestTPMOptions) (ClientAttestTPMResponse, error) {
	const operation = "Client.AttestTPM"
	ctx, endSpan := c.connection.startSpan(ctx, operation)
	answer, err := c.connection.exchange(ctx, operation, AttestationTypeTpm, "data", data, "data")
	if err == nil {
		var decoded []byte
		if decoded, err = decodeBase64URL(answer); err == nil {
			endSpan(nil)
			return ClientAttestTPMResponse{Data: decoded}, nil
		}
		err = &AnswerError{Operation: operation, Part: "member data", Expected: "base64url", Err: err}
	}
	endSpan(err)
	return ClientAttestTPMResponse{}, err
}

// AttestAzureGuest attests an Azure virtual machine by the evidence of its
// virtual TPM, and of its processor if it is a confidential one. It needs API
// version 2022-08-01 or later. The token in the answer is encrypted to a key in
// that TPM, and so is not validated; see [SealedToken.Open].
//
// If the operation fails it returns an *azcore.ResponseError type.
//   - attestationInfo - the evidence, a JSON object as Azure's guest attestation library makes it
//   - options - ClientAttestAzureGuestOptions contains the optional parameters for the Client.AttestAzureGuest method.
func (c *Client) AttestAzureGuest(ctx context.Context, attestationInfo []byte, _ *ClientAttestAzureGuestOptions) (ClientAttestAzureGuestResponse, error) {
	const operation = "Client.AttestAzureGuest"
	ctx, endSpan := c.connection.startSpan(ctx, operation)
	sealed, err := c.connection.attestAzureGuest(ctx, operation, attestationInfo)
	endSpan(err)
	return ClientAttestAzureGuestResponse{Token: sealed}, err
}

func (c *connection) attestAzureGuest(ctx context.Context, operation string, attestationInfo []byte) (*SealedToken, error) {
	if err := since(c.apiVersion, APIVersion20220801, operation); err != nil {
		return nil, err
	}
	answer, err := c.exchange(ctx, operation, AttestationTypeAzureGuest, "attestationInfo", attestationInfo, "token")
	if err != nil {
		return nil, err
	}
	return ParseSealedToken(answer)
}

// exchange sends one member of bytes and returns one member of text.
func (c *connection) exchange(ctx context.Context, operation string, kind AttestationType, member string, data []byte, answer string) (string, error) {
	if len(data) == 0 {
		return "", &ArgumentError{Argument: member, Expected: "a message", Found: "no bytes"}
	}
	body, err := compactJSON(map[string]string{member: encoding.EncodeToString(data)})
	if err != nil {
		return "", err
	}
	raw, err := c.do(ctx, call{operation: operation, method: http.MethodPost, path: "/attest/" + string(kind), body: body})
	if err != nil {
		return "", err
	}
	return stringMember(operation, raw, answer)
}
