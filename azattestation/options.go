package azattestation

import "github.com/Azure/azure-sdk-for-go/sdk/azcore"

// ClientOptions contains the optional parameters for the constructors of
// [Client] and [AdministrationClient].
type ClientOptions struct {
	azcore.ClientOptions

	// TokenValidation is how the tokens in the service's answers are checked. The
	// default is strict; each method can be told otherwise for one call.
	TokenValidation *TokenValidationOptions
}

// AttestationData is data that goes along with evidence, and how the service is
// to show it in the token.
type AttestationData struct {
	// Data is what the evidence is bound to, byte for byte.
	Data []byte
	// DataType is how it is shown. The default is DataTypeBinary.
	DataType DataType
}

// NewBinaryData returns data that the token shows as base64url.
func NewBinaryData(data []byte) *AttestationData {
	return &AttestationData{Data: data, DataType: DataTypeBinary}
}

// NewJSONData returns data that is JSON and that the token shows as such. The
// evidence is bound to its very bytes, white space included.
func NewJSONData(data []byte) *AttestationData {
	return &AttestationData{Data: data, DataType: DataTypeJSON}
}

// ClientAttestSGXEnclaveOptions contains the optional parameters for the
// Client.AttestSGXEnclave method.
type ClientAttestSGXEnclaveOptions struct {
	// RuntimeData was known when the quote was made: its SHA-256 is the first half
	// of the quote's report data.
	RuntimeData *AttestationData
	// InitTimeData was known when the enclave was started: its SHA-256 is the
	// first half of the enclave's config ID. Processors before Ice Lake have none.
	InitTimeData *AttestationData
	// DraftPolicy is the text of a policy to judge by in place of the instance's,
	// to try it out. The answer's token is then unsigned and proves nothing.
	DraftPolicy *string
	// Nonce is shown in the token, which is checked. API version 2022-08-01 or
	// later.
	Nonce *string
	// TokenValidation is how the token is checked, in place of the client's.
	TokenValidation *TokenValidationOptions
}

// ClientAttestOpenEnclaveOptions contains the optional parameters for the
// Client.AttestOpenEnclave method.
type ClientAttestOpenEnclaveOptions struct {
	// RuntimeData was known when the report was made: its SHA-256 is the first
	// half of the quote's report data.
	RuntimeData *AttestationData
	// InitTimeData was known when the enclave was started: its SHA-256 is the
	// first half of the enclave's config ID. Processors before Ice Lake have none.
	InitTimeData *AttestationData
	// DraftPolicy is the text of a policy to judge by in place of the instance's,
	// to try it out. The answer's token is then unsigned and proves nothing.
	DraftPolicy *string
	// Nonce is shown in the token, which is checked. API version 2022-08-01 or
	// later.
	Nonce *string
	// TokenValidation is how the token is checked, in place of the client's.
	TokenValidation *TokenValidationOptions
}

// ClientAttestSEVSNPVMOptions contains the optional parameters for the
// Client.AttestSEVSNPVM method.
type ClientAttestSEVSNPVMOptions struct {
	// RuntimeData was known when the report was made: its SHA-256 is the first
	// half of the report data.
	RuntimeData *AttestationData
	// InitTimeData was known when the machine was started: its SHA-256 is the host
	// data.
	InitTimeData *AttestationData
	// DraftPolicy is the text of a policy to judge by in place of the instance's,
	// to try it out. The answer's token is then unsigned and proves nothing.
	DraftPolicy *string
	// Nonce is shown in the token, which is checked.
	Nonce *string
	// TokenValidation is how the token is checked, in place of the client's.
	TokenValidation *TokenValidationOptions
}

// ClientAttestTDXVMOptions contains the optional parameters for the
// Client.AttestTDXVM method.
type ClientAttestTDXVMOptions struct {
	// RuntimeData was known when the quote was made: its SHA-256 is the first half
	// of the report data.
	RuntimeData *AttestationData
	// InitTimeData was known when the machine was started: its SHA-256 is the
	// first half of MRCONFIGID.
	InitTimeData *AttestationData
	// Nonce is shown in the token, which is checked.
	Nonce *string
	// TokenValidation is how the token is checked, in place of the client's.
	TokenValidation *TokenValidationOptions
}

