package azattestation

// AttestationType is a kind of evidence, in the service's spelling: it stands in
// paths, and each type has a policy of its own.
type AttestationType string

const (
	// AttestationTypeSgxEnclave is an SGX enclave whose quote was made with
	// Intel's SDK.
	AttestationTypeSgxEnclave AttestationType = "SgxEnclave"
	// AttestationTypeOpenEnclave is an SGX enclave whose report or evidence was
	// made with the Open Enclave SDK.
	AttestationTypeOpenEnclave AttestationType = "OpenEnclave"
	// AttestationTypeTpm is a machine, or a virtualization-based security enclave
	// on it, that a TPM vouches for.
	AttestationTypeTpm AttestationType = "Tpm"
	// AttestationTypeSevSnpVM is an AMD SEV-SNP virtual machine.
	AttestationTypeSevSnpVM AttestationType = "SevSnpVm"
	// AttestationTypeTdxVM is an Intel TDX virtual machine.
	AttestationTypeTdxVM AttestationType = "TdxVm"
	// AttestationTypeAzureGuest is an Azure virtual machine with trusted launch or
	// of the confidential kind.
	AttestationTypeAzureGuest AttestationType = "AzureGuest"
)

// PossibleAttestationTypeValues returns the possible values for AttestationType.
func PossibleAttestationTypeValues() []AttestationType {
	return []AttestationType{
		AttestationTypeAzureGuest,
		AttestationTypeOpenEnclave,
		AttestationTypeSevSnpVM,
		AttestationTypeSgxEnclave,
		AttestationTypeTdxVM,
		AttestationTypeTpm,
	}
}

// DataType says how the service is to show runtime or init-time data.
type DataType string

const (
	// DataTypeBinary shows the data as base64url, in x-ms-sgx-ehd.
	DataTypeBinary DataType = "Binary"
	// DataTypeJSON shows the data as the JSON that it is, in x-ms-runtime or
	// x-ms-inittime.
	DataTypeJSON DataType = "JSON"
)

// PossibleDataTypeValues returns the possible values for DataType.
func PossibleDataTypeValues() []DataType {
	return []DataType{DataTypeBinary, DataTypeJSON}
}

// PolicyModification is what a change did to a policy.
type PolicyModification string

const (
	// PolicyModificationRemoved means that the policy was reset to the default.
	PolicyModificationRemoved PolicyModification = "Removed"
	// PolicyModificationUpdated means that the policy was set.
	PolicyModificationUpdated PolicyModification = "Updated"
)

// PossiblePolicyModificationValues returns the possible values for PolicyModification.
func PossiblePolicyModificationValues() []PolicyModification {
	return []PolicyModification{PolicyModificationRemoved, PolicyModificationUpdated}
}

// CertificateModification is what a change did to the policy management
// certificates.
type CertificateModification string

const (
	// CertificateModificationIsAbsent means that the certificate is not among
	// them now, whether it was or not.
	CertificateModificationIsAbsent CertificateModification = "IsAbsent"
	// CertificateModificationIsPresent means that the certificate is among them
	// now, whether it was or not.
	CertificateModificationIsPresent CertificateModification = "IsPresent"
)

// PossibleCertificateModificationValues returns the possible values for CertificateModification.
func PossibleCertificateModificationValues() []CertificateModification {
	return []CertificateModification{CertificateModificationIsAbsent, CertificateModificationIsPresent}
}

// Codes that the service is known to give, in azcore.ResponseError.ErrorCode.
// TROUBLESHOOTING.md says what to do about each.
const (
	// ErrorCodeInvalidOperation is a change that this instance does not take: not
	// signed, not signed as a JWS, or certificates of an instance that has none.
	ErrorCodeInvalidOperation = "InvalidOperation"
	// ErrorCodeInvalidParameter is a malformed request, or evidence that does not
	// hold, in early versions of the service.
	ErrorCodeInvalidParameter = "InvalidParameter"
	// ErrorCodeInvalidQuote is evidence that does not hold.
	ErrorCodeInvalidQuote = "InvalidQuote"
	// ErrorCodePolicyEvaluationError is evidence that holds and that the policy
	// denies.
	ErrorCodePolicyEvaluationError = "PolicyEvaluationError"
	// ErrorCodePolicyParsingError is a policy with a syntax error.
	ErrorCodePolicyParsingError = "PolicyParsingError"
	// ErrorCodeUnauthorized is a caller without a token or without the role.
	ErrorCodeUnauthorized = "Unauthorized"
)
