package keyring_test

import (
	"errors"
	"testing"

	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/token"
)

func wantConfigError(tb testing.TB, err error, field string) {
	tb.Helper()
	e, ok := errors.AsType[*keyring.ConfigError](err)
	if !ok {
		tb.Fatalf("error %v (%T), want a *keyring.ConfigError", err, err)
	}
	if e.Field != field {
		tb.Errorf("field %q, want %q: %v", e.Field, field, err)
	}
}

func TestOpenRefusesConfigurations(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*keyring.Config)
		field  string
	}{
		"no store":             {func(c *keyring.Config) { c.Store = nil }, "Store"},
		"no wrapping key":      {func(c *keyring.Config) { c.Wrap = nil }, "Wrap"},
		"empty wrapping":       {func(c *keyring.Config) { c.Wrap = new(keyring.Wrapping) }, "Wrap"},
		"no lifetime":          {func(c *keyring.Config) { c.MaxTokenLifetime = 0 }, "MaxTokenLifetime"},
		"negative lifetime":    {func(c *keyring.Config) { c.MaxTokenLifetime = -1 }, "MaxTokenLifetime"},
		"negative announce":    {func(c *keyring.Config) { c.Announce = -1 }, "Announce"},
		"rotates too often":    {func(c *keyring.Config) { c.RotateAfter = day }, "RotateAfter"},
		"bits of RSA":          {func(c *keyring.Config) { c.Bits = map[token.Algorithm]int{token.RS256: 1024} }, "Bits"},
		"bits of a curve":      {func(c *keyring.Config) { c.Bits = map[token.Algorithm]int{token.ES256: 384} }, "Bits"},
		"bits of nothing":      {func(c *keyring.Config) { c.Bits = map[token.Algorithm]int{"none": 0} }, "Bits"},
		"device for nothing":   {func(c *keyring.Config) { c.Devices = map[token.Algorithm]keyring.Device{"none": nil} }, "Devices"},
		"device that is nil":   {func(c *keyring.Config) { c.Devices = map[token.Algorithm]keyring.Device{token.RS256: nil} }, "Devices"},
		"plain, not asked for": {func(c *keyring.Config) { c.Wrap, c.AllowPlain = nil, false }, "Wrap"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newFixture(t).config()
			tt.change(&c)
			_, err := keyring.Open(t.Context(), c)
			wantConfigError(t, err, tt.field)
		})
	}
}

func TestBitsAreThoseAskedFor(t *testing.T) {
	t.Parallel()
	c := newFixture(t).config()
	c.Bits = map[token.Algorithm]int{token.RS256: 3072}
	r := ring(t, open(t, c), contoso, token.RS256)
	if got := len(r.Current().Certificate().Signature) * 8; got != 3072 {
		t.Errorf("key of %d bits, want 3072", got)
	}
}