// ClientAttestTPMOptions contains the optional parameters for the
// Client.AttestTPM method.
type ClientAttestTPMOptions struct {
	// placeholder for future optional parameters
}

// ClientAttestAzureGuestOptions contains the optional parameters for the
// Client.AttestAzureGuest method.
type ClientAttestAzureGuestOptions struct {
	// placeholder for future optional parameters
}

// ClientGetSigningCertificatesOptions contains the optional parameters for the
// Client.GetSigningCertificates method.
type ClientGetSigningCertificatesOptions struct {
	// placeholder for future optional parameters
}

// ClientGetOpenIDMetadataOptions contains the optional parameters for the
// Client.GetOpenIDMetadata method.
type ClientGetOpenIDMetadataOptions struct {
	// placeholder for future optional parameters
}

// AdministrationClientGetPolicyOptions contains the optional parameters for the
// AdministrationClient.GetPolicy method.
type AdministrationClientGetPolicyOptions struct {
	// TokenValidation is how the answer's token is checked, in place of the
	// client's.
	TokenValidation *TokenValidationOptions
}

// AdministrationClientSetPolicyOptions contains the optional parameters for the
// AdministrationClient.SetPolicy method.
type AdministrationClientSetPolicyOptions struct {
	// SigningKey signs the policy. An instance in isolated mode demands it.
	SigningKey *SigningKey
	// PolicyToken is sent instead of one that the method makes, for a policy that
	// was signed elsewhere. It must hold the policy that is set, and excludes
	// SigningKey.
	PolicyToken *PolicyToken
	// SkipConfirmation accepts any answer of the service, rather than one that
	// confirms the very token that was sent.
	SkipConfirmation bool
	// TokenValidation is how the answer's token is checked, in place of the
	// client's.
	TokenValidation *TokenValidationOptions
}

// AdministrationClientResetPolicyOptions contains the optional parameters for
// the AdministrationClient.ResetPolicy method.
type AdministrationClientResetPolicyOptions struct {
	// SigningKey signs the request. An instance in isolated mode demands it.
	SigningKey *SigningKey
	// PolicyToken is sent instead of one that the method makes, for a request that
	// was signed elsewhere. It must hold no policy, and excludes SigningKey.
	PolicyToken *PolicyToken
	// SkipConfirmation accepts any answer of the service, rather than one that
	// says that the policy was removed.
	SkipConfirmation bool
	// TokenValidation is how the answer's token is checked, in place of the
	// client's.
	TokenValidation *TokenValidationOptions
}

// AdministrationClientGetPolicyCertificatesOptions contains the optional
// parameters for the AdministrationClient.GetPolicyCertificates method.
type AdministrationClientGetPolicyCertificatesOptions struct {
	// TokenValidation is how the answer's token is checked, in place of the
	// client's.
	TokenValidation *TokenValidationOptions
}

// AdministrationClientAddPolicyCertificateOptions contains the optional
// parameters for the AdministrationClient.AddPolicyCertificate method.
type AdministrationClientAddPolicyCertificateOptions struct {
	// SkipConfirmation accepts any answer of the service, rather than one that
	// confirms this certificate.
	SkipConfirmation bool
	// TokenValidation is how the answer's token is checked, in place of the
	// client's.
	TokenValidation *TokenValidationOptions
}

// AdministrationClientRemovePolicyCertificateOptions contains the optional
// parameters for the AdministrationClient.RemovePolicyCertificate method.
type AdministrationClientRemovePolicyCertificateOptions struct {
	// SkipConfirmation accepts any answer of the service, rather than one that
	// confirms this certificate.
	SkipConfirmation bool
	// TokenValidation is how the answer's token is checked, in place of the
	// client's.
	TokenValidation *TokenValidationOptions
}
