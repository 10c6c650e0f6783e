package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/config"
)

func TestValidateRefusesAuth(t *testing.T) {
	t.Parallel()
	const tenant = "0a1b2c3d-0000-4000-8000-000000000000"
	entra := config.Entra{Name: "entra", Tenant: tenant, Cloud: "public"}
	hash := strings.Repeat("0f", 32)
	withCA := func(certificates ...config.Certificate) func(*config.Config) {
		return func(c *config.Config) { c.TLS.ClientCAFile, c.Auth.Certificates = "ca.pem", certificates }
	}
	wantFaults(t, map[string]one{
		"leeway":          {func(c *config.Config) { c.Auth.Leeway = time.Hour }, []string{`auth.leeway: 1h, want 5m at most`}},
		"negative leeway": {func(c *config.Config) { c.Auth.Leeway = -1 }, []string{`auth.leeway: -1ns, want`}},
		"any tenant": {func(c *config.Config) { c.Auth.Entra = []config.Entra{{Name: "a", Tenant: "common", Cloud: "public"}} }, []string{
			`auth.entra[0].tenant: "common", want the ID of the tenant`,
		}},
		"tenant in capitals": {func(c *config.Config) {
			c.Auth.Entra = []config.Entra{{Name: "a", Tenant: strings.ToUpper(tenant), Cloud: "public"}}
		}, []string{`auth.entra[0].tenant: `}},
		"unknown cloud": {func(c *config.Config) { c.Auth.Entra = []config.Entra{{Name: "a", Tenant: tenant, Cloud: "azure"}} }, []string{
			`auth.entra[0].cloud: "azure", want public, us-government or china`,
		}},
		"tenant twice": {func(c *config.Config) { c.Auth.Entra = []config.Entra{entra, entra} }, []string{
			`auth.entra[1].name: "entra" stands twice`, `auth.entra[1].tenant: "` + tenant + `" stands twice`,
		}},
		"audiences of a tenant": {func(c *config.Config) {
			c.Auth.Entra = []config.Entra{entra}
			c.Auth.Entra[0].Audiences = []string{"", "a", "a"}
		}, []string{`auth.entra[0].audiences[0]: empty`, `auth.entra[0].audiences[2]: "a" stands twice`}},
		"empty issuer": {func(c *config.Config) { c.Auth.Issuers = []config.Issuer{{}} }, []string{
			`auth.issuers[0].audiences: missing, want one or more`, `auth.issuers[0].name: "", want up to 63`, `auth.issuers[0].url: missing`,
		}},
		"issuers twice": {func(c *config.Config) {
			i := config.Issuer{Name: "entra", URL: "https://h", Audiences: []string{"a"}}
			c.Auth.Entra, c.Auth.Issuers = []config.Entra{entra}, []config.Issuer{i, i}
		}, []string{`auth.issuers[0].name: "entra" stands twice`, `auth.issuers[1].name: "entra" stands twice`, `auth.issuers[1].url: "https://h" stands twice`}},
		"issuer without TLS": {func(c *config.Config) {
			c.Auth.Issuers = []config.Issuer{{Name: "a", URL: "http://issuer.example", Audiences: []string{"a"}}}
		}, []string{`auth.issuers[0].url: "http://issuer.example", want the scheme https`}},
		"binding without issuers": {func(c *config.Config) {
			c.Auth.Bindings = []config.Binding{{Issuer: "a", Claim: "sub", Value: "v", Role: "reader"}}
		}, []string{`auth.bindings[0].issuer: names an issuer, but`}},
		"empty binding": {func(c *config.Config) {
			c.Auth.Entra, c.Auth.Bindings = []config.Entra{entra}, []config.Binding{{}}
		}, []string{
			`auth.bindings[0].claim: "", want roles, groups, oid, sub or appid`, `auth.bindings[0].issuer: "", want the name of one in auth.entra or auth.issuers: entra`,
			`auth.bindings[0].role: "", want reader or contributor`, `auth.bindings[0].value: "", want`,
		}},
		"careless binding": {func(c *config.Config) {
			c.Auth.Entra = []config.Entra{entra}
			c.Auth.Bindings = []config.Binding{{Issuer: "entra", Claim: "upn", Value: " v", Role: "owner", Instances: []string{"*", "a", "a"}}}
		}, []string{
			`auth.bindings[0].claim: "upn", want`, `auth.bindings[0].instances[0]: "*", want the name of an instance`,
			`auth.bindings[0].instances[2]: "a" stands twice`, `auth.bindings[0].role: "owner", want`, `auth.bindings[0].value: " v", want`,
		}},
		"what only Entra ID says": {func(c *config.Config) {
			c.Auth.Entra = []config.Entra{entra}
			c.Auth.Issuers = []config.Issuer{{Name: "ci", URL: "https://h", Audiences: []string{"a"}, Tenant: "t"}}
			c.Auth.Bindings = []config.Binding{
				{Issuer: "ci", Claim: "appid", Value: tenant, Role: "reader"},
				{Issuer: "entra", Claim: "appid", Value: "my app", Role: "reader"},
				{Issuer: "entra", Claim: "oid", Value: strings.ToUpper(tenant), Role: "reader"},
			}
		}, []string{
			`auth.bindings[0].claim: appid, which only Entra ID vouches for`, `auth.bindings[1].value: "my app", want an ID`,
			`auth.bindings[2].value: `, `auth.issuers[0].tenant: "t", want the ID of a tenant`,
		}},
		"certificate of nobody":  {withCA(config.Certificate{Role: "reader"}), []string{`auth.certificates[0]: has 0 of`}},
		"certificate of several": {withCA(config.Certificate{SHA256: hash, DNS: "a", Role: "reader"}), []string{`auth.certificates[0]: has 2 of`}},
		"certificate in wildcards": {withCA(config.Certificate{DNS: "*.a", Role: "reader"}, config.Certificate{URI: "spiffe://a/*", Role: "reader"}, config.Certificate{URI: "operator", Role: "reader"}), []string{
			`auth.certificates[0].dns: "*.a", want`, `auth.certificates[1].uri: "spiffe://a/*", want`, `auth.certificates[2].uri: "operator", want`,
		}},
		"hashes": {withCA(config.Certificate{SHA256: hash[1:], Role: "reader"}, config.Certificate{SPKISHA256: hash + ":", Role: "reader"}), []string{
			`auth.certificates[0].sha256: `, `auth.certificates[1].spkiSHA256: `,
		}},
		"certificate without authority": {func(c *config.Config) { c.Auth.Certificates = []config.Certificate{{SHA256: hash, Role: "reader"}} }, []string{
			`auth.certificates[0]: needs tls.clientCAFile`,
		}},
		"certificate behind a proxy": {func(c *config.Config) {
			c.BehindProxy, c.TLS = true, config.TLS{MinVersion: "1.2"}
			c.Auth.Certificates = []config.Certificate{{SHA256: hash, Role: "reader"}}
		}, []string{`auth.certificates[0]: needs client certificates, which do not come through a proxy`}},
	})
}
