package config_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/azattest/azattest/internal/config"
)

func printedAs(t *testing.T, c configuration, asJSON bool) string {
	t.Helper()
	var b strings.Builder
	if err := c.Print(&b, asJSON); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What is printed can be read again, and then prints the same.
func TestPrintCanBeReadAgain(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("example.yaml", []byte(config.Example()), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.DataDir, c.Store.Schema, c.Keys.PKCS11.KeyLabel, c.Keys.PKCS11.TokenLabel = "true", "12", "# &a *b", "null"
	c.Auth.Bindings[0].Value, c.Audit.Dir = "<&>: -", "2026-01-01"
	c.Limits.RatePerCaller, c.Telemetry.TraceRatio = 0.25, 1e-7
	c.Limits.Idle = 90*time.Second + 5*time.Millisecond
	c.Limits.Write = time.Hour + 30*time.Minute
	for _, asJSON := range []bool{false, true} {
		text := printedAs(t, c, asJSON)
		again, err := config.Parse("printed", []byte(text), nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if got := printedAs(t, again, asJSON); got != text {
			t.Errorf("JSON %t: got\n%s\nwant\n%s", asJSON, got, text)
		}
	}
}

func TestPrintSaysTheSameInYAMLAndJSON(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("example.yaml", []byte(config.Example()), nil)
	if err != nil {
		t.Fatal(err)
	}
	var fromJSON, fromYAML any
	if err := json.Unmarshal([]byte(printedAs(t, c, true)), &fromJSON); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(printedAs(t, c, false)), &fromYAML); err != nil {
		t.Fatal(err)
	}
	a, err := json.Marshal(fromJSON)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(fromYAML)
	if err != nil {
		t.Fatal(err)
	}
	if string(a) != string(b) {
		t.Errorf("JSON %s\nYAML %s", a, b)
	}
}

func TestPrintHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Keys.WrappingKey, c.Telemetry.OTLPHeaders = config.NewSecret("hunter2"), config.NewSecret("key=hunter2")
	c.Store.DSN = config.NewDSN("host=h password=hunter2")
	c.Collateral.Source, c.Telemetry.OTLPEndpoint = "https://u:hunter2@h/p", "https://h/?key=hunter2"
	for _, asJSON := range []bool{false, true} {
		got := printedAs(t, c, asJSON)
		if strings.Contains(got, "hunter2") {
			t.Errorf("JSON %t: prints a secret:\n%s", asJSON, got)
		}
		for _, want := range []string{"host=h password=REDACTED", "https://REDACTED@h/p", "https://h/?REDACTED"} {
			if !strings.Contains(got, want) {
				t.Errorf("JSON %t: no %q in\n%s", asJSON, want, got)
			}
		}
	}
}

func TestDurationsPrintShort(t *testing.T) {
	t.Parallel()
	c := config.Default()
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", time.Minute: "1m", time.Hour: "1h", 90 * time.Minute: "1h30m", 100 * time.Second: "1m40s",
		10 * time.Hour: "10h", time.Hour + time.Second: "1h0m1s", 20 * time.Minute: "20m", -time.Hour: "-1h", time.Millisecond: "1ms",
	} {
		c.Shutdown.Drain = d
		if got := printedAs(t, c, false); !strings.Contains(got, "\n  drain: "+want+"\n") {
			t.Errorf("%s: want %s in\n%s", d, want, got[len(got)-40:])
		}
	}
}

// failing is a writer that nothing can be written to.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestPrintSaysWhenItCannotWrite(t *testing.T) {
	t.Parallel()
	for _, asJSON := range []bool{false, true} {
		if err := config.Default().Print(failing{}, asJSON); err == nil || !strings.Contains(err.Error(), "disk full") {
			t.Errorf("JSON %t: %v", asJSON, err)
		}
	}
}
