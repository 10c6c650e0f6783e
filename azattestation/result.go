package azattestation

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"
)

// AttestationResult is what an attestation token says: each claim of the REST
// API in a field, every other one in AdditionalClaims. A field is nil where the
// token has no such claim; none of them is filled in by the client.
type AttestationResult struct {
	// Token is the token itself. It is nil where a result was decoded by
	// Token.Claims, and not part of the JSON form.
	Token *Token

	// Issuer is iss: the URL of the instance.
	Issuer *string
	// UniqueID is jti: 64 hexadecimal digits, another for each token.
	UniqueID *string
	// IssuedOn is iat, ExpiresOn exp, NotBefore nbf, in UTC. Early versions of the
	// service wrote fractions of a second.
	IssuedOn, ExpiresOn, NotBefore *time.Time
	// Nonce is nonce: that of the request, unchanged. One that is no string is in
	// AdditionalClaims.
	Nonce *string
	// Confirmation is cnf (RFC 7800): the key that the evidence vouches for, of
	// TPM attestations.
	Confirmation json.RawMessage

	// Version is x-ms-ver: the version of the set of claims, "1.0".
	Version *string
	// AttestationType is x-ms-attestation-type: "sgx" for SGX enclaves of either
	// kind, "sevsnpvm", "tdxvm", "azurevm".
	AttestationType *string
	// PolicyHash is x-ms-policy-hash: the SHA-256 of the policy that was in force;
	// see [PolicyHash].
	PolicyHash []byte
	// PolicySigner is x-ms-policy-signer: the key that signed that policy.
	PolicySigner *JSONWebKey
	// PolicyClaims is x-ms-policy: the claims that the policy issued.
	PolicyClaims map[string]json.RawMessage
	// RuntimeClaims is x-ms-runtime: the runtime data, where it was sent as JSON. It
	// is the attested party's own text: a name may stand in it twice.
	RuntimeClaims json.RawMessage
	// InitTimeClaims is x-ms-inittime: the init-time data, where it was sent as
	// JSON.
	InitTimeClaims json.RawMessage

	// EnclaveHeldData is x-ms-sgx-ehd: the runtime data, where it was sent as
	// binary. The evidence holds its SHA-256.
	EnclaveHeldData []byte
	// IsDebuggable is x-ms-sgx-is-debuggable. The memory of a debuggable enclave
	// is open to its host: trust nothing it says.
	IsDebuggable *bool
	// MREnclave is x-ms-sgx-mrenclave: the measurement of the enclave's code, 64
	// lower-case hexadecimal digits.
	MREnclave *string
	// MRSigner is x-ms-sgx-mrsigner: the SHA-256 of the key that signed the
	// enclave, 64 lower-case hexadecimal digits.
	MRSigner *string
	// ProductID is x-ms-sgx-product-id, 0 to 65535.
	ProductID *int32
	// SVN is x-ms-sgx-svn: the security version of the enclave, 0 to 65535.
	SVN *int32
	// ReportData is x-ms-sgx-report-data: 128 lower-case hexadecimal digits.
	ReportData *string
	// SGXCollateral is x-ms-sgx-collateral: what the evidence was judged by.
	SGXCollateral *SGXCollateral
	// ConfigID is x-ms-sgx-config-id, 128 hexadecimal digits; ConfigSVN is
	// x-ms-sgx-config-svn; ISVExtendedProductID is
	// x-ms-sgx-isv-extended-product-id and ISVFamilyID x-ms-sgx-isv-family-id, 32
	// hexadecimal digits each: of enclaves with key separation and sharing.
	ConfigID             *string
	ConfigSVN            *int32
	ISVExtendedProductID *string
	ISVFamilyID          *string

	// Deprecated are claims that newer ones replace. Most of them are there only
	// because the service's default policy issues them, so a custom policy can set
	// them to anything: do not rely on them.
	Deprecated DeprecatedClaims

	// AdditionalClaims are all others: those of other kinds of evidence, and those
	// that the policy issued, as they stand in the token.
	AdditionalClaims map[string]json.RawMessage
}

