package relyingparty_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

func TestClaims(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	type claim = relyingparty.Claim
	type digits int8
	for name, c := range map[string]struct {
		claim  claim
		token  set
		missed string // the claim's name in the error; "" for a token that is accepted
	}{
		"text":                 {claim: claim{Name: "c", OneOf: []any{"x", "y"}}, token: set{"c": "y"}},
		"text, escaped":        {claim: claim{Name: "c", OneOf: []any{"y"}}, token: set{"c": json.RawMessage(`"\u0079"`)}},
		"true":                 {claim: claim{Name: "c", OneOf: []any{true}}, token: set{"c": true}},
		"a number":             {claim: claim{Name: "c", OneOf: []any{-3}}, token: set{"c": -3}},
		"a number of any type": {claim: claim{Name: "c", OneOf: []any{digits(1), uint64(1<<64 - 1)}}, token: set{"c": json.RawMessage("18446744073709551615")}},
		"of the service":       {claim: claim{Name: "x-ms-sgx-svn", OneOf: []any{4}}},
		"within":               {claim: claim{Within: []string{"a", "b"}, Name: "c", OneOf: []any{"x"}}, token: set{"a": set{"b": set{"c": "x"}}}},
		"within, of a service": {claim: claim{Within: []string{"x-ms-runtime"}, Name: "c", OneOf: []any{"x"}}, token: set{"x-ms-runtime": set{"c": "x"}}},

		"absent":               {claim: claim{Name: "c", OneOf: []any{"x"}}, missed: "c"},
		"another value":        {claim: claim{Name: "c", OneOf: []any{"x", "y"}}, token: set{"c": "z"}, missed: "c"},
		"another case":         {claim: claim{Name: "c", OneOf: []any{"x"}}, token: set{"c": "X"}, missed: "c"},
		"name in another case": {claim: claim{Name: "c", OneOf: []any{"x"}}, token: set{"C": "x"}, missed: "c"},
		"text for a number":    {claim: claim{Name: "c", OneOf: []any{1}}, token: set{"c": "1"}, missed: "c"},
		"a number for text":    {claim: claim{Name: "c", OneOf: []any{"1"}}, token: set{"c": 1}, missed: "c"},
		"text for false":       {claim: claim{Name: "c", OneOf: []any{false}}, token: set{"c": "false"}, missed: "c"},
		"null for false":       {claim: claim{Name: "c", OneOf: []any{false}}, token: set{"c": json.RawMessage("null")}, missed: "c"},
		"a fraction":           {claim: claim{Name: "c", OneOf: []any{1}}, token: set{"c": json.RawMessage("1.0")}, missed: "c"},
		"several values":       {claim: claim{Name: "c", OneOf: []any{"x"}}, token: set{"c": []string{"x", "y"}}, missed: "c"},
		"an object":            {claim: claim{Name: "c", OneOf: []any{"x"}}, token: set{"c": set{"x": "x"}}, missed: "c"},
		"within nothing":       {claim: claim{Within: []string{"a"}, Name: "c", OneOf: []any{"x"}}, token: set{"c": "x"}, missed: "a/c"},
		"within text":          {claim: claim{Within: []string{"a"}, Name: "c", OneOf: []any{"x"}}, token: set{"a": "c"}, missed: "a/c"},
		"within, absent":       {claim: claim{Within: []string{"a"}, Name: "c", OneOf: []any{"x"}}, token: set{"a": set{}}, missed: "a/c"},
		"within, twice":        {claim: claim{Within: []string{"a"}, Name: "c", OneOf: []any{"x"}}, token: set{"a": json.RawMessage(`{"c":"y","c":"x"}`)}, missed: "a/c"},

		"the policy's":                 {claim: claim{Name: "tier", FromPolicy: true, OneOf: []any{"gold"}}, token: set{"tier": "gold", "x-ms-policy": set{"tier": "gold"}}},
		"the policy's, deprecated":     {claim: claim{Name: "tee", FromPolicy: true, OneOf: []any{"sgx"}}},
		"the policy's, another":        {claim: claim{Name: "tier", FromPolicy: true, OneOf: []any{"gold"}}, token: set{"tier": "gold", "x-ms-policy": set{"tier": "tin"}}, missed: "x-ms-policy/tier"},
		"the policy's, at the top":     {claim: claim{Name: "tier", FromPolicy: true, OneOf: []any{"gold"}}, token: set{"tier": "gold"}, missed: "x-ms-policy/tier"},
		"the policy's, no policy":      {claim: claim{Name: "tier", FromPolicy: true, OneOf: []any{"gold"}}, token: set{"x-ms-policy": nil}, missed: "x-ms-policy/tier"},
		"the evidence's, by policy":    {claim: claim{Name: "secureboot", OneOf: []any{true}}, token: set{"secureboot": true, "x-ms-policy": set{"secureboot": true}}, missed: "x-ms-policy/secureboot"},
		"within, the policy's":         {claim: claim{Within: []string{"a"}, Name: "c", OneOf: []any{1}}, token: set{"a": set{"c": 1}, "x-ms-policy": set{"a": set{"c": 1}}}, missed: "x-ms-policy/a"},
		"within the policy's":          {claim: claim{Within: []string{"a"}, Name: "c", FromPolicy: true, OneOf: []any{1}}, token: set{"a": set{"c": 1}, "x-ms-policy": set{"a": set{"c": 1}}}},
		"within, policy says its name": {claim: claim{Within: []string{"a"}, Name: "c", OneOf: []any{1}}, token: set{"a": set{"c": 1}, "x-ms-policy": set{"c": 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := i.config(t)
			settings.Claims = []relyingparty.Claim{c.claim}
			_, err := mustNew(t, settings).Verify(t.Context(), i.token(t, c.token), relyingparty.Expected{})
			if c.missed != "" {
				wantMissed(t, err, relyingparty.RequirementClaim, c.missed)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// Claims are as good an identity as any: virtual machines have no other.
func TestClaimsAreAnIdentity(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	launch := strings.Repeat("04", 48)
	settings := i.config(t)
	settings.MRENCLAVE = nil
	settings.Types = []string{"sevsnpvm"}
	settings.Claims = []relyingparty.Claim{{Name: "x-ms-sevsnpvm-launchmeasurement", OneOf: []any{launch}}}
	v := mustNew(t, settings)
	machine := set{"x-ms-attestation-type": "sevsnpvm", "x-ms-sevsnpvm-launchmeasurement": launch, "x-ms-sevsnpvm-is-debuggable": false}
	if _, err := v.Verify(t.Context(), i.token(t, machine), relyingparty.Expected{}); err != nil {
		t.Error(err)
	}
	_, err := v.Verify(t.Context(), i.token(t), relyingparty.Expected{})
	wantMissed(t, err, relyingparty.RequirementType, "x-ms-attestation-type")
}

// Each kind of evidence says by a claim of its own whether it can be debugged.
func TestDebuggableMachines(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	const isolation = "x-ms-isolation-tee"
	azure := func(tee any) set { return set{"x-ms-attestation-type": "azurevm", isolation: tee} }
	for name, c := range map[string]struct {
		token  set
		missed string // the claim; "" for a token that is accepted
	}{
		"SEV-SNP":             {set{"x-ms-attestation-type": "sevsnpvm", "x-ms-sevsnpvm-is-debuggable": false}, ""},
		"SEV-SNP, debuggable": {set{"x-ms-attestation-type": "sevsnpvm", "x-ms-sevsnpvm-is-debuggable": true}, "x-ms-sevsnpvm-is-debuggable"},
		"SEV-SNP, as text":    {set{"x-ms-attestation-type": "sevsnpvm", "x-ms-sevsnpvm-is-debuggable": "false"}, "x-ms-sevsnpvm-is-debuggable"},
		"SEV-SNP, SGX's":      {set{"x-ms-attestation-type": "sevsnpvm"}, "x-ms-sevsnpvm-is-debuggable"},
		"TDX":                 {set{"x-ms-attestation-type": "tdxvm", "tdx_td_attributes_debug": false}, ""},
		"TDX, debuggable":     {set{"x-ms-attestation-type": "tdxvm", "tdx_td_attributes_debug": true}, "tdx_td_attributes_debug"},
		"TDX, absent":         {set{"x-ms-attestation-type": "tdxvm", "dbgstat": "disabled"}, "tdx_td_attributes_debug"},
		"trusted launch":      {set{"x-ms-attestation-type": "azurevm"}, ""},
		"Azure on SEV-SNP":    {azure(set{"x-ms-attestation-type": "sevsnpvm", "x-ms-sevsnpvm-is-debuggable": false}), ""},
		"Azure on TDX":        {azure(set{"x-ms-attestation-type": "tdxvm", "tdx_td_attributes_debug": false}), ""},
		"Azure, debuggable":   {azure(set{"x-ms-attestation-type": "sevsnpvm", "x-ms-sevsnpvm-is-debuggable": true}), isolation + "/x-ms-sevsnpvm-is-debuggable"},
		"Azure, as text":      {azure(set{"x-ms-attestation-type": "sevsnpvm", "x-ms-sevsnpvm-is-debuggable": "false"}), isolation + "/x-ms-sevsnpvm-is-debuggable"},
		"Azure, absent":       {azure(set{"x-ms-attestation-type": "tdxvm"}), isolation + "/tdx_td_attributes_debug"},
		"Azure, unknown":      {azure(set{"x-ms-attestation-type": "cca"}), isolation + "/x-ms-attestation-type"},
		"Azure on Azure":      {azure(set{"x-ms-attestation-type": "azurevm"}), isolation + "/x-ms-attestation-type"},
		"Azure, of no type":   {azure(set{}), isolation + "/x-ms-attestation-type"},
		"Azure, no object":    {azure("sevsnpvm"), isolation + "/x-ms-attestation-type"},
		"Azure, twice":        {azure(json.RawMessage(`{"x-ms-attestation-type":"tdxvm","tdx_td_attributes_debug":true,"tdx_td_attributes_debug":false}`)), isolation},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := i.config(t)
			settings.MRENCLAVE, settings.AllowAnyEnclave = nil, true
			settings.Types = []string{"sevsnpvm", "tdxvm", "azurevm"}
			_, err := mustNew(t, settings).Verify(t.Context(), i.token(t, c.token), relyingparty.Expected{})
			if c.missed != "" {
				wantMissed(t, err, relyingparty.RequirementNotDebuggable, c.missed)
			} else if err != nil {
				t.Error(err)
			}
			settings.AllowDebuggable = true
			if _, err := mustNew(t, settings).Verify(t.Context(), i.token(t, c.token), relyingparty.Expected{}); err != nil {
				t.Errorf("where it is allowed: %v", err)
			}
		})
	}
}
