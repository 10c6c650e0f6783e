package keyrelease_test

import (
	"strings"
	"testing"

	"github.com/azattest/azattest/keyrelease"
)

func TestIsKeyName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"a": true, "-": true, "Payroll-2": true, strings.Repeat("n", 127): true,
		"": false, "a_b": false, "a/b": false, "a b": false, "ä": false, "a\n": false, "\u0663": false, "\xff": false, strings.Repeat("n", 128): false,
	} {
		if got := keyrelease.IsKeyName(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}
