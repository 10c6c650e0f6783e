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

	// DefaultTDX is for TdxVm. It comes from a sandbox of 2023; the hash of the
	// production default is not known.
	DefaultTDX = "version= 1.0;\n\nauthorizationrules\n{\n    => permit();\n};\n\nissuancerules\n{\n};"
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
