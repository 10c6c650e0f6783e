package azattestation

import "encoding/json"

// PolicyResult is what a change did to a policy.
type PolicyResult struct {
	// Resolution is x-ms-policy-result: what was done.
	Resolution *PolicyModification
	// PolicyTokenHash is x-ms-policy-token-hash: the SHA-256 of the token that the
	// service received; see [PolicyToken].SHA256. It is nil after a reset.
	PolicyTokenHash []byte
	// PolicySigner is x-ms-policy-signer: the key that signed the policy, nil if
	// nobody did.
	PolicySigner *JSONWebKey
	// PolicyToken is the token that was sent.
	PolicyToken *PolicyToken
	// Token is the service's answer.
	Token *Token
}

func (r *PolicyResult) claims() []claimField {
	return []claimField{
		{"x-ms-policy-token-hash", &r.PolicyTokenHash},
		{"x-ms-policy-signer", &r.PolicySigner},
	}
}

// PolicyCertificateResult is what a change did to the policy management
// certificates.
type PolicyCertificateResult struct {
	// Thumbprint is x-ms-certificate-thumbprint: the SHA-1 of the certificate's DER
	// form, 40 upper-case hexadecimal digits.
	Thumbprint *string
	// Resolution is x-ms-policycertificates-result: how things stand now.
	Resolution *CertificateModification
	// Token is the service's answer.
	Token *Token
}

// OpenIDMetadata is what an instance publishes about its tokens (OpenID Connect
// Discovery 1.0, section 3).
type OpenIDMetadata struct {
	// Issuer is the URL of the instance, as its tokens have it.
	Issuer *string
	// JWKSURI is where its keys are.
	JWKSURI *string
	// RevocationEndpoint, which answers nothing: tokens are not revoked.
	RevocationEndpoint *string
	// ClaimsSupported are the names of claims that its tokens may have.
	ClaimsSupported []string
	// IDTokenSigningAlgValuesSupported are the algorithms of its signatures.
	IDTokenSigningAlgValuesSupported []string
	// ResponseTypesSupported are "token" and "none".
	ResponseTypesSupported []string
	// AdditionalProperties are all other members.
	AdditionalProperties map[string]json.RawMessage
}

// MarshalJSON writes the document.
func (m OpenIDMetadata) MarshalJSON() ([]byte, error) {
	o := make(map[string]any, len(m.AdditionalProperties))
	for name, value := range m.AdditionalProperties {
		o[name] = value
	}
	for name, value := range map[string]*string{"issuer": m.Issuer, "jwks_uri": m.JWKSURI, "revocation_endpoint": m.RevocationEndpoint} {
		if value != nil {
			o[name] = *value
		}
	}
	for name, value := range map[string][]string{
		"claims_supported": m.ClaimsSupported, "response_types_supported": m.ResponseTypesSupported,
		"id_token_signing_alg_values_supported": m.IDTokenSigningAlgValuesSupported,
	} {
		if value != nil {
			o[name] = value
		}
	}
	return json.Marshal(o)
}

// UnmarshalJSON reads the document.
func (m *OpenIDMetadata) UnmarshalJSON(text []byte) error {
	if isNull(text) {
		return nil
	}
	o, err := parseObject(text)
	if err != nil {
		return err
	}
	*m = OpenIDMetadata{AdditionalProperties: o.toMap()}
	for name, field := range map[string]any{
		"issuer":                                &m.Issuer,
		"jwks_uri":                              &m.JWKSURI,
		"revocation_endpoint":                   &m.RevocationEndpoint,
		"claims_supported":                      &m.ClaimsSupported,
		"id_token_signing_alg_values_supported": &m.IDTokenSigningAlgValuesSupported,
		"response_types_supported":              &m.ResponseTypesSupported,
	} {
		value, ok := m.AdditionalProperties[name]
		if !ok {
			continue
		}
		if err := json.Unmarshal(value, field); err != nil {
			return &ClaimError{Claim: name, Expected: "text, or a list of texts", Found: string(value)}
		}
		delete(m.AdditionalProperties, name)
	}
	return nil
}