// DeprecatedClaims are claims of earlier versions of the service. One whose value
// has another type than the service gave it is in AdditionalClaims instead.
type DeprecatedClaims struct {
	// Version is ver.
	Version *string
	// IsDebuggable is is-debuggable.
	IsDebuggable *bool
	// SGXCollateral is maa-attestationcollateral.
	SGXCollateral *SGXCollateral
	// EnclaveHeldData is aas-ehd, EnclaveHeldData2 is maa-ehd.
	EnclaveHeldData, EnclaveHeldData2 []byte
	// ProductID is product-id.
	ProductID *int32
	// MREnclave is sgx-mrenclave, MRSigner sgx-mrsigner.
	MREnclave, MRSigner *string
	// SVN is svn.
	SVN *int32
	// TEE is tee: the kind of evidence.
	TEE *string
	// PolicySigner is policy_signer, PolicyHash policy_hash.
	PolicySigner *JSONWebKey
	PolicyHash   []byte
	// RPData is rp_data: the nonce of a TPM attestation.
	RPData *string
}

// SGXCollateral holds digests of what an SGX quote was judged by: SHA-256 in
// lower-case hexadecimal.
type SGXCollateral struct {
	// QuoteHash is that of the evidence as it was sent.
	QuoteHash *string
	// QEIDHash is that of the QE identity, QEIDCertsHash of the certificates that
	// signed it, QEIDCRLHash of the revocation list those were held against.
	QEIDHash, QEIDCertsHash, QEIDCRLHash *string
	// TCBInfoHash is that of the TCB info, TCBInfoCertsHash of the certificates
	// that signed it, TCBInfoCRLHash of the revocation list those were held against.
	TCBInfoHash, TCBInfoCertsHash, TCBInfoCRLHash *string
}

var _ interface {
	json.Marshaler
	json.Unmarshaler
} = (*AttestationResult)(nil)

func (r *AttestationResult) serviceClaims() []claimField {
	return []claimField{
		{"iss", &r.Issuer},
		{"jti", &r.UniqueID},
		{"iat", &r.IssuedOn},
		{"exp", &r.ExpiresOn},
		{"nbf", &r.NotBefore},
		{"cnf", &r.Confirmation},
		{"x-ms-ver", &r.Version},
		{"x-ms-attestation-type", &r.AttestationType},
		{"x-ms-policy-hash", &r.PolicyHash},
		{"x-ms-policy-signer", &r.PolicySigner},
		{"x-ms-policy", &r.PolicyClaims},
		{"x-ms-runtime", &r.RuntimeClaims},
		{"x-ms-inittime", &r.InitTimeClaims},
		{"x-ms-sgx-ehd", &r.EnclaveHeldData},
		{"x-ms-sgx-is-debuggable", &r.IsDebuggable},
		{"x-ms-sgx-mrenclave", &r.MREnclave},
		{"x-ms-sgx-mrsigner", &r.MRSigner},
		{"x-ms-sgx-product-id", &r.ProductID},
		{"x-ms-sgx-svn", &r.SVN},
		{"x-ms-sgx-report-data", &r.ReportData},
		{"x-ms-sgx-collateral", &r.SGXCollateral},
		{"x-ms-sgx-config-id", &r.ConfigID},
		{"x-ms-sgx-config-svn", &r.ConfigSVN},
		{"x-ms-sgx-isv-extended-product-id", &r.ISVExtendedProductID},
		{"x-ms-sgx-isv-family-id", &r.ISVFamilyID},
	}
}

func (r *AttestationResult) nonce() claimField { return claimField{"nonce", &r.Nonce} }

