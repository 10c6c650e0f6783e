package config_test

import (
	"errors"
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
		c, err := config.Parse("f", raw, nil)
		if err != nil {
			e, ok := errors.AsType[*config.Error](err)
			if !ok || len(e.Problems) == 0 || len(e.Problems) > 100 || c != nil {
				t.Fatalf("error %T %v, configuration %v", err, err, c)
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
			again, err := config.Parse("printed", []byte(text), nil)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if got := printedAs(t, again, asJSON); got != text && !strings.Contains(text, "REDACTED") {
				t.Fatalf("printed again as\n%s\nnot\n%s", got, text)
			}
		}
	})
}
