package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/config"
)

// changed makes one instance that holds but for a change.
func changed(change func(*config.Instance)) func(*config.Config) {
	return func(c *config.Config) {
		c.Instances = []config.Instance{instance("a", "https://h")}
		change(&c.Instances[0])
	}
}

func TestValidateRefusesInstances(t *testing.T) {
	t.Parallel()
	wantFaults(t, map[string]one{
		"no name":         {changed(func(i *config.Instance) { i.Name = "" }), []string{`instances[0].name: "", want up to 63 letters`}},
		"name in capital": {changed(func(i *config.Instance) { i.Name = "A" }), []string{`instances[0].name: "A", want`}},
		"name of a path":  {changed(func(i *config.Instance) { i.Name = "../a" }), []string{`instances[0].name: "../a", want`}},
		"name too long":   {changed(func(i *config.Instance) { i.Name = strings.Repeat("a", 64) }), []string{`instances[0].name: `}},
		"name ends in -":  {changed(func(i *config.Instance) { i.Name = "a-" }), []string{`instances[0].name: "a-", want`}},
		"twice": {func(c *config.Config) {
			c.Instances = []config.Instance{instance("a", "https://h"), instance("a", "https://h")}
		}, []string{`instances[1].name: "a" stands twice`, `instances[1].url: "h" is reached by instances[0].url already`}},
		"one host, two ports": {func(c *config.Config) {
			c.Instances = []config.Instance{instance("a", "https://h/p"), instance("b", "https://h:8443/p")}
		}, []string{`instances[1].url: "h/p" is reached by instances[0].url already`}},
		"host of another": {func(c *config.Config) {
			c.Instances = []config.Instance{instance("a", "https://h"), instance("b", "https://g")}
			c.Instances[1].Hosts = []string{"x", "h", "x", "h:1", "H"}
		}, []string{
			`instances[1].hosts[1]: "h" is reached by instances[0].url already`, `instances[1].hosts[2]: "x" is reached by instances[1].hosts[0] already`,
			`instances[1].hosts[3]: "h:1", want a host name`, `instances[1].hosts[4]: "H", want a host name`,
		}},
		"isolated by nobody":       {changed(func(i *config.Instance) { i.Mode = "isolated" }), []string{`instances[0].policyCertificateFiles: missing`}},
		"certificates in mode aad": {changed(func(i *config.Instance) { i.PolicyCertificateFiles = []string{"a"} }), []string{`instances[0].policyCertificateFiles: is for mode isolated alone, not aad`}},
		"mode as Microsoft says":   {changed(func(i *config.Instance) { i.Mode = "AAD" }), []string{`instances[0].mode: "AAD", want aad, isolated or shared`}},
		"no types":                 {changed(func(i *config.Instance) { i.Types = nil }), []string{`instances[0].types: empty`}},
		"types":                    {changed(func(i *config.Instance) { i.Types = []string{"SevSnpVm", "sgx", "SgxEnclave", "SgxEnclave"} }), []string{`instances[0].types[0]: SevSnpVm is not served yet`, `instances[0].types[1]: "sgx", want`, `instances[0].types[3]: "SgxEnclave" stands twice`}},
		"no TCB":                   {changed(func(i *config.Instance) { i.AcceptedTCB = []string{} }), []string{`instances[0].acceptedTCB: empty`}},
		"TCB":                      {changed(func(i *config.Instance) { i.AcceptedTCB = []string{"Revoked", "uptodate"} }), []string{`instances[0].acceptedTCB[0]: Revoked can never be accepted`, `instances[0].acceptedTCB[1]: "uptodate", want`}},
		"negative TCB":             {changed(func(i *config.Instance) { i.AzureDefaultTCB = -1 }), []string{`instances[0].azureDefaultTCB: -1, want`}},
		"algorithm":                {changed(func(i *config.Instance) { i.Algorithm = "none" }), []string{`instances[0].algorithm: "none", want RS256, PS256 or ES256`}},
		"short life":               {changed(func(i *config.Instance) { i.TokenLifetime = 1500 * time.Millisecond }), []string{`instances[0].tokenLifetime: 1.5s, want whole seconds`}},
		"long life":                {changed(func(i *config.Instance) { i.TokenLifetime = 366 * 24 * time.Hour }), []string{`instances[0].tokenLifetime: `}},
		"no life":                  {changed(func(i *config.Instance) { i.TokenLifetime = 0 }), []string{`instances[0].tokenLifetime: 0s, want`}},
		"unknown role":             {changed(func(i *config.Instance) { i.AttestRole = "contributor" }), []string{`instances[0].attestRole: "contributor", want none or reader`}},
		"role of nobody":           {changed(func(i *config.Instance) { i.AttestRole = "reader" }), []string{`instances[0].attestRole: reader, but auth.bindings and auth.certificates are empty`}},
		"policies": {changed(func(i *config.Instance) {
			i.Types = []string{"SgxEnclave"}
			i.Policies = map[string]string{"OpenEnclave": "p", "SgxEnclave": "", "a\x1bb": "p"}
		}), []string{`instances[0].policies."a\x1bb": is not among`, `instances[0].policies.OpenEnclave: is not among the types`, `instances[0].policies.SgxEnclave: empty`}},
	})
}

func TestValidateRefusesURLs(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"":                      "missing, want a URL",
		"contoso.example":       "want https://host",
		"https://":              "want https://host",
		"https:///a":            "want https://host",
		"https://:1":            "want https://host",
		"http://h":              "want the scheme https",
		"http://localhost":      "want the scheme https",
		"HTTPS://h":             "want a path of letters",
		"https://h/":            "want no slash at the end",
		"https://h/a/":          "want no slash at the end",
		"https://u@h":           "holds @, ? or #",
		"https://h?a=b":         "holds @, ? or #",
		"https://h#a":           "holds @, ? or #",
		"https://H":             "want a host name in lower case",
		"https://h_h":           "want a host name in lower case",
		"https://h.":            "want a host name in lower case",
		"https://-h":            "want a host name in lower case",
		"https://[::0001]":      "want a host name in lower case",
		"https://[fe80::1%25a]": "want a host name in lower case",
		"https://h:0":           "want a port",
		"https://h:":            "want a port",
		"https://h:65536":       "want a port",
		"https://h:x":           "want https://host",
		"https://h/a/../b":      "want a path of letters",
		"https://h//a":          "want a path of letters",
		"https://h/%61":         "want a path of letters",
		"https://h/a b":         "want a path of letters",
		"https://h/ü":           "want a path of letters",
	} {
		c := valid()
		c.Instances = []config.Instance{instance("a", url)}
		if got := linesOf(t, c.Validate()); len(got) != 1 || !strings.HasPrefix(got[0], "instances[0].url: ") || !strings.Contains(got[0], want) {
			t.Errorf("%q: got %v, want %q", url, got, want)
		}
	}
}