func (d *DeprecatedClaims) claims() []claimField {
	return []claimField{
		{"ver", &d.Version},
		{"is-debuggable", &d.IsDebuggable},
		{"maa-attestationcollateral", &d.SGXCollateral},
		{"aas-ehd", &d.EnclaveHeldData},
		{"maa-ehd", &d.EnclaveHeldData2},
		{"product-id", &d.ProductID},
		{"sgx-mrenclave", &d.MREnclave},
		{"sgx-mrsigner", &d.MRSigner},
		{"svn", &d.SVN},
		{"tee", &d.TEE},
		{"policy_signer", &d.PolicySigner},
		{"policy_hash", &d.PolicyHash},
		{"rp_data", &d.RPData},
	}
}

// UnmarshalJSON reads the claims of a token. Names are told apart by case, and a
// claim of the service that has another type than it must is a *[ClaimError].
func (r *AttestationResult) UnmarshalJSON(text []byte) error {
	if isNull(text) {
		return nil
	}
	o, err := parseObject(text)
	if err != nil {
		return err
	}
	return r.decode(o)
}

func (r *AttestationResult) decode(o object) error {
	*r = AttestationResult{Token: r.Token, AdditionalClaims: map[string]json.RawMessage{}}
	service, lenient := r.serviceClaims(), append(r.Deprecated.claims(), r.nonce())
	for _, m := range o {
		if f := fieldOf(service, m.name); f != nil {
			if err := f.decode(m.value); err != nil {
				return err
			}
			continue
		}
		// A policy may issue anything under a deprecated name, and some send numbers
		// as a nonce.
		if f := fieldOf(lenient, m.name); f != nil && f.decode(m.value) == nil {
			continue
		}
		r.AdditionalClaims[string(m.name)] = bytes.Clone(m.value)
	}
	return nil
}

// MarshalJSON writes the claims as a token has them; dates without fractions.
func (r AttestationResult) MarshalJSON() ([]byte, error) {
	o := make(map[string]any, len(r.AdditionalClaims))
	for name, value := range r.AdditionalClaims {
		o[name] = value
	}
	for _, f := range append(r.Deprecated.claims(), r.nonce()) {
		f.encode(o)
	}
	for _, f := range r.serviceClaims() {
		f.encode(o)
	}
	return json.Marshal(o)
}

func (c *SGXCollateral) members() []claimField {
	return []claimField{
		{"quotehash", &c.QuoteHash},
		{"qeidhash", &c.QEIDHash},
		{"qeidcertshash", &c.QEIDCertsHash},
		{"qeidcrlhash", &c.QEIDCRLHash},
		{"tcbinfohash", &c.TCBInfoHash},
		{"tcbinfocertshash", &c.TCBInfoCertsHash},
		{"tcbinfocrlhash", &c.TCBInfoCRLHash},
	}
}

// UnmarshalJSON reads the claim x-ms-sgx-collateral.
func (c *SGXCollateral) UnmarshalJSON(text []byte) error {
	if isNull(text) {
		return nil
	}
	o, err := parseObject(text)
	if err != nil {
		return err
	}
	*c = SGXCollateral{}
	for _, f := range c.members() {
		if value := o.get(f.name); value != nil {
			if err := f.decode(value); err != nil {
				return err
			}
		}
	}
	return nil
}

// MarshalJSON writes the claim x-ms-sgx-collateral.
func (c SGXCollateral) MarshalJSON() ([]byte, error) {
	o := map[string]any{}
	for _, f := range c.members() {
		f.encode(o)
	}
	return json.Marshal(o)
}

// newResult decodes the claims of a token that has been validated.
func newResult(operation string, t *Token) (*AttestationResult, error) {
	r := &AttestationResult{Token: t}
	if err := r.decode(t.claims); err != nil {
		return nil, answerError(operation, err)
	}
	return r, nil
}

// answerError makes an error of the answer of what is wrong with a claim in it.
func answerError(operation string, err error) error {
	if claim, ok := errors.AsType[*ClaimError](err); ok {
		return &AnswerError{Operation: operation, Part: "claim " + claim.Claim, Expected: claim.Expected, Found: claim.Found, Err: claim.Err}
	}
	return &AnswerError{Operation: operation, Part: "token", Err: err}
}
