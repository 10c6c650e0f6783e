package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/keyrelease"
)

func TestKeyReleaseValidateAccepts(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("0F", 32)
	for name, change := range map[string]func(c *config.KeyRelease){
		"the least":               func(*config.KeyRelease) {},
		"URL with a port":         func(c *config.KeyRelease) { c.URL = "https://localhost:8444" },
		"proxy":                   behindProxy,
		"a pair to sign with":     func(c *config.KeyRelease) { c.Signing = config.Signing{CertificateFile: "a", KeyFile: "b"} },
		"memory without wrapping": func(c *config.KeyRelease) { c.Store.Driver, c.Keys.WrappingKeyFile = "memory", "" },
		"authority with a path":   func(c *config.KeyRelease) { c.Authorities[0].URL = "https://localhost:8443/contoso" },
		"authority of an enclave": func(c *config.KeyRelease) {
			c.Authorities[0].SigningCertificate, c.Authorities[0].MRSigner = "report", []string{hash}
		},
		"authority of a build": func(c *config.KeyRelease) {
			c.Authorities[0].SigningCertificate, c.Authorities[0].MREnclave = "report", []string{hash, strings.Repeat("1", 64)}
		},
		"held data":              func(c *config.KeyRelease) { c.Release.HeldData = []string{"raw", "pem", "jwk"} },
		"machines only":          func(c *config.KeyRelease) { c.Release.AttestationTypes = []string{"sevsnpvm"} },
		"zero limits":            func(c *config.KeyRelease) { c.Limits = config.KeyLimits{} },
		"metrics":                func(c *config.KeyRelease) { c.Telemetry.MetricsListen = "127.0.0.1:9465" },
		"metrics on a free port": func(c *config.KeyRelease) { c.Listen, c.Telemetry.MetricsListen = "127.0.0.1:0", "127.0.0.1:0" },
		"rates":                  func(c *config.KeyRelease) { c.Limits.RatePerCaller, c.Limits.Burst = 0.5, 10 },
		"roles for keys": func(c *config.KeyRelease) {
			c.TLS.ClientCAFile = "ca.pem"
			c.Auth.Issuers = []config.Issuer{{Name: "ci", URL: "https://ci.example", Audiences: []string{"a"}}}
			c.Auth.Bindings = []config.Binding{
				{Issuer: "ci", Claim: "sub", Value: "a", Role: "release-user", Instances: []string{"a", "-", strings.Repeat("k", 127)}},
				{Issuer: "ci", Claim: "sub", Value: "a", Role: "key-reader"},
			}
			c.Auth.Certificates = []config.Certificate{{DNS: "a.b", Role: "crypto-officer"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := validKeyRelease()
			change(c)
			if err := c.Validate(); err != nil {
				t.Errorf("refused:\n%v", err)
			}
		})
	}
}

func TestKeyReleaseValidateRefuses(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("0f", 32)
	for name, tt := range map[string]struct {
		change func(c *config.KeyRelease)
		want   []string
	}{
		"no URL":           {func(c *config.KeyRelease) { c.URL = "" }, []string{`url: missing, want a URL`}},
		"URL without TLS":  {func(c *config.KeyRelease) { c.URL = "http://localhost" }, []string{`url: "http://localhost", want the scheme https`}},
		"URL with a path":  {func(c *config.KeyRelease) { c.URL = "https://h/vault" }, []string{`url: "https://h/vault", want no path`}},
		"URL with a slash": {func(c *config.KeyRelease) { c.URL = "https://h/" }, []string{`url: "https://h/", want no slash`}},
		// What both servers have is checked for both.
		"networks, store and log": {func(c *config.KeyRelease) {
			c.Listen, c.Store.Driver, c.Log.Level, c.Shutdown.Drain, c.TLS.KeyFile = "x", "mysql", "loud", -1, ""
		}, []string{`listen: "x", want`, `log.level: "loud", want`, `shutdown.drain: -1ns, want`, `store.driver: "mysql", want`, `tls.keyFile: missing`}},
		"wrapping keys":                  {func(c *config.KeyRelease) { c.Keys = config.WrappingKeys{} }, []string{`keys.wrappingKeyFile: missing, want the file of the key that encrypts keys at rest`}},
		"two wrapping keys":              {func(c *config.KeyRelease) { c.Keys.WrappingKey = config.NewSecret("x") }, []string{`keys.wrappingKey: stands beside`}},
		"earlier wrapping keys":          {func(c *config.KeyRelease) { c.Keys.PreviousWrappingKeyFiles = []string{"wrapping.key", ""} }, []string{`keys.previousWrappingKeyFiles: holds`, `keys.previousWrappingKeyFiles[1]: empty`}},
		"half a pair to sign with":       {func(c *config.KeyRelease) { c.Signing.KeyFile = "k" }, []string{`signing.certificateFile: missing, want both`}},
		"nothing to sign with":           {func(c *config.KeyRelease) { behindProxy(c); c.Signing = config.Signing{} }, []string{`signing.certificateFile: missing, want a PEM file`, `signing.keyFile: missing, want a PEM file`}},
		"half a pair behind a proxy":     {func(c *config.KeyRelease) { behindProxy(c); c.Signing.KeyFile = "" }, []string{`signing.keyFile: missing, want both`}},
		"nobody who attests":             {func(c *config.KeyRelease) { c.Authorities = nil }, []string{`authorities: missing, want one or more`}},
		"an empty authority":             {func(c *config.KeyRelease) { c.Authorities = []config.Authority{{}} }, []string{`authorities[0].signingCertificate: "", want none or report`, `authorities[0].url: missing`}},
		"authority without TLS":          {func(c *config.KeyRelease) { c.Authorities[0].URL = "http://127.0.0.1:1" }, []string{`authorities[0].url: "http://127.0.0.1:1", want the scheme https`}},
		"authority that no policy names": {func(c *config.KeyRelease) { c.Authorities[0].URL = "https://h:443" }, []string{`authorities[0].url: "https://h:443", want it without :443`}},
		"authority in capitals":          {func(c *config.KeyRelease) { c.Authorities[0].URL = "https://H" }, []string{`authorities[0].url: "https://H", want a host name in lower case`}},
		"authority twice":                {func(c *config.KeyRelease) { c.Authorities = append(c.Authorities, c.Authorities[0]) }, []string{`authorities[1].url: "https://attest.example.com" stands twice`}},
		"anybody's enclave":              {func(c *config.KeyRelease) { c.Authorities[0].SigningCertificate = "report" }, []string{`authorities[0].signingCertificate: report, but mrenclave and mrsigner are empty`}},
		"enclaves that nobody looks at":  {func(c *config.KeyRelease) { c.Authorities[0].MREnclave = []string{hash} }, []string{`authorities[0].mrenclave: goes with signingCertificate: report`}},
		"enclaves that are none": {func(c *config.KeyRelease) {
			c.Authorities[0].SigningCertificate, c.Authorities[0].MRSigner = "report", []string{hash[1:], hash, strings.ToUpper(hash), hash[:62] + "0g"}
		}, []string{`authorities[0].mrsigner[0]: "`, `authorities[0].mrsigner[2]: "0f0f`, `authorities[0].mrsigner[3]: "`}},
		"negative age": {func(c *config.KeyRelease) { c.Release.MaxTokenAge = -1 }, []string{`release.maxTokenAge: -1ns, want`}},
		"held data":    {func(c *config.KeyRelease) { c.Release.HeldData = []string{"jwk", "der", "jwk"} }, []string{`release.heldData[1]: "der", want jwk, pem or raw`, `release.heldData[2]: "jwk" stands twice`}},
		"held data of machines": {func(c *config.KeyRelease) {
			c.Release.HeldData, c.Release.AttestationTypes = []string{"jwk"}, []string{"tdxvm"}
		}, []string{`release.heldData: goes with sgx`}},
		"nothing to release to":    {func(c *config.KeyRelease) { c.Release.AttestationTypes = nil }, []string{`release.attestationTypes: empty`}},
		"attestation by TPM":       {func(c *config.KeyRelease) { c.Release.AttestationTypes = []string{"sgx", "tpm", "sgx"} }, []string{`release.attestationTypes[1]: "tpm", want sgx, sevsnpvm, tdxvm or azurevm`, `release.attestationTypes[2]: "sgx" stands twice`}},
		"limits":                   {func(c *config.KeyRelease) { c.Limits.BodyBytes, c.Limits.Idle, c.Limits.Burst = -1, -1, 5 }, []string{`limits.bodyBytes: -1, want`, `limits.burst: goes with limits.ratePerCaller`, `limits.idle: -1ns, want`}},
		"metrics beside the vault": {func(c *config.KeyRelease) { c.Telemetry.MetricsListen = c.Listen }, []string{`telemetry.metricsListen: the address of listen`}},
		"metrics nowhere":          {func(c *config.KeyRelease) { c.Telemetry.MetricsListen = "9465" }, []string{`telemetry.metricsListen: "9465", want host:port`}},
		"certificates of a proxy": {func(c *config.KeyRelease) {
			behindProxy(c)
			c.Auth.Certificates = []config.Certificate{{DNS: "a", Role: "key-reader"}}
		}, []string{`auth.certificates[0]: needs client certificates`}},
		"roles of the attestation": {func(c *config.KeyRelease) { bind(c, "contributor", "Disk") }, []string{`auth.bindings[0].instances[0]: "Disk", want the name of a key`, `auth.bindings[0].role: "contributor", want release-user, key-reader or crypto-officer`}},
		"names that no key has":    {func(c *config.KeyRelease) { bind(c, "key-reader", "*", "a_b", strings.Repeat("k", 128)) }, []string{`auth.bindings[0].instances[0]: "*"`, `auth.bindings[0].instances[1]: "a_b"`, `auth.bindings[0].instances[2]: "kkk`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := validKeyRelease()
			tt.change(c)
			got := linesOf(t, c.Validate())
			if !slices.EqualFunc(got, tt.want, strings.HasPrefix) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func bind(c *config.KeyRelease, role string, keys ...string) {
	c.Auth.Issuers = []config.Issuer{{Name: "ci", URL: "https://ci.example", Audiences: []string{"a"}}}
	c.Auth.Bindings = []config.Binding{{Issuer: "ci", Claim: "sub", Value: "a", Role: role, Instances: keys}}
}

// Each server has its own roles, and the other one's mean nothing to it.
func TestServiceRefusesRolesForKeys(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"release-user", "key-reader", "crypto-officer"} {
		c := valid()
		c.Auth.Issuers = []config.Issuer{{Name: "ci", URL: "https://ci.example", Audiences: []string{"a"}}}
		c.Auth.Bindings = []config.Binding{{Issuer: "ci", Claim: "sub", Value: "a", Role: role}}
		if got := linesOf(t, c.Validate()); len(got) != 1 || !strings.Contains(got[0], "want reader or contributor") {
			t.Errorf("%s: %s", role, got)
		}
	}
}

func TestKeyReleaseDefaultLacksWhatOnlyTheOperatorHas(t *testing.T) {
	t.Parallel()
	missing := func(lines []string) []string {
		var paths []string
		for _, line := range lines {
			path, text, _ := strings.Cut(line, ": ")
			if !strings.HasPrefix(text, "missing") {
				t.Errorf("%s", line)
			}
			paths = append(paths, path)
		}
		return paths
	}
	c := config.DefaultKeyRelease()
	if got, want := missing(linesOf(t, c.Validate())), []string{"authorities", "keys.wrappingKeyFile", "tls.certificateFile", "tls.keyFile", "url"}; !slices.Equal(got, want) {
		t.Errorf("missing %s, want %s", got, want)
	}
	// Whom to believe even a server on a developer's machine must be told.
	if got, want := missing(linesOf(t, c.ValidateDevelopment())), []string{"authorities"}; !slices.Equal(got, want) {
		t.Errorf("in development missing %s, want %s", got, want)
	}
}

// The forms of held data are a copy, for this room imports nothing of ours.
func TestEveryFormOfHeldDataIsKnown(t *testing.T) {
	t.Parallel()
	c := validKeyRelease()
	for _, form := range keyrelease.HeldForms() {
		c.Release.HeldData = append(c.Release.HeldData, string(form))
	}
	if err := c.Validate(); err != nil || len(c.Release.HeldData) != 3 {
		t.Errorf("%s: %v", c.Release.HeldData, err)
	}
}
