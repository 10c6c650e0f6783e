package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/config"
)

// validKeyRelease is a small configuration that holds; the parts of tests are laid
// over it.
func validKeyRelease() *config.KeyRelease {
	c := config.DefaultKeyRelease()
	c.URL = "https://vault.example.com"
	c.TLS.CertificateFile, c.TLS.KeyFile = "cert.pem", "key.pem"
	c.Keys.WrappingKeyFile = "wrapping.key"
	c.Authorities = []config.Authority{{URL: "https://attest.example.com", SigningCertificate: "none"}}
	return c
}

func behindProxy(c *config.KeyRelease) {
	c.BehindProxy, c.TLS = true, config.TLS{MinVersion: "1.2"}
	c.Signing = config.Signing{CertificateFile: "sign.pem", KeyFile: "sign-key.pem"}
}

func TestKeyReleaseIsReadAsTheService(t *testing.T) {
	t.Parallel()
	text := `
url: https://vault.example.com
authorities: [{url: https://attest.example.com}]
release: {maxTokenAge: 5m, attestationTypes: [sgx]}
auth: {entra: [{tenant: t}]}
`
	c, err := config.ParseKeyRelease("f.yaml", []byte(text), environmentOf([]string{
		"AZATTEST_KEYRELEASE_LISTEN=b:2", "AZATTEST_KEYRELEASE_KEYS_WRAPPING_KEY=hunter2", "AZATTEST_KEYRELEASE_RELEASE_REQUIRE_NONCE=true",
		"AZATTEST_KEYRELEASE_TELEMETRY_METRICS_LISTEN=m:3", "AZATTEST_TELEMETRY_METRICS_LISTEN=of-the-service:2",
		"AZATTEST_LISTEN=of-the-service:1", "AZATTEST_LOG_LEVEL=debug",
	}))
	if err != nil {
		t.Fatal(err)
	}
	d := config.DefaultKeyRelease()
	switch {
	case c.URL != "https://vault.example.com" || c.Listen != "b:2" || c.Keys.WrappingKey.Reveal() != "hunter2":
		t.Errorf("read %+v", c)
	case c.Authorities[0].SigningCertificate != "none" || c.Auth.Entra[0].Cloud != "public":
		t.Errorf("elements of lists are not as by default: %+v, %+v", c.Authorities, c.Auth.Entra)
	case c.Release.MaxTokenAge != 5*time.Minute || !c.Release.RequireNonce || !slices.Equal(c.Release.AttestationTypes, []string{"sgx"}):
		t.Errorf("release: %+v", c.Release)
	case c.Telemetry.MetricsListen != "m:3":
		t.Errorf("telemetry: %+v", c.Telemetry)
	case c.Log != d.Log || c.Limits != d.Limits || c.DataDir != d.DataDir:
		t.Errorf("what was left out is not as by default: %+v", c)
	}
}

func TestKeyReleaseParseRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"instances: []":                   `f.yaml:1:1: unknown key "instances", did you mean auth.bindings[].instances?`,
		"collateral: {}":                  `f.yaml:1:1: unknown key "collateral"`,
		"keys: {rotateAfter: 1h}":         `f.yaml:1:8: keys: unknown key "rotateAfter"`,
		"store: {maxStaleness: 5s}":       `f.yaml:1:9: store: unknown key "maxStaleness"`,
		"limits: {uploads: 5}":            `f.yaml:1:10: limits: unknown key "uploads"`,
		"telemetry: {traceRatio: 0.5}":    `f.yaml:1:13: telemetry: unknown key "traceRatio"`,
		"audit: {attestations: false}":    `f.yaml:1:9: audit: unknown key "attestations"`,
		"release: {max_token_age: 5m}":    `f.yaml:1:11: release: unknown key "max_token_age", did you mean maxTokenAge?`,
		"maxTokenAge: 5m":                 `f.yaml:1:1: unknown key "maxTokenAge", did you mean release.maxTokenAge?`,
		"authorities: https://a":          `f.yaml:1:14: authorities: want a list, found a text`,
		"authorities: [https://a]":        `f.yaml:1:15: authorities[0]: want keys with values, found a text`,
		"release: {requireNonce: yes}":    `f.yaml:1:25: release.requireNonce: want true or false, found a text`,
		"url: &a https://h":               `f.yaml:1:6: url: anchors (&) and`,
		strings.Repeat("#", 1<<20) + "\n": `f.yaml: more than 1048576 bytes, want a configuration`,
		"keys: {wrappingKey: [hunter2]}":  `f.yaml:1:21: keys.wrappingKey: want a text, found a list`,
		"release: {}\nrelease: {}":        `f.yaml:2:1: key "release" stands on line 1 already`,
		"signing: {certificateFile: 5}":   `f.yaml:1:28: signing.certificateFile: want a text, found a number`,
		"listen: a:1\n---\nlisten: b:1":   `f.yaml:2:1: a second document, want one`,
	} {
		c, err := config.ParseKeyRelease("f.yaml", []byte(text), nil)
		got := linesOf(t, err)
		if c != nil || len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%.40s:\n got %s\nwant %s", text, strings.Join(got, "\n"), want)
		}
	}
	_, err := config.ParseKeyRelease("f.yaml", nil, environmentOf([]string{"AZATTEST_KEYRELEASE_BEHIND_PROXY=1"}))
	if got := linesOf(t, err); len(got) != 1 || got[0] != `AZATTEST_KEYRELEASE_BEHIND_PROXY: behindProxy: want true or false, found "1"` {
		t.Errorf("got %s", got)
	}
}

func TestLoadKeyReleaseReadsFiles(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "keyrelease.yaml")
	if _, err := config.LoadKeyRelease(name, nil); !os.IsNotExist(err) {
		t.Errorf("error %v, want that there is none", err)
	}
	if err := os.WriteFile(name, []byte("listen: nowhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.LoadKeyRelease(name, nil)
	if err != nil || c.Listen != "nowhere" {
		t.Fatalf("got %+v, %v", c, err)
	}
	if got := linesOf(t, c.Validate()); !slices.Contains(got, name+`:1:9: listen: "nowhere", want host:port such as 127.0.0.1:8443`) {
		t.Errorf("the fault has no place:\n%s", strings.Join(got, "\n"))
	}
	if got := c.Fault("listen", "x").String(); got != name+":1:9: listen: x" {
		t.Errorf("fault of others: %s", got)
	}
}

func TestKeyReleasePrintsWithoutSecrets(t *testing.T) {
	t.Parallel()
	c := validKeyRelease()
	c.Keys.WrappingKey, c.Store.DSN = config.NewSecret("hunter2"), config.NewDSN("host=h password=hunter2")
	got := printed(t, c)
	c.Authorities[0].URL = "https://u:hunter2@h"
	got += printedAs(t, c, false) + printedAs(t, c, true) + fmt.Sprint(c.Validate())
	if strings.Contains(got, "hunter2") {
		t.Errorf("prints a secret:\n%s", got)
	}
	again, err := config.ParseKeyRelease("printed", []byte(printedAs(t, validKeyRelease(), false)), nil)
	if err != nil || printedAs(t, again, true) != printedAs(t, validKeyRelease(), true) {
		t.Errorf("what was printed reads as something else: %v", err)
	}
}
