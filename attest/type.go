package attest

import "strings"

// Type is a kind of attestation, spelled as in the service's routes.
type Type string

// The types. The first two give SGX claims; they differ in the form of the
// evidence.
const (
	SGXEnclave  Type = "SgxEnclave"  // an SGX quote
	OpenEnclave Type = "OpenEnclave" // a report or evidence of the Open Enclave SDK
	TPM         Type = "Tpm"         // a quote of a TPM with its event log, and enclaves of VBS
	SEVSNPVM    Type = "SevSnpVm"    // a report of AMD SEV-SNP
	TDXVM       Type = "TdxVm"       // a quote of Intel TDX
	AzureGuest  Type = "AzureGuest"  // a guest of Azure, its TPM and its processor's report
)

// Types returns all types, in the order in which the service lists them.
func Types() []Type { return []Type{SGXEnclave, OpenEnclave, TPM, SEVSNPVM, TDXVM, AzureGuest} }

// vbsEnclave is how some tools name the policy for enclaves of VBS, which are
// attested as part of a TPM's boot.
const vbsEnclave = "VbsEnclave"

// ParseType reads a type as clients write it, in any case: "sgxenclave",
// "azureGuest". "VbsEnclave" stands for [TPM]. It returns false for anything else.
func ParseType(text string) (Type, bool) {
	if isSpelled(text, vbsEnclave) {
		return TPM, true
	}
	for _, t := range Types() {
		if isSpelled(text, string(t)) {
			return t, true
		}
	}
	return "", false
}

// isSpelled does not regard the case of ASCII letters. Letters beyond, which
// [strings.EqualFold] would take for ASCII ones, have more bytes.
func isSpelled(text, name string) bool {
	return len(text) == len(name) && strings.EqualFold(text, name)
}

func (t Type) isKnown() bool {
	_, ok := ParseType(string(t))
	return ok && t != vbsEnclave
}
