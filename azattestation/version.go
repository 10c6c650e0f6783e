package azattestation

import "regexp"

const (
	moduleName    = "github.com/azattest/azattest/azattestation"
	moduleVersion = "v0.1.0"
)

// Versions of the REST API. ClientOptions.APIVersion takes one of them, or
// another of the same form; the default is the newest.
const (
	// APIVersion20201001 attests SGX enclaves, Open Enclave and TPMs.
	APIVersion20201001 = "2020-10-01"
	// APIVersion20220801 adds the nonce, and SEV-SNP virtual machines. The service
	// attests TDX virtual machines and Azure guests at it, too.
	APIVersion20220801 = "2022-08-01"
	// APIVersion20250601 describes those as well.
	APIVersion20250601 = "2025-06-01"
)

const defaultAPIVersion = APIVersion20250601

var apiVersionForm = regexp.MustCompile(`^20\d\d-\d\d-\d\d(-preview)?$`)

// checkAPIVersion refuses text that cannot be a version. Whether a service
// knows the version is for the service to say.
func checkAPIVersion(version string) error {
	if !apiVersionForm.MatchString(version) {
		return &ArgumentError{Argument: "ClientOptions.APIVersion", Expected: "a date such as " + defaultAPIVersion, Found: version}
	}
	return nil
}

// since refuses a feature that a version of the API does not have. A service
// may ignore what it does not know, which is worse than an error where the
// caller relies on it.
func since(version, first, feature string) error {
	// A preview comes before what it is a preview of.
	if date := version[:len(first)]; date < first || date == first && version != first {
		return &ArgumentError{Argument: "ClientOptions.APIVersion", Expected: first + " or later for " + feature, Found: version}
	}
	return nil
}
