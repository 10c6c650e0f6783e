package config_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/config"
)

// valid is a small configuration that holds; the parts of tests are laid over it.
func valid() *config.Config {
	c := config.Default()
	c.TLS.CertificateFile, c.TLS.KeyFile = "cert.pem", "key.pem"
	c.Keys.WrappingKeyFile = "wrapping.key"
	return c
}

func instance(name, url string) config.Instance {
	return config.Instance{
		Name: name, URL: url, Mode: "aad", Types: []string{"SgxEnclave", "OpenEnclave"}, AcceptedTCB: []string{"UpToDate"},
		Algorithm: "RS256", TokenLifetime: time.Hour, AttestRole: "none",
	}
}

func TestValidateAccepts(t *testing.T) {
	t.Parallel()
	tests := map[string]func(c *config.Config){
		"the least":             func(*config.Config) {},
		"proxy on this machine": func(c *config.Config) { c.TLS = config.TLS{MinVersion: "1.3"}; c.BehindProxy = true },
		"proxy in a network": func(c *config.Config) {
			c.TLS = config.TLS{MinVersion: "1.2"}
			c.BehindProxy, c.Listen, c.TrustedProxies = true, ":8080", []string{"10.0.0.0/8", "::1/128"}
		},
		"proxies that speak TLS to us": func(c *config.Config) { c.TrustedProxies = []string{"10.0.0.1/32"} },
		"postgres by URL":              func(c *config.Config) { c.Store.Driver, c.Store.DSN = "postgres", config.NewDSN("postgres://h/d") },
		"postgres by file": func(c *config.Config) {
			c.Store.Driver, c.Store.DSNFile, c.Store.Schema = "postgres", "f", "azattest_1"
		},
		"memory without wrapping key": func(c *config.Config) { c.Store.Driver, c.Keys.WrappingKeyFile = "memory", "" },
		"wrapping key in place":       func(c *config.Config) { c.Keys.WrappingKeyFile, c.Keys.WrappingKey = "", config.NewSecret("k") },
		"key in a device": func(c *config.Config) {
			c.Keys.PKCS11 = config.PKCS11{Module: "m", TokenLabel: "t", PINFile: "p", KeyLabel: "k"}
		},
		"no rotation":          func(c *config.Config) { c.Keys.RotateAfter = 0 },
		"folder of collateral": func(c *config.Config) { c.Collateral.Source = "collateral" },
		"PCCS of the neighborhood": func(c *config.Config) {
			c.Collateral = config.Collateral{Source: "http://pccs:8081/sgx/", Update: "early", Cache: "c"}
		},
		"zero limits":                func(c *config.Config) { c.Limits = config.Limits{} },
		"rates":                      func(c *config.Config) { c.Limits.RatePerCaller, c.Limits.Burst = 0.5, 10 },
		"traces in the neighborhood": func(c *config.Config) { c.Telemetry.OTLPEndpoint = "http://collector:4318" },
		"traces with headers": func(c *config.Config) {
			c.Telemetry.OTLPEndpoint, c.Telemetry.OTLPHeaders = "https://collector", config.NewSecret("a=b, c=d=e")
		},
		"traces with headers to this machine": func(c *config.Config) {
			c.Telemetry.OTLPEndpoint, c.Telemetry.OTLPHeadersFile = "http://[::1]:4318", "f"
		},
		"instances at one host": func(c *config.Config) {
			c.Instances = []config.Instance{instance("a", "https://h"), instance("b", "https://h/b"), instance("c", "https://h:8443/c.d/e")}
		},
		"instance with hosts": func(c *config.Config) {
			c.Instances = []config.Instance{instance("a", "https://192.0.2.1")}
			c.Instances[0].Hosts = []string{"a", "b.c"}
		},
		"isolated": func(c *config.Config) {
			c.Instances = []config.Instance{instance("a", "https://h")}
			c.Instances[0].Mode, c.Instances[0].PolicyCertificateFiles = "isolated", []string{"a.pem", "b.pem"}
		},
		"fixed policy": func(c *config.Config) {
			c.Instances = []config.Instance{instance("a", "https://h")}
			c.Instances[0].Policies = map[string]string{"SgxEnclave": "p"}
		},
		"roles": func(c *config.Config) {
			c.TLS.ClientCAFile = "ca.pem"
			c.Auth.Entra = []config.Entra{{Name: "entra", Tenant: "0a1b2c3d-0000-4000-8000-000000000000", Cloud: "us-government"}}
			c.Auth.Issuers = []config.Issuer{{Name: "ci", URL: "https://ci.example/path/", Audiences: []string{"a"}}}
			c.Auth.Bindings = []config.Binding{
				{Issuer: "entra", Claim: "oid", Value: "0a1b2c3d-0000-4000-8000-000000000001", Role: "reader"},
				{Issuer: "ci", Claim: "oid", Value: "v", Role: "reader"},
				{Issuer: "ci", Claim: "sub", Value: "v w", Role: "contributor", Instances: []string{"not-in-the-file"}},
			}
			c.Auth.Certificates = []config.Certificate{
				{SHA256: "0F" + strings.Repeat(":0f", 31), Role: "reader"},
				{SPKISHA256: strings.Repeat("0f", 32), Role: "contributor", Instances: []string{"a"}},
				{URI: "spiffe://a/b", Role: "reader"},
				{DNS: "a.b", Role: "reader"},
			}
			c.Instances = []config.Instance{instance("a", "https://h")}
			c.Instances[0].AttestRole = "reader"
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := valid()
			change(c)
			if err := c.Validate(); err != nil {
				t.Errorf("refused:\n%v", err)
			}
		})
	}
}

