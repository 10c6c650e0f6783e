package config_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/config"
)

// FuzzParse reads anything without harm: faults are of one type and bounded, and
// what can be read prints as something that reads the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		config.Example(), "", "a: *b", "a: &a [*a, *a]", "listen: x\n---\n", "instances: [{}]", "{listen: !!str x}", "? [a]\n: b", "<<: {}",
		"instances:\n- policies: {\"\\e\": x}\n", "store: {dsn: 'a=b'}", "\ufeffdataDir: \"\\u2028\"", "limits: {ratePerCaller: 1e300}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		checkParse(t, raw, func(name string, raw []byte) (*config.Config, error) { return config.Parse(name, raw, nil) })
	})
}

// FuzzParseKeyRelease is [FuzzParse] for the other server.
func FuzzParseKeyRelease(f *testing.F) {
	for _, seed := range []string{
		config.ExampleKeyRelease(), "", "authorities: [{}]", "release: {heldData: [jwk], attestationTypes: []}", "authorities: [{mrenclave: ['0', '0'], signingCertificate: report}]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		checkParse(t, raw, func(name string, raw []byte) (*config.KeyRelease, error) {
			return config.ParseKeyRelease(name, raw, nil)
		})
	})
}

// configuration is what is true of those of both servers.
type configuration interface {
	Validate() error
	Print(w io.Writer, asJSON bool) error
}

func checkParse[C configuration](t *testing.T, raw []byte, parse func(string, []byte) (C, error)) {
	t.Helper()
	c, err := parse("f", raw)
	if err != nil {
		if e, ok := errors.AsType[*config.Error](err); !ok || len(e.Problems) == 0 || len(e.Problems) > 100 {
			t.Fatalf("error %T %v", err, err)
		}
		return
	}
	if err := c.Validate(); err != nil {
		if _, ok := errors.AsType[*config.Error](err); !ok {
			t.Fatalf("error %T %v", err, err)
		}
	}
	for _, asJSON := range []bool{false, true} {
		text := printedAs(t, c, asJSON)
		again, err := parse("printed", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if got := printedAs(t, again, asJSON); got != text && !strings.Contains(text, "REDACTED") {
			t.Fatalf("printed again as\n%s\nnot\n%s", got, text)
		}
	}
}
