package policy

import (
	"slices"

	"github.com/azattest/azattest/claims"
)

// attestationTypes are the kinds of attestation, spelled as in the service's
// routes.
var attestationTypes = [...]string{"SgxEnclave", "OpenEnclave", "SevSnpVm", "TdxVm", "AzureGuest", "Tpm", "VbsEnclave"}

// AttestationTypes returns the kinds of attestation that [CheckOptions] and
// [Default] know, spelled as in the service's routes.
func AttestationTypes() []string { return slices.Clone(attestationTypes[:]) }

// evidenceTypes are the claims that the verified evidence of a kind of
// attestation states, by the names that policies see.
//
// Source: Azure Attestation's documentation (claim-sets, claim-rule-functions,
// policy-version-1-0 to 1-2, tpm-attestation-sample-policies,
// attestation-token-examples) and published tokens. Claims that only appear in
// the token are not among them, see tokenTypes.
var evidenceTypes = [...]struct {
	types  []string
	claims []evidenceType
}{
	{attestationTypes[:], []evidenceType{
		{"x-ms-attestation-type", claims.KindString},
	}},
	{[]string{"SgxEnclave", "OpenEnclave"}, []evidenceType{
		{"x-ms-sgx-is-debuggable", claims.KindBoolean},
		{"x-ms-sgx-product-id", claims.KindInteger},
		{"x-ms-sgx-svn", claims.KindInteger},
		{"x-ms-sgx-mrenclave", claims.KindString},
		{"x-ms-sgx-mrsigner", claims.KindString},
		{"x-ms-sgx-report-data", claims.KindString},
		{"x-ms-sgx-config-id", claims.KindString},
		{"x-ms-sgx-config-svn", claims.KindInteger},
		{"x-ms-sgx-isv-extended-product-id", claims.KindString},
		{"x-ms-sgx-isv-family-id", claims.KindString},
		// The names of the preview of 2020, still supported.
		{"$is-debuggable", claims.KindBoolean},
		{"$product-id", claims.KindInteger},
		{"$svn", claims.KindInteger},
		{"$sgx-mrsigner", claims.KindString},
		{"$sgx-mrenclave", claims.KindString},
		{"$tee", claims.KindString},
	}},
	// Whether policies over AzureGuest evidence see what the processor's report
	// says is not known, so nobody is warned of it.
	{[]string{"SevSnpVm", "AzureGuest"}, []evidenceType{
		{"x-ms-sevsnpvm-authorkeydigest", claims.KindString},
		{"x-ms-sevsnpvm-bootloader-svn", claims.KindInteger},
		{"x-ms-sevsnpvm-familyId", claims.KindString},
		{"x-ms-sevsnpvm-guestsvn", claims.KindInteger},
		{"x-ms-sevsnpvm-hostdata", claims.KindString},
		{"x-ms-sevsnpvm-idkeydigest", claims.KindString},
		{"x-ms-sevsnpvm-imageId", claims.KindString},
		{"x-ms-sevsnpvm-is-debuggable", claims.KindBoolean},
		{"x-ms-sevsnpvm-launchmeasurement", claims.KindString},
		{"x-ms-sevsnpvm-microcode-svn", claims.KindInteger},
		{"x-ms-sevsnpvm-migration-allowed", claims.KindBoolean},
		{"x-ms-sevsnpvm-reportdata", claims.KindString},
		{"x-ms-sevsnpvm-reportid", claims.KindString},
		{"x-ms-sevsnpvm-smt-allowed", claims.KindBoolean},
		{"x-ms-sevsnpvm-snpfw-svn", claims.KindInteger},
		{"x-ms-sevsnpvm-tee-svn", claims.KindInteger},
		{"x-ms-sevsnpvm-vmpl", claims.KindInteger},
	}},
	{[]string{"TdxVm", "AzureGuest"}, []evidenceType{
		{"tdx_tee_tcb_svn", claims.KindString},
		{"tdx_mrseam", claims.KindString},
		{"tdx_mrsignerseam", claims.KindString},
		{"tdx_seam_attributes", claims.KindString},
		{"tdx_td_attributes", claims.KindString},
		{"tdx_xfam", claims.KindString},
		{"tdx_mrtd", claims.KindString},
		{"tdx_mrconfigid", claims.KindString},
		{"tdx_mrowner", claims.KindString},
		{"tdx_mrownerconfig", claims.KindString},
		{"tdx_rtmr0", claims.KindString},
		{"tdx_rtmr1", claims.KindString},
		{"tdx_rtmr2", claims.KindString},
		{"tdx_rtmr3", claims.KindString},
		{"tdx_report_data", claims.KindString},
		{"tdx_seamsvn", claims.KindInteger},
		{"tdx_td_attributes_debug", claims.KindBoolean},
		{"tdx_td_attributes_septve_disable", claims.KindBoolean},
		{"tdx_td_attributes_protection_keys", claims.KindBoolean},
		{"tdx_td_attributes_key_locker", claims.KindBoolean},
		{"tdx_td_attributes_perfmon", claims.KindBoolean},
	}},
	{[]string{"AzureGuest"}, []evidenceType{
		{"secureboot", claims.KindBoolean},
		{"x-ms-azurevm-attestation-protocol-ver", claims.KindString},
		{"x-ms-azurevm-attested-pcrs", claims.KindInteger},
		{"x-ms-azurevm-bootdebug-enabled", claims.KindBoolean},
		{"x-ms-azurevm-dbvalidated", claims.KindBoolean},
		{"x-ms-azurevm-dbxvalidated", claims.KindBoolean},
		{"x-ms-azurevm-debuggersdisabled", claims.KindBoolean},
		{"x-ms-azurevm-default-securebootkeysvalidated", claims.KindBoolean},
		{"x-ms-azurevm-elam-enabled", claims.KindBoolean},
		{"x-ms-azurevm-flightsigning-enabled", claims.KindBoolean},
		{"x-ms-azurevm-hvci-policy", claims.KindInteger},
		{"x-ms-azurevm-hypervisordebug-enabled", claims.KindBoolean},
		{"x-ms-azurevm-is-windows", claims.KindBoolean},
		{"x-ms-azurevm-kerneldebug-enabled", claims.KindBoolean},
		{"x-ms-azurevm-osbuild", claims.KindString},
		{"x-ms-azurevm-osdistro", claims.KindString},
		{"x-ms-azurevm-ostype", claims.KindString},
		{"x-ms-azurevm-osversion-major", claims.KindInteger},
		{"x-ms-azurevm-osversion-minor", claims.KindInteger},
		{"x-ms-azurevm-signingdisabled", claims.KindBoolean},
		{"x-ms-azurevm-testsigning-enabled", claims.KindBoolean},
		{"x-ms-azurevm-vmid", claims.KindString},
	}},
	{[]string{"Tpm", "VbsEnclave"}, []evidenceType{
		{"aikValidated", claims.KindBoolean},
		{"aikPubHash", claims.KindString},
		{"tpmVersion", claims.KindInteger},
		{"secureBootEnabled", claims.KindBoolean},
		{"iommuEnabled", claims.KindBoolean},
		{"bootDebuggingDisabled", claims.KindBoolean},
		{"notSafeMode", claims.KindBoolean},
		{"notWinPE", claims.KindBoolean},
		{"vbsEnabled", claims.KindBoolean},
		{"vbsReportPresent", claims.KindBoolean},
		{"vsmReportPresent", claims.KindBoolean},
		// From version 1.2 on, JSON texts.
		{"events", claims.KindString},
		{"bootEvents", claims.KindString},
		{"pcrs", claims.KindString},
		{"x-ms-tpm-request-key", claims.KindString},
		{"x-ms-tpm-other-keys", claims.KindString},
		// Ours: which PCRs the events were proven by, and what the quote says of the
		// TPM's time.
		{"x-azattest-tpm-bank", claims.KindString},
		{"x-azattest-tpm-clock", claims.KindInteger},
		{"x-azattest-tpm-clock-safe", claims.KindBoolean},
		{"x-azattest-tpm-reset-count", claims.KindInteger},
		{"x-azattest-tpm-restart-count", claims.KindInteger},
		{"x-azattest-tpm-unexplained-pcrs", claims.KindInteger},
	}},
	{[]string{"VbsEnclave"}, []evidenceType{
		{"enclaveAuthorId", claims.KindString},
		{"enclaveImageId", claims.KindString},
		{"enclaveOwnerId", claims.KindString},
		{"enclaveFamilyId", claims.KindString},
		{"enclaveSvn", claims.KindInteger},
		{"enclavePlatformSvn", claims.KindInteger},
		{"enclaveFlags", claims.KindInteger},
	}},
}