func TestDefaultLacksWhatOnlyTheOperatorHas(t *testing.T) {
	t.Parallel()
	got := linesOf(t, config.Default().Validate())
	want := []string{
		"keys.wrappingKeyFile: missing, want the file of the key that encrypts signing keys at rest",
		"tls.certificateFile: missing, want a PEM file (or behindProxy: true)",
		"tls.keyFile: missing, want a PEM file (or behindProxy: true)",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// one is a case of Validate's refusals: a change, and the faults that it makes.
type one struct {
	change func(c *config.Config)
	want   []string
}

func wantFaults(t *testing.T, tests map[string]one) {
	t.Helper()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := valid()
			tt.change(c)
			got := linesOf(t, c.Validate())
			if len(got) != len(tt.want) {
				t.Fatalf("got %d faults:\n%s\nwant %d", len(got), strings.Join(got, "\n"), len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("fault %d:\n got %s\nwant %s", i, got[i], want)
				}
			}
		})
	}
}

func TestValidateRefusesNetworks(t *testing.T) {
	t.Parallel()
	wantFaults(t, map[string]one{
		"no port":        {func(c *config.Config) { c.Listen = "localhost" }, []string{`listen: "localhost", want host:port`}},
		"port in words":  {func(c *config.Config) { c.Listen = ":https" }, []string{`listen: ":https", want a port from 0 to 65535`}},
		"port too large": {func(c *config.Config) { c.Listen = ":65536" }, []string{`listen: ":65536", want a port`}},
		"no host name":   {func(c *config.Config) { c.Listen = "a_b:1" }, []string{`listen: "a_b:1", want an address or a name`}},
		"no data":        {func(c *config.Config) { c.DataDir = "" }, []string{`dataDir: empty`}},
		"old TLS":        {func(c *config.Config) { c.TLS.MinVersion = "1.1" }, []string{`tls.minVersion: "1.1", want 1.2 or 1.3`}},
		"half of TLS":    {func(c *config.Config) { c.TLS.KeyFile = "" }, []string{`tls.keyFile: missing`}},
		"TLS and proxy":  {func(c *config.Config) { c.BehindProxy = true; c.TLS.ClientCAFile = "x" }, []string{`tls.certificateFile: contradicts behindProxy`, `tls.clientCAFile: contradicts`, `tls.keyFile: contradicts`}},
		"plain HTTP":     {func(c *config.Config) { c.BehindProxy, c.TLS, c.Listen = true, config.TLS{MinVersion: "1.2"}, ":80" }, []string{`behindProxy: plain HTTP on :80 without trustedProxies`}},
		"plain HTTP to a name": {func(c *config.Config) {
			c.BehindProxy, c.TLS, c.Listen = true, config.TLS{MinVersion: "1.2"}, "localhost.example:80"
		}, []string{`behindProxy: plain HTTP`}},
		"trusted networks": {func(c *config.Config) {
			c.TrustedProxies = []string{"10.0.0.1", "10.0.0.1/8", "0.0.0.0/0", "::/0", "10.0.0.0/8", "10.0.0.0/8"}
		}, []string{
			`trustedProxies[0]: "10.0.0.1", want a network`, `trustedProxies[1]: "10.0.0.1/8", want 10.0.0.0/8`, `trustedProxies[2]: "0.0.0.0/0" is everybody`,
			`trustedProxies[3]: "::/0" is everybody`, `trustedProxies[5]: "10.0.0.0/8" stands twice`,
		}},
		"metrics beside the service": {func(c *config.Config) { c.Telemetry.MetricsListen = c.Listen }, []string{`telemetry.metricsListen: the address of listen`}},
		"metrics nowhere":            {func(c *config.Config) { c.Telemetry.MetricsListen = "9464" }, []string{`telemetry.metricsListen: "9464", want host:port`}},
	})
}

