package azattestation

// ClientAttestSGXEnclaveResponse contains the response from method
// Client.AttestSGXEnclave.
type ClientAttestSGXEnclaveResponse struct {
	AttestationResult
}

// ClientAttestOpenEnclaveResponse contains the response from method
// Client.AttestOpenEnclave.
type ClientAttestOpenEnclaveResponse struct {
	AttestationResult
}

// ClientAttestSEVSNPVMResponse contains the response from method
// Client.AttestSEVSNPVM.
type ClientAttestSEVSNPVMResponse struct {
	AttestationResult
}

// ClientAttestTDXVMResponse contains the response from method
// Client.AttestTDXVM.
type ClientAttestTDXVMResponse struct {
	AttestationResult
}

// ClientAttestTPMResponse contains the response from method Client.AttestTPM.
type ClientAttestTPMResponse struct {
	// Data is the service's message, JSON: a challenge, or a report whose token is
	// for ParseToken and Token.Validate.
	Data []byte
}

// ClientAttestAzureGuestResponse contains the response from method
// Client.AttestAzureGuest.
type ClientAttestAzureGuestResponse struct {
	// Token is the attestation token, encrypted to the key in the evidence.
	Token *SealedToken
}

// ClientGetSigningCertificatesResponse contains the response from method
// Client.GetSigningCertificates.
type ClientGetSigningCertificatesResponse struct {
	// SigningCertificates are the keys that sign the instance's tokens. Keys that
	// cannot sign one, by their use, their type or their form, are left out.
	SigningCertificates []*SigningCertificate
	// JWKS is the answer as it came, for NewKeySource.
	JWKS []byte
}

// ClientGetOpenIDMetadataResponse contains the response from method
// Client.GetOpenIDMetadata.
type ClientGetOpenIDMetadataResponse struct {
	OpenIDMetadata
}

// AdministrationClientGetPolicyResponse contains the response from method
// AdministrationClient.GetPolicy.
type AdministrationClientGetPolicyResponse struct {
	// Policy is the text of the policy, "" where none is set.
	Policy string
	// PolicyToken is the policy as it was set and is stored, byte for byte.
	PolicyToken *PolicyToken
	// Token is the service's answer.
	Token *Token
}

// AdministrationClientSetPolicyResponse contains the response from method
// AdministrationClient.SetPolicy.
type AdministrationClientSetPolicyResponse struct {
	PolicyResult
}

// AdministrationClientResetPolicyResponse contains the response from method
// AdministrationClient.ResetPolicy.
type AdministrationClientResetPolicyResponse struct {
	PolicyResult
}

// AdministrationClientGetPolicyCertificatesResponse contains the response from
// method AdministrationClient.GetPolicyCertificates.
type AdministrationClientGetPolicyCertificatesResponse struct {
	// Certificates are the policy management certificates. There are none on an
	// instance that is not in isolated mode.
	Certificates []*JSONWebKey
	// Token is the service's answer.
	Token *Token
}

// AdministrationClientAddPolicyCertificateResponse contains the response from
// method AdministrationClient.AddPolicyCertificate.
type AdministrationClientAddPolicyCertificateResponse struct {
	PolicyCertificateResult
}

// AdministrationClientRemovePolicyCertificateResponse contains the response from
// method AdministrationClient.RemovePolicyCertificate.
type AdministrationClientRemovePolicyCertificateResponse struct {
	PolicyCertificateResult
}
