package relyingparty_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256, 0)
	type config = relyingparty.Config
	claim := func(c relyingparty.Claim) func(*config) {
		return func(into *config) { into.Claims = []relyingparty.Claim{c} }
	}
	for name, c := range map[string]struct {
		change func(*config)
		want   string // in the error
	}{
		"the zero value":           {func(c *config) { *c = config{} }, "Sources: none"},
		"no source":                {func(c *config) { c.Sources = nil }, "Sources: none"},
		"a source that is nil":     {func(c *config) { c.Sources = append(c.Sources, nil) }, "entry 2 of 2 is nil"},
		"a source that is empty":   {func(c *config) { c.Sources = []*azattestation.KeySource{{}} }, "names no issuer"},
		"two of one instance":      {func(c *config) { c.Sources = append(c.Sources, i.source(t)) }, "two for " + contoso},
		"nobody in particular":     {func(c *config) { c.MRENCLAVE = nil }, "say AllowAnyEnclave"},
		"MRENCLAVE too short":      {func(c *config) { c.MRENCLAVE = []string{mrenclave[2:]} }, "MRENCLAVE: "},
		"MRENCLAVE not hex":        {func(c *config) { c.MRENCLAVE = []string{strings.Repeat("g", 64)} }, "MRENCLAVE: "},
		"MRENCLAVE empty":          {func(c *config) { c.MRENCLAVE = []string{""} }, "MRENCLAVE: "},
		"MRSIGNER empty":           {func(c *config) { c.Signers = signers("", 1, 1) }, "MRSIGNER: "},
		"policy hash empty":        {func(c *config) { c.PolicyHashes = []string{""} }, "PolicyHashes: "},
		"policy hash too long":     {func(c *config) { c.PolicyHashes = []string{defaultPolicyHash + "AA"} }, "PolicyHashes: "},
		"policy text":              {func(c *config) { c.PolicyHashes = []string{"version= 1.0;authorizationrules{=> permit();};"} }, "PolicyHashes: "},
		"MRENCLAVE of a machine":   {func(c *config) { c.Types = []string{"sgx", "sevsnpvm"} }, "only sgx has MRENCLAVE"},
		"an empty type":            {func(c *config) { c.Types = []string{""} }, "Types: an empty one"},
		"an unknown type":          {func(c *config) { c.Types = []string{"vbs"} }, "no claim is known"},
		"a negative age":           {func(c *config) { c.MaxAge = -1 }, "MaxAge: "},
		"a claim without name":     {claim(relyingparty.Claim{OneOf: []any{1}}), "empty name"},
		"a claim within nothing":   {claim(relyingparty.Claim{Within: []string{""}, Name: "a", OneOf: []any{1}}), "empty name"},
		"a claim without values":   {claim(relyingparty.Claim{Name: "a"}), "OneOf is empty"},
		"a claim of nil":           {claim(relyingparty.Claim{Name: "a", OneOf: []any{nil}}), "value of type <nil>"},
		"a claim of a fraction":    {claim(relyingparty.Claim{Name: "a", OneOf: []any{1.5}}), "value of type float64"},
		"a claim of a list":        {claim(relyingparty.Claim{Name: "a", OneOf: []any{[]string{"x"}}}), "value of type []string"},
		"a deprecated claim":       {claim(relyingparty.Claim{Name: "is-debuggable", OneOf: []any{false}}), "want x-ms-sgx-is-debuggable"},
		"a deprecated claim about": {claim(relyingparty.Claim{Name: "maa-policyHash", OneOf: []any{"x"}}), "want x-ms-policy-hash"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := i.config(t)
			c.change(&settings)
			v, err := relyingparty.New(settings)
			if err == nil || v != nil || !strings.HasPrefix(err.Error(), "relyingparty: Config.") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("verifier %v, error %v, want one with %q", v, err, c.want)
			}
		})
	}
}

// The clock is the system's unless another is given; nothing of the Config is
// looked at again.
func TestNewKeepsNothingOfTheConfig(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256, 0)
	c := i.config(t)
	c.Types = []string{"sgx"}
	v := mustNew(t, c)
	c.MRENCLAVE[0], c.Types[0], c.Sources[0] = strings.Repeat("0", 64), "tdxvm", nil
	if _, err := v.Verify(t.Context(), i.token(t), relyingparty.Expected{}); err != nil {
		t.Error(err)
	}
	c = i.config(t)
	c.Now = nil
	_, err := mustNew(t, c).Verify(t.Context(), i.token(t, set{"exp": now.Add(1).Unix()}), relyingparty.Expected{})
	wantInvalid(t, err, azattestation.TokenCheckExpiration)
}

func hexOf(t testing.TB, text string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(raw)
}

// claimsOf is the payload of a token.
func claimsOf(t testing.TB, compact string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(compact, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