func TestValidateRefusesStoresAndKeys(t *testing.T) {
	t.Parallel()
	wantFaults(t, map[string]one{
		"unknown driver": {func(c *config.Config) { c.Store.Driver = "mysql" }, []string{`store.driver: "mysql", want sqlite, postgres or memory`}},
		"DSN of sqlite": {func(c *config.Config) {
			c.Store.DSN, c.Store.DSNFile, c.Store.Schema = config.NewDSN("host=h"), "f", "s"
		}, []string{`store.dsn: is for`, `store.dsnFile: is for`, `store.schema: is for`}},
		"path of postgres": {func(c *config.Config) {
			c.Store = config.Store{Driver: "postgres", DSNFile: "f", Path: "p", MaxStaleness: 1}
		}, []string{`store.path: is for the driver sqlite alone, not postgres`}},
		"no DSN": {func(c *config.Config) { c.Store.Driver = "postgres" }, []string{`store.dsnFile: missing`}},
		"two DSNs": {func(c *config.Config) {
			c.Store.Driver, c.Store.DSN, c.Store.DSNFile = "postgres", config.NewDSN("host=h"), "f"
		}, []string{`store.dsn: stands beside store.dsnFile`}},
		"no form of DSN":    {func(c *config.Config) { c.Store.Driver, c.Store.DSN = "postgres", config.NewDSN("hunter2") }, []string{`store.dsn: want postgres://`}},
		"schema in quotes":  {func(c *config.Config) { c.Store.Driver, c.Store.DSNFile, c.Store.Schema = "postgres", "f", `a"; drop` }, []string{`store.schema: "a\"; drop", want up to 48`}},
		"no staleness":      {func(c *config.Config) { c.Store.MaxStaleness = 0 }, []string{`store.maxStaleness: 0s, want a duration above 0`}},
		"two wrapping keys": {func(c *config.Config) { c.Keys.WrappingKey = config.NewSecret("x") }, []string{`keys.wrappingKey: stands beside`}},
		"earlier keys":      {func(c *config.Config) { c.Keys.PreviousWrappingKeyFiles = []string{"", "wrapping.key", "a", "a"} }, []string{`keys.previousWrappingKeyFiles: holds keys.wrappingKeyFile`, `keys.previousWrappingKeyFiles[0]: empty`, `keys.previousWrappingKeyFiles[3]: "a" stands twice`}},
		"device without wrapping key": {
			func(c *config.Config) {
				c.Keys.WrappingKeyFile, c.Keys.PKCS11 = "", config.PKCS11{Module: "m", TokenLabel: "t", PINFile: "p", KeyLabel: "k"}
			},
			[]string{`keys.wrappingKeyFile: missing, want`},
		},
		"hasty rotation": {func(c *config.Config) { c.Keys.RotateAfter = 24 * time.Hour }, []string{`keys.rotateAfter: 24h, want more than keys.announce (24h)`}},
		"negative times": {func(c *config.Config) { c.Keys.RotateAfter, c.Keys.Announce = -1, -1 }, []string{`keys.announce: -1ns, want`, `keys.rotateAfter: -1ns, want`}},
		"small key":      {func(c *config.Config) { c.Keys.Bits = 1024 }, []string{`keys.bits: 1024, want 2048 or 3072`}},
		"unknown report": {func(c *config.Config) { c.Keys.Report = "always" }, []string{`keys.report: "always", want auto or none`}},
		"half a device":  {func(c *config.Config) { c.Keys.PKCS11.Module = "m" }, []string{`keys.pkcs11.keyLabel: missing`, `keys.pkcs11.pinFile: missing`, `keys.pkcs11.tokenLabel: missing`}},
	})
}

