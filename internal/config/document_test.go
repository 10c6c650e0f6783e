package config_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/internal/config"
)

// documented is a row of docs/configuration.md: path, type, default, variable.
var documented = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\| `([^`]*)` \\| (?:`([^`]*)` )?\\| [A-Z0`][^|]*[^.| ] \\|$")

func TestEveryKeyIsDocumented(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, behind, foundFirst := strings.Cut(string(raw), "\n## Keys\n")
	service, keyRelease, foundSecond := strings.Cut(behind, "\n## Key release server\n")
	if !foundFirst || !foundSecond {
		t.Fatal(`docs/configuration.md lacks one of the headings "## Keys" and "## Key release server"`)
	}
	wantTables(t, service, config.Keys())
	wantTables(t, keyRelease, config.KeyReleaseKeys())
}

// wantTables holds tables against the keys that they must list, in the same order.
func wantTables(t *testing.T, tables string, want []config.Key) {
	t.Helper()
	var got []config.Key
	for _, row := range documented.FindAllStringSubmatch(tables, -1) {
		got = append(got, config.Key{Path: row[1], Type: row[2], Default: row[3], Variable: row[4]})
	}
	if n := strings.Count(tables, "\n| `"); n != len(got) {
		t.Errorf("%d rows, of which %d have the form of the others", n, len(got))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/configuration.md is behind the structs (-want +got):\n%s", diff)
	}
}

// hasExample are the keys whose value in the example is not the default, for there
// is none with which the service could start, or show what is meant.
var hasExample = []string{"tls.certificateFile", "tls.keyFile", "tls.clientCAFile", "keys.wrappingKeyFile", "url"}

func TestExampleHoldsAndSaysTheDefaults(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("example.yaml", []byte(config.Example()), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	c.Auth.Entra, c.Auth.Issuers, c.Auth.Bindings, c.Auth.Certificates, c.Instances = nil, nil, nil, nil, nil
	d := config.Default()
	d.TLS, d.Keys.WrappingKeyFile = c.TLS, c.Keys.WrappingKeyFile
	if got, want := printedAs(t, c, false), printedAs(t, d, false); got != want {
		t.Errorf("the example differs from the defaults (-want +got):\n%s", cmp.Diff(want, got))
	}
	if c.TLS.MinVersion != config.Default().TLS.MinVersion {
		t.Errorf("tls.minVersion: %q", c.TLS.MinVersion)
	}
}

func TestKeyReleaseExampleHoldsAndSaysTheDefaults(t *testing.T) {
	t.Parallel()
	c, err := config.ParseKeyRelease("example-keyrelease.yaml", []byte(config.ExampleKeyRelease()), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	least, err := config.ParseKeyRelease("least.yaml", []byte("authorities: [{url: 'https://sharedeus.eus.attest.azure.net', mrenclave: [], mrsigner: []}]\nauth: {entra: [{tenant: 00000000-0000-0000-0000-000000000000, audiences: []}]}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(least.Authorities[0], c.Authorities[0]); diff != "" {
		t.Errorf("authorities[0] (-default +example):\n%s", diff)
	}
	if diff := cmp.Diff(least.Auth.Entra[0], c.Auth.Entra[0]); diff != "" {
		t.Errorf("auth.entra[0] (-default +example):\n%s", diff)
	}
	c.Authorities, c.Auth.Entra, c.Auth.Issuers, c.Auth.Bindings, c.Auth.Certificates = nil, nil, nil, nil, nil
	d := config.DefaultKeyRelease()
	minVersion := d.TLS.MinVersion
	d.URL, d.TLS, d.Keys.WrappingKeyFile = c.URL, c.TLS, c.Keys.WrappingKeyFile
	if got, want := printedAs(t, c, false), printedAs(t, d, false); got != want {
		t.Errorf("the example differs from the defaults (-want +got):\n%s", cmp.Diff(want, got))
	}
	if c.TLS.MinVersion != minVersion {
		t.Errorf("tls.minVersion: %q", c.TLS.MinVersion)
	}
}

func TestExampleHasEveryKey(t *testing.T) {
	t.Parallel()
	wantEveryKey(t, config.Example(), config.Keys())
	wantEveryKey(t, config.ExampleKeyRelease(), config.KeyReleaseKeys())
}

func wantEveryKey(t *testing.T, example string, keys []config.Key) {
	t.Helper()
	written := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^ *(?:- )?([A-Za-z0-9]+):`).FindAllStringSubmatch(example, -1) {
		written[m[1]] = true
	}
	for _, k := range keys {
		if last := k.Path[strings.LastIndexByte(k.Path, '.')+1:]; !written[last] {
			t.Errorf("the example has no %s", k.Path)
		}
		if k.Default == `""` && !strings.Contains(k.Path, "[]") && !slices.Contains(hasExample, k.Path) {
			last := k.Path[strings.LastIndexByte(k.Path, '.')+1:]
			if !strings.Contains(example, last+`: ""`) {
				t.Errorf("the example gives %s a value, want none", k.Path)
			}
		}
	}
}

// A list of the example shows the defaults of its elements, too.
func TestFirstInstanceOfTheExampleSaysTheDefaults(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("example.yaml", []byte(config.Example()), nil)
	if err != nil {
		t.Fatal(err)
	}
	least, err := config.Parse("least.yaml", []byte("instances: [{name: contoso, url: 'https://contoso.example.com', hosts: [contoso.internal], policies: {OpenEnclave: openenclave.policy}}]\nauth: {entra: [{tenant: 00000000-0000-0000-0000-000000000000}]}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	least.Instances[0].PolicyCertificateFiles = []string{}
	if diff := cmp.Diff(least.Instances[0], c.Instances[0]); diff != "" {
		t.Errorf("instances[0] (-default +example):\n%s", diff)
	}
	least.Auth.Entra[0].Audiences = []string{}
	if diff := cmp.Diff(least.Auth.Entra[0], c.Auth.Entra[0]); diff != "" {
		t.Errorf("auth.entra[0] (-default +example):\n%s", diff)
	}
}

func TestVariablesAreThoseOfScalars(t *testing.T) {
	t.Parallel()
	names := config.Variables()
	for _, want := range []string{"AZATTEST_LISTEN", "AZATTEST_KEYS_WRAPPING_KEY", "AZATTEST_TLS_CLIENT_CA_FILE", "AZATTEST_KEYS_PKCS11_PIN_FILE"} {
		if !slices.Contains(names, want) {
			t.Errorf("no variable %s", want)
		}
	}
	keyRelease := config.KeyReleaseVariables()
	for _, want := range []string{"AZATTEST_KEYRELEASE_URL", "AZATTEST_KEYRELEASE_KEYS_WRAPPING_KEY", "AZATTEST_KEYRELEASE_RELEASE_MAX_TOKEN_AGE"} {
		if !slices.Contains(keyRelease, want) {
			t.Errorf("no variable %s", want)
		}
	}
	// One environment may hold those of both.
	names = append(names, keyRelease...)
	sorted := slices.Sorted(slices.Values(names))
	if n := len(slices.Compact(sorted)); n != len(names) {
		t.Errorf("%d variables, %d of them different", len(names), n)
	}
	for _, name := range names {
		if strings.Contains(name, "INSTANCES") || strings.Contains(name, "AUTHORITIES") || strings.Contains(name, "TRUSTED_PROXIES") || strings.HasSuffix(name, "_") || strings.Contains(name, "__") {
			t.Errorf("variable %s", name)
		}
	}
}
