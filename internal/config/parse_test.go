package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/config"
)

func parse(t *testing.T, text string, environment ...string) (*config.Config, []string) {
	t.Helper()
	c, err := config.Parse("f.yaml", []byte(text), environmentOf(environment))
	return c, linesOf(t, err)
}

func environmentOf(pairs []string) func(string) string {
	return func(name string) string {
		for _, p := range pairs {
			if value, found := strings.CutPrefix(p, name+"="); found {
				return value
			}
		}
		return ""
	}
}

// linesOf are the faults of an error, which has no other form.
func linesOf(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*config.Error](err)
	if !ok || len(e.Problems) == 0 {
		t.Fatalf("error %v (%T), want a *config.Error with problems", err, err)
	}
	return strings.Split(err.Error(), "\n")
}

func TestFileIsLaidOverTheDefaults(t *testing.T) {
	t.Parallel()
	c, faults := parse(t, `
listen: "[::1]:443"
behindProxy: true
store: {driver: postgres, dsn: "host=h password=pw"}
keys:
  announce: "36h"
  previousWrappingKeyFiles: [a, b]
limits: {ratePerCaller: 2.5, idle: 0, bodyBytes: 5}
auth:
  entra: [{tenant: t}]
instances:
  - name: a
    types: [SgxEnclave]
    policies: {SgxEnclave: p.txt}
  - {name: b, tokenLifetime: 90m}
`)
	if faults != nil {
		t.Fatal(faults)
	}
	d := config.Default()
	switch {
	case c.Listen != "[::1]:443" || !c.BehindProxy || c.Store.Driver != "postgres" || c.Store.DSN.Reveal() != "host=h password=pw":
		t.Errorf("read %+v", c)
	case c.Keys.Announce != 36*time.Hour || !slices.Equal(c.Keys.PreviousWrappingKeyFiles, []string{"a", "b"}):
		t.Errorf("keys: %+v", c.Keys)
	case c.Limits.RatePerCaller != 2.5 || c.Limits.Idle != 0 || c.Limits.BodyBytes != 5:
		t.Errorf("limits: %+v", c.Limits)
	case c.Limits.Read != d.Limits.Read || c.Keys.Bits != d.Keys.Bits || c.DataDir != d.DataDir || c.Log != d.Log:
		t.Errorf("what was left out is not as by default: %+v", c)
	case c.Auth.Entra[0].Name != "entra" || c.Auth.Entra[0].Cloud != "public":
		t.Errorf("entra: %+v", c.Auth.Entra)
	}
	a, b := c.Instances[0], c.Instances[1]
	if !slices.Equal(a.Types, []string{"SgxEnclave"}) || a.Policies["SgxEnclave"] != "p.txt" || a.Mode != "aad" || a.TokenLifetime != 8*time.Hour {
		t.Errorf("first instance: %+v", a)
	}
	if !slices.Equal(b.Types, []string{"SgxEnclave", "OpenEnclave", "Tpm"}) || b.Policies != nil || b.TokenLifetime != 90*time.Minute {
		t.Errorf("second instance: %+v", b)
	}
}

