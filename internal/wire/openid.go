package wire

// OpenIDConfiguration is the answer to GET /.well-known/openid-configuration,
// its members in the order of the real service.
type OpenIDConfiguration struct {
	ResponseTypes      []string `json:"response_types_supported"`
	SigningAlgorithms  []string `json:"id_token_signing_alg_values_supported"`
	RevocationEndpoint string   `json:"revocation_endpoint"`
	Issuer             string   `json:"issuer"`
	JWKSURI            string   `json:"jwks_uri"`
	Claims             []string `json:"claims_supported"`
}

// NewOpenIDConfiguration returns the document of the instance at this URL, which
// signs with these algorithms. Like the real service's it names a revocation
// endpoint that does not exist.
func NewOpenIDConfiguration(url string, algorithms ...string) OpenIDConfiguration {
	return OpenIDConfiguration{
		ResponseTypes:      []string{"token", "none"},
		SigningAlgorithms:  algorithms,
		RevocationEndpoint: url + "/revoke",
		Issuer:             url,
		JWKSURI:            url + "/certs",
		Claims: []string{
			"cnf", "nonce", "x-ms-ver", "x-ms-attestation-type", "x-ms-policy-hash", "x-ms-policy-signer",
			"x-ms-sgx-is-debuggable", "x-ms-sgx-mrenclave", "x-ms-sgx-mrsigner", "x-ms-sgx-svn", "x-ms-sgx-ehd",
			"x-ms-sgx-collateral", "is-debuggable", "sgx-mrsigner", "sgx-mrenclave", "product-id", "svn", "tee",
		},
	}
}
