package config

import "time"

// Auth is who may do what. Empty: nobody may do what needs a role.
type Auth struct {
	// Leeway is by how much the clocks of issuers may differ from ours.
	Leeway time.Duration `yaml:"leeway"`
	// Entra and Issuers are those whose bearer tokens are accepted.
	Entra   []Entra  `yaml:"entra"`
	Issuers []Issuer `yaml:"issuers"`
	// Bindings give roles to bearers, Certificates to client certificates.
	Bindings     []Binding     `yaml:"bindings"`
	Certificates []Certificate `yaml:"certificates"`
}

// Entra is a tenant of Microsoft Entra ID.
type Entra struct {
	// Name is that by which bindings name it.
	Name string `yaml:"name"`
	// Tenant is its ID, a GUID in lower case.
	Tenant string `yaml:"tenant"`
	// Cloud is public, us-government or china.
	Cloud string `yaml:"cloud"`
	// Audiences are those that tokens may be for. Empty: that of Azure Attestation,
	// or Azure Key Vault, in the cloud.
	Audiences []string `yaml:"audiences"`
}

// Issuer is any other issuer with OpenID Connect discovery.
type Issuer struct {
	// Name is that by which bindings name it.
	Name string `yaml:"name"`
	// URL is the issuer as it stands in its tokens.
	URL string `yaml:"url"`
	// Audiences are those that tokens may be for, one at least.
	Audiences []string `yaml:"audiences"`
	// Tenant is the tid that tokens must have, a GUID, of issuers of Entra ID.
	// Empty: none.
	Tenant string `yaml:"tenant"`
	// CAFile is a PEM file with the authorities to trust for TLS. Empty: the
	// system's.
	CAFile string `yaml:"caFile"`
}

// Binding gives a role to bearers whose token has a claim.
type Binding struct {
	// Issuer is the name of one of Entra or Issuers.
	Issuer string `yaml:"issuer"`
	// Claim is roles, groups, oid, sub or, of Entra ID, appid, and Value what it
	// must hold: of oid and appid of Entra ID a GUID.
	Claim string `yaml:"claim"`
	Value string `yaml:"value"`
	// Role is reader or contributor; of a key release server release-user, key-reader
	// or crypto-officer.
	Role string `yaml:"role"`
	// Instances are those for which it holds; of a key release server names of keys,
	// in lower case. Empty: all.
	Instances []string `yaml:"instances"`
}

// Certificate gives a role to client certificates. Exactly one of its first four
// fields says to which.
type Certificate struct {
	// SHA256 is the hash of the certificate, SPKISHA256 that of its public key:
	// 64 hexadecimal digits, with colons or without.
	SHA256     string `yaml:"sha256"`
	SPKISHA256 string `yaml:"spkiSHA256"`
	// URI and DNS are subject alternative names, which TLS.ClientCAFile vouches
	// for.
	URI string `yaml:"uri"`
	DNS string `yaml:"dns"`
	// Role and Instances are as of Binding.
	Role      string   `yaml:"role"`
	Instances []string `yaml:"instances"`
}