func TestNothingIsTheDefaults(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n", "# a comment\n", "---\n", "--- # a comment\n", "{}\n"} {
		c, faults := parse(t, text)
		if faults != nil {
			t.Errorf("%q: %v", text, faults)
		} else if c.Listen != config.Default().Listen {
			t.Errorf("%q: %+v", text, c)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want []string
	}{
		"unknown key":                     {"lisen: x", []string{`f.yaml:1:1: unknown key "lisen", did you mean listen?`}},
		"key spelt as elsewhere":          {"data_dir: x\nTLS: {}", []string{`f.yaml:1:1: unknown key "data_dir", did you mean dataDir?`, `f.yaml:2:1: unknown key "TLS", did you mean tls?`}},
		"key of another section":          {"dsnFile: x", []string{`f.yaml:1:1: unknown key "dsnFile", did you mean store.dsnFile?`}},
		"key like no other":               {"tls:\n  frobnicate: x", []string{`f.yaml:2:3: tls: unknown key "frobnicate"`}},
		"unknown key in a list":           {"instances:\n  - name: a\n    uri: b", []string{`f.yaml:3:5: instances[0]: unknown key "uri", did you mean url?`}},
		"key twice":                       {"log:\n  level: info\n  level: debug", []string{`f.yaml:3:3: log: key "level" stands on line 2 already`}},
		"section twice":                   {"log: {}\nlog: {}", []string{`f.yaml:2:1: key "log" stands on line 1 already`}},
		"type twice":                      {"instances:\n- policies: {a: b, a: c}", []string{`f.yaml:2:20: instances[0].policies: key "a" stands on line 2 already`}},
		"no mapping":                      {"- a", []string{`f.yaml:1:1: want keys with values, found a list`}},
		"text alone":                      {"hello", []string{`f.yaml:1:1: want keys with values, found a text`}},
		"text for a section":              {"tls: x", []string{`f.yaml:1:6: tls: want keys with values, found a text`}},
		"nothing for a section":           {"tls:\nlisten: a:1", []string{`f.yaml:1:5: tls: want keys with values, found nothing`}},
		"mapping for a list":              {"instances: {name: a}", []string{`f.yaml:1:12: instances: want a list, found keys with values`}},
		"text for a list":                 {"trustedProxies: 10.0.0.0/8", []string{`f.yaml:1:17: trustedProxies: want a list, found a text`}},
		"long list":                       {"trustedProxies: [" + strings.Repeat("a,", 10001) + "]", []string{`f.yaml:1:17: trustedProxies: 10001 elements, want at most 10000`}},
		"list for a text":                 {"listen: [a]", []string{`f.yaml:1:9: listen: want a text, found a list`}},
		"list for texts by key":           {"instances: [{policies: [a]}]", []string{`f.yaml:1:24: instances[0].policies: want keys with texts, found a list`}},
		"number for a text":               {"tls: {minVersion: 1.2}", []string{`f.yaml:1:19: tls.minVersion: want a text, found a number: put a text in quotation marks`}},
		"boolean for a text":              {"dataDir: true", []string{`f.yaml:1:10: dataDir: want a text, found true or false: put a text in quotation marks`}},
		"date for a text":                 {"dataDir: 2026-01-01", []string{`f.yaml:1:10: dataDir: want a text, found a date: put a text in quotation marks`}},
		"nothing for a text":              {"dataDir: ~", []string{`f.yaml:1:10: dataDir: want a text, found nothing: put a text in quotation marks`}},
		"text for a boolean":              {`behindProxy: "true"`, []string{`f.yaml:1:14: behindProxy: want true or false, found a text`}},
		"yes for a boolean":               {`behindProxy: yes`, []string{`f.yaml:1:14: behindProxy: want true or false, found a text`}},
		"capital boolean":                 {`behindProxy: True`, []string{`f.yaml:1:14: behindProxy: want true or false, found "True"`}},
		"number for a boolean":            {`behindProxy: 1`, []string{`f.yaml:1:14: behindProxy: want true or false, found "1"`}},
		"text for a number":               {`keys: {bits: "2048"}`, []string{`f.yaml:1:14: keys.bits: want a whole number, found a text`}},
		"octal":                           {`keys: {bits: 04000}`, []string{`f.yaml:1:14: keys.bits: want a whole number, found "04000"`}},
		"hexadecimal":                     {`keys: {bits: 0x800}`, []string{`f.yaml:1:14: keys.bits: want a whole number, found "0x800"`}},
		"fraction":                        {`keys: {bits: 2048.0}`, []string{`f.yaml:1:14: keys.bits: want a whole number, found "2048.0"`}},
		"number too large":                {`limits: {bodyBytes: 9223372036854775808}`, []string{`f.yaml:1:21: limits.bodyBytes: want a whole number, found "9223372036854775808"`}},
		"infinity":                        {`telemetry: {traceRatio: .inf}`, []string{`f.yaml:1:25: telemetry.traceRatio: want a number, found ".inf"`}},
		"duration without unit":           {`shutdown: {drain: 15}`, []string{`f.yaml:1:19: shutdown.drain: want a duration with its unit such as 90s or 24h, found "15"`}},
		"duration of days":                {`keys: {announce: 1d}`, []string{`f.yaml:1:18: keys.announce: want a duration with its unit such as 90s or 24h, found "1d"`}},
		"character that does not show":    {`dataDir: "a\u001b[2Jb"`, []string{`f.yaml:1:10: dataDir: holds a character that does not show, want a text on one line`}},
		"several lines":                   {"dataDir: |\n  a\n  b\n", []string{`f.yaml:1:10: dataDir: holds a character that does not show, want a text on one line`}},
		"anchor":                          {"dataDir: &a x", []string{`f.yaml:1:10: dataDir: anchors (&) and aliases (*) are not allowed: write it out, or put a text that begins so in quotation marks`}},
		"alias":                           {"unknown: &a [x]\ntrustedProxies: *a", []string{`f.yaml:1:1: unknown key "unknown"`, `f.yaml:2:17: trustedProxies: anchors (&) and`}},
		"alias of nothing":                {"dataDir: *hunter2", []string{`f.yaml: not YAML: anchors (&) and aliases (*) are not allowed`}},
		"anchored document":               {"&a {listen: x}", []string{`f.yaml:1:1: anchors (&) and`}},
		"anchored key":                    {"&a listen: x", []string{`f.yaml:1:1: anchors (&) and`}},
		"merge":                           {"log: {<<: {level: info}}", []string{`f.yaml:1:7: log: want a key, found a merge (<<)`}},
		"tag":                             {"dataDir: !!str 5", []string{`f.yaml:1:10: dataDir: tags (!) are not allowed: leave it out, or put a text that begins so in quotation marks`}},
		"own tag":                         {"tls: !include x", []string{`f.yaml:1:6: tls: tags (!) are not allowed`}},
		"tagged document":                 {"!!null", []string{`f.yaml:1:1: tags (!) are not allowed`}},
		"key that is a list":              {"[a]: b", []string{`f.yaml:1:1: want a key, found a list`}},
		"key that is a number":            {"5: b", []string{`f.yaml:1:1: want a key, found a number`}},
		"second document":                 {"listen: a:1\n---\nlisten: b:1", []string{`f.yaml:2:1: a second document, want one: take away the line ---`}},
		"second document that is no YAML": {"listen: a:1\n---\n\"", []string{`f.yaml:3: not YAML: `}},
		"no YAML":                         {"listen: a\n  b: c", []string{`f.yaml:2: not YAML: `}},
		"tab":                             {"tls:\n\tkeyFile: x", []string{`f.yaml:2: not YAML: found character that cannot start any token`}},
		"no UTF-8":                        {"listen: \xff", []string{`f.yaml: this is not UTF-8, want a text`}},
		"too large":                       {strings.Repeat("#", 1<<20) + "\n", []string{`f.yaml: more than 1048576 bytes, want a configuration`}},
		"all at once, in the order of the file": {"keys: {bits: many}\nlissten: x\nlog: {level: 5, formt: x}", []string{
			`f.yaml:1:14: keys.bits: want a whole number, found a text`,
			`f.yaml:2:1: unknown key "lissten", did you mean listen?`,
			`f.yaml:3:14: log.level: want a text, found a number`,
			`f.yaml:3:17: log: unknown key "formt", did you mean format?`,
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, faults := parse(t, tt.text)
			if c != nil || len(faults) != len(tt.want) {
				t.Fatalf("got %v\n%s\nwant %d faults", c != nil, strings.Join(faults, "\n"), len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(faults[i], want) {
					t.Errorf("fault %d:\n got %s\nwant %s", i, faults[i], want)
				}
			}
		})
	}
}

// A thousand faults are no more use than a hundred, and cost no more.
func TestFaultsAreCapped(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 20000 {
		b.WriteString("listen" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + time.Duration(i).String() + ": x\n")
	}
	_, err := config.Parse("f.yaml", []byte(b.String()), nil)
	e, ok := errors.AsType[*config.Error](err)
	if !ok || len(e.Problems) != 100 || e.Omitted != 20000-100 {
		t.Fatalf("got %d problems, %d omitted, want 100 and 19900", len(e.Problems), e.Omitted)
	}
	if !strings.HasSuffix(err.Error(), "\nand 19900 more") {
		t.Errorf("error ends %q", err.Error()[len(err.Error())-40:])
	}
}

// A fault of a value that is a secret, or may be one, does not repeat it.
func TestFaultsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"keys: {wrappingKey: [hunter2]}",
		"keys: {wrappingKey: {hunter2: x}}",
		"keys: {wrappingKey: 0x68756e746572}",
		"keys: {wrappingKey: &hunter2 x}",
		"keys: {wrappingKey: *hunter2}",
		"keys: {wrappingKey: !hunter2 x}",
		"keys: {wrapingKey: hunter2}",
		"keys: {wrappingKey: a, wrappingKey: hunter2}",
		"store: {dsn: [hunter2]}",
		"store: {dns: hunter2}",
		"store: {dsn: hunter2, driver: postgres}",
		"telemetry: {otlpHeaders: hunter2}",
		"telemetry: {otlpEndpoint: 'https://user:hunter2@host'}",
		"telemetry: {otlpEndpoint: 'https://host/?key=hunter2'}",
		"collateral: {source: 'https://user:hunter2@host'}",
		"collateral: {source: 'https://host/?key=hunter2'}",
	} {
		c, err := config.Parse("f.yaml", []byte(text), nil)
		if err == nil {
			err = c.Validate()
		}
		if err == nil {
			t.Fatalf("%s: no fault", text)
		}
		if got := err.Error(); strings.Contains(got, "hunter2") || strings.Contains(got, "68756e") {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func TestLoadReadsFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "azattest.yaml")
	if err := os.WriteFile(name, []byte("listen: 127.0.0.1:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(name, nil)
	if err != nil || c.Listen != "127.0.0.1:1" {
		t.Errorf("got %+v, %v", c, err)
	}
	for _, bad := range []string{filepath.Join(dir, "missing.yaml"), dir} {
		_, err := config.Load(bad, nil)
		if e, ok := errors.AsType[*fs.PathError](err); !ok || e.Path != bad {
			t.Errorf("%s: error %v, want an *fs.PathError that names it", bad, err)
		}
	}
}