func TestValidateRefusesTheRest(t *testing.T) {
	t.Parallel()
	wantFaults(t, map[string]one{
		"no collateral":       {func(c *config.Config) { c.Collateral.Source = "" }, []string{`collateral.source: empty`}},
		"collateral by FTP":   {func(c *config.Config) { c.Collateral.Source = "ftp://h" }, []string{`collateral.source: "ftp://h", want the scheme https or http`}},
		"folder with a cache": {func(c *config.Config) { c.Collateral = config.Collateral{Source: "d", Cache: "c", Update: "late"} }, []string{`collateral.cache: goes with a URL`, `collateral.update: "late", want`, `collateral.update: goes with`}},
		"negative limits":     {func(c *config.Config) { c.Limits = config.Limits{BodyBytes: -1, RatePerCaller: -0.5, Idle: -1} }, []string{`limits.bodyBytes: -1, want`, `limits.idle: -1ns, want`, `limits.ratePerCaller: -0.5, want`}},
		"burst alone":         {func(c *config.Config) { c.Limits.Burst = 1 }, []string{`limits.burst: goes with`}},
		"no time to answer":   {func(c *config.Config) { c.Limits.Read = 0; c.Limits.Write = 49 * time.Second }, []string{`limits.write: 49s, want 50s or more`}},
		"log":                 {func(c *config.Config) { c.Log = config.Log{Format: "xml", Level: "INFO"} }, []string{`log.format: "xml", want text or json`, `log.level: "INFO", want debug, info, warn or error`}},
		"headers to nobody":   {func(c *config.Config) { c.Telemetry.OTLPHeaders = config.NewSecret("a=b") }, []string{`telemetry.otlpEndpoint: missing`}},
		"headers in the open": {func(c *config.Config) { c.Telemetry.OTLPEndpoint, c.Telemetry.OTLPHeadersFile = "http://h", "f" }, []string{`telemetry.otlpEndpoint: "http://h", want https`}},
		"two headers": {func(c *config.Config) {
			c.Telemetry.OTLPEndpoint, c.Telemetry.OTLPHeadersFile, c.Telemetry.OTLPHeaders = "https://h", "f", config.NewSecret("a=b")
		}, []string{`telemetry.otlpHeaders: stands beside`}},
		"malformed headers": {func(c *config.Config) {
			c.Telemetry.OTLPEndpoint, c.Telemetry.OTLPHeaders = "https://h", config.NewSecret("a=b\n,c=d")
		}, []string{`telemetry.otlpHeaders: want name=value, separated by commas`}},
		"ratio":              {func(c *config.Config) { c.Telemetry.TraceRatio = 1.5 }, []string{`telemetry.traceRatio: 1.5, want a number from 0 to 1`}},
		"terse explanations": {func(c *config.Config) { c.Errors = config.Errors{Terse: true, ExplainDenials: true} }, []string{`errors.explainDenials: contradicts`}},
		"negative shutdown":  {func(c *config.Config) { c.Shutdown = config.Shutdown{Linger: -1, Drain: -1} }, []string{`shutdown.drain: -1ns, want`, `shutdown.linger: -1ns, want`}},
	})
}

// The list of statuses is a copy, for this room imports nothing of ours.
func TestEveryTCBStatusIsKnown(t *testing.T) {
	t.Parallel()
	for _, status := range evidence.TCBStatuses() {
		c := valid()
		c.Instances = []config.Instance{instance("a", "https://h")}
		c.Instances[0].AcceptedTCB = []string{string(status)}
		err := c.Validate()
		if never := status == evidence.TCBRevoked || status == evidence.TCBNoMatchingLevel; never != (err != nil) {
			t.Errorf("%s: %v", status, err)
		} else if never && !strings.Contains(err.Error(), "can never be accepted") {
			t.Errorf("%s: %v", status, err)
		}
	}
}

// Faults of what was read point into the file; a key that is missing, at its
// section.
func TestFaultsHavePlaces(t *testing.T) {
	t.Parallel()
	c, faults := parse(t, "tls:\n  certificateFile: a\nkeys: {wrappingKeyFile: k}\ninstances:\n- name: a\n  url: https://h/\n  types: [SgxEnclave, TdxVm]\n")
	if faults != nil {
		t.Fatal(faults)
	}
	e, ok := errors.AsType[*config.Error](c.Validate())
	if !ok || len(e.Problems) != 3 {
		t.Fatalf("got %v, want three problems", e)
	}
	for i, want := range []config.Problem{
		{File: "f.yaml", Line: 2, Column: 3, Path: "tls.keyFile"},
		{File: "f.yaml", Line: 6, Column: 8, Path: "instances[0].url"},
		{File: "f.yaml", Line: 7, Column: 23, Path: "instances[0].types[1]"},
	} {
		got := e.Problems[i]
		got.Text = ""
		if got != want {
			t.Errorf("problem %d: %+v, want %+v", i, got, want)
		}
	}
}

func TestFaultsOfOthersHavePlaces(t *testing.T) {
	t.Parallel()
	c, faults := parse(t, "tls:\n  keyFile: a\n", "AZATTEST_DATA_DIR=d")
	if faults != nil {
		t.Fatal(faults)
	}
	for path, want := range map[string]string{
		"tls.keyFile": "f.yaml:2:12: tls.keyFile: x", "tls.clientCAFile": "f.yaml:2:3: tls.clientCAFile: x",
		"audit.dir": "f.yaml: audit.dir: x", "dataDir": "AZATTEST_DATA_DIR: dataDir: x",
	} {
		if got := c.Fault(path, "x").String(); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := config.Default().Fault("dataDir", "x").String(); got != "dataDir: x" {
		t.Errorf("without a file: %q", got)
	}
}
