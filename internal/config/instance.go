package config

import "time"

// Instance is one attestation provider.
type Instance struct {
	// Name is that of the instance in the store and in bindings.
	Name string `yaml:"name"`
	// URL is that by which clients know it, the issuer of its tokens. It may have
	// a path.
	URL string `yaml:"url"`
	// Hosts are further host names under which it answers.
	Hosts []string `yaml:"hosts"`
	// Mode is aad, isolated or shared.
	Mode string `yaml:"mode"`
	// PolicyCertificateFiles are PEM files with the certificates that may sign
	// policies of an isolated instance from its creation on.
	PolicyCertificateFiles []string `yaml:"policyCertificateFiles"`
	// Types are the types of attestation that it serves.
	Types []string `yaml:"types"`
	// AcceptedTCB are the TCB statuses that get a token.
	AcceptedTCB []string `yaml:"acceptedTCB"`
	// AzureDefaultTCB is the TCB evaluation data number that "azuredefault"
	// demands, 0 for current collateral.
	AzureDefaultTCB int `yaml:"azureDefaultTCB"`
	// Algorithm signs its tokens: RS256, PS256 or ES256.
	Algorithm string `yaml:"algorithm"`
	// TokenLifetime is how long they are valid.
	TokenLifetime time.Duration `yaml:"tokenLifetime"`
	// AttestRole is none or reader: whether attestation of enclaves needs a bearer.
	AttestRole string `yaml:"attestRole"`
	// Policies are files, by type of attestation. Such a policy is fixed: the API
	// cannot change it.
	Policies map[string]string `yaml:"policies"`
	// RefuseReplayedPolicies refuses a policy token that was set before.
	RefuseReplayedPolicies bool `yaml:"refuseReplayedPolicies"`
}
