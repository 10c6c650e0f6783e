package auth

import (
	"fmt"
	"strings"
)

// Cloud is one of Azure's clouds, by the names that the command line has for
// them.
type Cloud string

// The clouds.
const (
	CloudPublic       Cloud = "public"
	CloudUSGovernment Cloud = "us-government"
	CloudChina        Cloud = "china"
)

// entraName is the name of Entra ID's issuers unless their user gives another.
const entraName = "entra"

// personalTenant is the tenant of all personal Microsoft accounts.
const personalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// entraCloud is where Entra ID is in a cloud.
type entraCloud struct {
	login string // host of sign-in, and of the issuer of v2 tokens
	sts   string // host of the issuer of v1 tokens
	// audience is that of Azure Attestation, vault that of Azure Key Vault.
	audience, vault string
}

var entraClouds = map[Cloud]entraCloud{
	CloudPublic: {"login.microsoftonline.com", "sts.windows.net", Audience, VaultAudience},
	// The public documents name no host of its own for v1 tokens of Azure
	// Government; its tenants' metadata have that of the public cloud.
	CloudUSGovernment: {"login.microsoftonline.us", "sts.windows.net", "https://attest.azure.us", "https://vault.usgovcloudapi.net"},
	CloudChina:        {"login.partner.microsoftonline.cn", "sts.chinacloudapi.cn", "https://attest.azure.cn", "https://vault.azure.cn"},
}

// entraHosts are the hosts of Entra ID, old ones too: an issuer at one of them
// has a tenant.
var entraHosts = []string{
	"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net",
	"login.microsoftonline.us", "login.partner.microsoftonline.cn", "login.chinacloudapi.cn", "sts.chinacloudapi.cn",
}

// Entra returns the issuers of one tenant of Entra ID, both named "entra": that
// of v1 tokens, which Azure's own clients get for [Audience], and that of v2
// tokens, which an app registration of one's own may ask for. The empty cloud is
// the public one. No audiences stand for that of Azure Attestation in the cloud;
// v2 tokens, and some v1 tokens, have the application ID of the registration
// instead, which must be given.
//
// It returns a *[ConfigError] if the tenant is not one, by its ID.
func Entra(tenantID string, cloud Cloud, audiences ...string) ([]Issuer, error) {
	return entraFor(tenantID, cloud, func(c entraCloud) string { return c.audience }, audiences)
}

// EntraVault is [Entra] for a key release server: no audiences stand for that of
// Azure Key Vault in the cloud.
func EntraVault(tenantID string, cloud Cloud, audiences ...string) ([]Issuer, error) {
	return entraFor(tenantID, cloud, func(c entraCloud) string { return c.vault }, audiences)
}

func entraFor(tenantID string, cloud Cloud, audienceOf func(entraCloud) string, audiences []string) ([]Issuer, error) {
	if cloud == "" {
		cloud = CloudPublic
	}
	c, ok := entraClouds[cloud]
	if !ok {
		return nil, &ConfigError{Field: "Cloud", Problem: fmt.Sprintf("%q, want %s, %s or %s", string(cloud), CloudPublic, CloudUSGovernment, CloudChina)}
	}
	tenant := strings.ToLower(tenantID)
	if !guid.MatchString(tenant) {
		return nil, &ConfigError{Field: "TenantID", Problem: fmt.Sprintf("%q, want the ID of one tenant, such as 72f988bf-86f1-41af-91ab-2d7cd011db47: az account show --query tenantId", tenantID)}
	}
	if len(audiences) == 0 {
		audiences = []string{audienceOf(c)}
	}
	authority := "https://" + c.login + "/" + tenant
	issuers := []Issuer{
		{URL: "https://" + c.sts + "/" + tenant + "/", MetadataURL: authority + metadataPath, TokenVersion: "1.0"},
		{URL: authority + "/v2.0", MetadataURL: authority + "/v2.0" + metadataPath, TokenVersion: "2.0"},
	}
	for i := range issuers {
		issuers[i].Name, issuers[i].TenantID, issuers[i].Audiences = entraName, tenant, audiences
		// Entra ID signs with nothing else.
		issuers[i].Algorithms = []string{"RS256"}
		if _, err := issuers[i].normalized("Issuer"); err != nil {
			return nil, err
		}
	}
	return issuers, nil
}