type evidenceType struct {
	name string
	kind claims.Kind
}

// tokenTypes are claims that the service puts into tokens beside those of the
// policy. Policies do not see them.
var tokenTypes = [...]string{
	"iss", "iat", "nbf", "exp", "jti", "nonce", "cnf", "rp_data", "x-ms-ver", "ver", "tee",
	"x-ms-policy", "x-ms-policy-hash", "x-ms-policy-signer", "policy_hash", "policy_signer", "maa-policyHash",
	"x-ms-runtime", "x-ms-inittime", "x-ms-compliance-status", "x-ms-isolation-tee",
	"x-ms-sgx-ehd", "x-ms-sgx-collateral", "maa-attestationcollateral", "aas-ehd", "maa-ehd",
	"attester_tcb_status", "dbgstat", "eat_profile", "intuse",
}

// clientClaims says for which kinds of attestation clients state claims about
// themselves.
func clientClaims(attestationType string) bool {
	return attestationType == "" || attestationType == "Tpm" || attestationType == "VbsEnclave"
}

// evidenceOf returns the claims that evidence of a kind states.
func evidenceOf(attestationType string) map[string]claims.Kind {
	known := make(map[string]claims.Kind)
	for _, group := range evidenceTypes {
		if slices.Contains(group.types, attestationType) {
			for _, c := range group.claims {
				known[c.name] = c.kind
			}
		}
	}
	return known
}
