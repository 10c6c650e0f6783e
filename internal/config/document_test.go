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
	_, tables, found := strings.Cut(string(raw), "\n## Keys\n")
	if !found {
		t.Fatal(`docs/configuration.md has no heading "## Keys"`)
	}
	var got []config.Key
	for _, row := range documented.FindAllStringSubmatch(tables, -1) {
		got = append(got, config.Key{Path: row[1], Type: row[2], Default: row[3], Variable: row[4]})
	}
	if n := strings.Count(tables, "\n| `"); n != len(got) {
		t.Errorf("%d rows, of which %d have the form of the others", n, len(got))
	}
	if diff := cmp.Diff(config.Keys(), got); diff != "" {
		t.Errorf("docs/configuration.md is behind the structs (-want +got):\n%s", diff)
	}
}

// hasExample are the keys whose value in the example is not the default, for there
// is none with which the service could start, or show what is meant.
var hasExample = []string{"tls.certificateFile", "tls.keyFile", "tls.clientCAFile", "keys.wrappingKeyFile"}

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

func TestExampleHasEveryKey(t *testing.T) {
	t.Parallel()
	written := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^ *(?:- )?([A-Za-z0-9]+):`).FindAllStringSubmatch(config.Example(), -1) {
		written[m[1]] = true
	}
	for _, k := range config.Keys() {
		if last := k.Path[strings.LastIndexByte(k.Path, '.')+1:]; !written[last] {
			t.Errorf("the example has no %s", k.Path)
		}
		if k.Default == `""` && !strings.Contains(k.Path, "[]") && !slices.Contains(hasExample, k.Path) {
			last := k.Path[strings.LastIndexByte(k.Path, '.')+1:]
			if !strings.Contains(config.Example(), last+`: ""`) {
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
	sorted := slices.Sorted(slices.Values(names))
	if n := len(slices.Compact(sorted)); n != len(names) {
		t.Errorf("%d variables, %d of them different", len(names), n)
	}
	for _, name := range names {
		if strings.Contains(name, "INSTANCES") || strings.Contains(name, "TRUSTED_PROXIES") || strings.HasSuffix(name, "_") || strings.Contains(name, "__") {
			t.Errorf("variable %s", name)
		}
	}
}
