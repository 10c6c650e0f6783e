package policy

// The policies that Azure Attestation applies where a customer has set none,
// byte for byte: their [Hash] is what tokens under them carry as
// x-ms-policy-hash.
const (
	// DefaultSGX is for SgxEnclave and OpenEnclave, since November 2022.
	DefaultSGX = `version= 1.1;` +
		`configurationrules{=> issueproperty(type="x-ms-sgx-tcbidentifier", value="azuredefault");};` +
		sgxRules

	// DefaultSGX2022 is for SgxEnclave and OpenEnclave until November 2022.
	DefaultSGX2022 = `version= 1.0;` + sgxRules

	// DefaultSGXPreview is that of the preview of 2020, with the claim names of
	// the time.
	DefaultSGXPreview = `version= 1.0;` +
		`authorizationrules{c:[type=="$is-debuggable"] => permit();};` +
		`issuancerules{` +
		`c:[type=="$is-debuggable"] => issue(type="is-debuggable", value=c.value);` +
		`c:[type=="$sgx-mrsigner"] => issue(type="sgx-mrsigner", value=c.value);` +
		`c:[type=="$sgx-mrenclave"] => issue(type="sgx-mrenclave", value=c.value);` +
		`c:[type=="$product-id"] => issue(type="product-id", value=c.value);` +
		`c:[type=="$svn"] => issue(type="svn", value=c.value);` +
		`c:[type=="$tee"] => issue(type="tee", value=c.value);` +
		`};`

	// DefaultSEVSNP is for SevSnpVm.
	DefaultSEVSNP = `version= 1.0;authorizationrules{=> permit();};`

	// DefaultSEVSNP2022 is that of a sandbox of April 2022, the same in other
	// lines.
	DefaultSEVSNP2022 = "version= 1.0;\n\nauthorizationrules\n{\n    => permit();\n};"

	// DefaultTDX is for TdxVm. It comes from a sandbox of 2023; the hash of the
	// production default is not known.
	DefaultTDX = "version= 1.0;\n\nauthorizationrules\n{\n    => permit();\n};\n\nissuancerules\n{\n};"

	// DefaultAzureGuest is for AzureGuest: whatever the firmware or the system says
	// against itself is refused, then all is permitted.
	DefaultAzureGuest = "\n" +
		guestMargin + "version= 1.0;\n" +
		guestMargin + "authorizationrules\n" +
		guestMargin + "{\n" +
		guestMargin + `    [type=="x-ms-azurevm-default-securebootkeysvalidated", value==false] => deny();` + "\n\n" +
		guestMargin + `    [type=="x-ms-azurevm-debuggersdisabled", value==false] => deny();` + "\n\n" +
		guestMargin + `    [type=="secureboot", value==false] => deny();` + "\n\n" +
		guestMargin + `    [type=="x-ms-azurevm-signingdisabled", value==false] => deny();` + "\n\n" +
		guestMargin + `    [type=="x-ms-azurevm-dbvalidated", value==false] => deny();` + "\n\n" +
		guestMargin + `    [type=="x-ms-azurevm-dbxvalidated", value==false] => deny();` + "\n\n" +
		guestMargin + "    => permit();\n" +
		guestMargin + "};\n" +
		guestMargin + "issuancerules\n" +
		guestMargin + "{\n" +
		guestMargin + "};"
)

const sgxRules = `authorizationrules{=> permit();};` +
	`issuancerules{` +
	`c:[type=="x-ms-sgx-is-debuggable"] => issue(type="is-debuggable", value=c.value);` +
	`c:[type=="x-ms-sgx-mrsigner"] => issue(type="sgx-mrsigner", value=c.value);` +
	`c:[type=="x-ms-sgx-mrenclave"] => issue(type="sgx-mrenclave", value=c.value);` +
	`c:[type=="x-ms-sgx-product-id"] => issue(type="product-id", value=c.value);` +
	`c:[type=="x-ms-sgx-svn"] => issue(type="svn", value=c.value);` +
	`c:[type=="x-ms-attestation-type"] => issue(type="tee", value=c.value);` +
	`};`

// guestMargin stands before each line of the policy, which was written within a
// program's text.
const guestMargin = "                "

// Default returns the policy that holds for a kind of attestation where nobody
// has set one, and false if there is none: evidence of Tpm and VbsEnclave is
// accepted under a customer's own policy only.
func Default(attestationType string) (string, bool) {
	switch attestationType {
	case "SgxEnclave", "OpenEnclave":
		return DefaultSGX, true
	case "SevSnpVm":
		return DefaultSEVSNP, true
	case "TdxVm":
		return DefaultTDX, true
	case "AzureGuest":
		return DefaultAzureGuest, true
	}
	return "", false
}
