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
	i := newInstance(t, contoso, token.ES256)
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
		"two of one instance":      {func(c *config) { c.Sources = append(c.Sources, i.Source(t)) }, "two for " + contoso},
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

// Of reports of TPMs a policy is required, and that nothing can be debugged: nobody
// else than the policy says what a machine is.
func TestNewRefusesForReports(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	type config = relyingparty.Config
	debugClaim := func(name string, values ...any) func(*config) {
		return func(c *config) {
			c.Claims = []relyingparty.Claim{{Name: name, FromPolicy: true, OneOf: values}}
		}
	}
	claim := func(c relyingparty.Claim) func(*config) {
		return func(into *config) { into.Claims = append(into.Claims, c) }
	}
	for name, c := range map[string]struct {
		change func(*config)
		want   string // in the error, "" for none
	}{
		"as it should be":        {func(*config) {}, ""},
		"beside another type":    {func(c *config) { c.Types = []string{"tpm", "azurevm"} }, "want a Verifier of its own for tpm"},
		"twice":                  {func(c *config) { c.Types = []string{"tpm", "tpm"} }, "want a Verifier of its own"},
		"MRENCLAVE":              {func(c *config) { c.MRENCLAVE = []string{mrenclave} }, "only sgx has MRENCLAVE"},
		"no policy":              {func(c *config) { c.PolicyHashes = nil }, "say AllowAnyPolicy"},
		"any policy":             {func(c *config) { c.PolicyHashes, c.AllowAnyPolicy = nil, true }, ""},
		"any policy and machine": {func(c *config) { c.PolicyHashes, c.Claims, c.AllowAnyPolicy, c.AllowDebuggable = nil, nil, true, true }, "say AllowAnyEnclave"},
		"any of both": {func(c *config) {
			*c = config{Sources: c.Sources, Types: c.Types, AllowAnyPolicy: true, AllowAnyEnclave: true, AllowDebuggable: true}
		}, ""},
		"any machine":                {func(c *config) { c.PolicyHashes, c.AllowAnyEnclave = nil, true }, "say AllowAnyPolicy"},
		"debuggable":                 {func(c *config) { c.Claims = c.Claims[:2] }, "bootDebuggingDisabled"},
		"debuggable, allowed":        {func(c *config) { c.Claims, c.AllowDebuggable = nil, true }, ""},
		"kernel":                     {debugClaim("osKernelDebuggingDisabled", true), ""},
		"enclave":                    {debugClaim("enclaveFlags", 0), ""},
		"enclave with flags":         {debugClaim("enclaveFlags", 0, 1), "or AllowDebuggable"},
		"either":                     {debugClaim("bootDebuggingDisabled", true, false), "or AllowDebuggable"},
		"in text":                    {debugClaim("bootDebuggingDisabled", "true"), "or AllowDebuggable"},
		"the policy's, unsaid":       {claim(relyingparty.Claim{Name: "vbsEnabled", OneOf: []any{true}}), "want FromPolicy"},
		"the service's":              {claim(relyingparty.Claim{Name: "iss", OneOf: []any{contoso}}), ""},
		"the service's, as policy's": {claim(relyingparty.Claim{Name: "x-ms-tpm-request-key", FromPolicy: true, OneOf: []any{1}}), "no policy issues it"},
		"the service's, in a case":   {claim(relyingparty.Claim{Name: "JTI", OneOf: []any{1}}), "no report of a TPM has it"},
		"an enclave's":               {claim(relyingparty.Claim{Name: "x-ms-sgx-svn", OneOf: []any{1}}), "no report of a TPM has it"},
		"an enclave's, as policy's":  {claim(relyingparty.Claim{Within: []string{"x-ms-runtime"}, Name: "a", FromPolicy: true, OneOf: []any{1}}), "no policy issues it"},
		"a nonce":                    {claim(relyingparty.Claim{Name: "nonce", OneOf: []any{"AQIDBA"}}), "want Expected.Nonce"},
		"a resident key":             {func(c *config) { c.RequireResidentKey = true }, ""},
		"a resident key, or not":     {func(c *config) { c.RequireResidentKey, c.AllowUnboundKey = true, true }, "want one of the two"},
		"a resident key of enclaves": {func(c *config) { *c = i.config(t); c.RequireResidentKey = true }, "for sgx, want tpm"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := healthConfig(t, i)
			c.change(&settings)
			v, err := relyingparty.New(settings)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
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
	i := newInstance(t, contoso, token.ES256)
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
