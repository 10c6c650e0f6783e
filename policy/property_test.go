package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/claims"
)

// configuring is a policy that permits and has these configuration rules. They
// begin on line 3, column 0.
func configuring(rules ...string) string {
	return "version=1.1;\nconfigurationrules{\n" + strings.Join(rules, "\n") + "\n};\nauthorizationrules{=>permit();};"
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	incoming := set("svn", 3, "mask", []any{7, 7}, "id", "15", "debug", true, "minutes", 5)
	tests := map[string]struct {
		text, want string
	}{
		"no section":          {DefaultSEVSNP, `{}`},
		"no rules":            {configuring(), `{}`},
		"the default":         {DefaultSGX, `{"x-ms-sgx-tcbidentifier":"azuredefault"}`},
		"a number":            {configuring(`=> issueproperty(type="x-ms-sgx-tcbidentifier", value="15");`), `{"x-ms-sgx-tcbidentifier":"15"}`},
		"TPM":                 {configuring(`=> issueproperty(type = "required_pcr_mask", value = 15);`, `=> issueproperty(type = "require_valid_aik_cert", value = false);`), `{"require_valid_aik_cert":false,"required_pcr_mask":15}`},
		"the ends":            {configuring(`=> issueproperty(type = "required_pcr_mask", value = 0);`, `=> issueproperty(type="x-ms-sgx-tcbidentifier", value="2147483647");`), `{"required_pcr_mask":0,"x-ms-sgx-tcbidentifier":"2147483647"}`},
		"on a condition":      {configuring(`[type=="svn", value<3] => issueproperty(type="x-ms-sgx-tcbidentifier", value="10");`, `[type=="svn", value>=3] => issueproperty(type="x-ms-sgx-tcbidentifier", value="12");`), `{"x-ms-sgx-tcbidentifier":"12"}`},
		"from a claim":        {configuring(`c:[type=="mask"] => issueproperty(type="required_pcr_mask", value=c.value);`, `c:[type=="id"] => issueproperty(type="x-ms-sgx-tcbidentifier", value=c.value);`), `{"required_pcr_mask":7,"x-ms-sgx-tcbidentifier":"15"}`},
		"a whole claim":       {configuring(`c:[type=="x-ms-sgx-tcbidentifier"] => issueproperty(claim=c);`), `{}`},
		"the same twice":      {configuring(`=> issueproperty(type="required_pcr_mask", value=7);`, `=> issueproperty(type="required_pcr_mask", value=7);`), `{"required_pcr_mask":7}`},
		"issuance rules":      {issuing(`=> issueproperty(type="omit_x5c", value=true);`), `{}`},
		"seen by later rules": {configuring(`=> issueproperty(type="required_pcr_mask", value=7);`, `[type=="required_pcr_mask", value==7, issuer=="AttestationPolicy"] => issueproperty(type="require_valid_aik_cert", value=false);`), `{"require_valid_aik_cert":false,"required_pcr_mask":7}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := mustCompile(t, test.text)
			properties, err := p.Configure(incoming)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(properties.AppendJSON(nil))); diff != "" {
				t.Errorf("properties (-want +got):\n%s", diff)
			}
			d, err := p.Decide(incoming)
			if err != nil {
				t.Fatal(err)
			}
			if name != "issuance rules" && !d.Properties.Equal(properties) {
				t.Errorf("Decide says %s", d.Properties.AppendJSON(nil))
			}
		})
	}
}

func TestIssuanceProperties(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, issuing(
		`=> issueproperty(type="report_validity_in_minutes", value=525600);`,
		`c:[type=="debug"] => issueproperty(type="omit_x5c", value=c.value);`,
	))
	d, err := p.Decide(set("debug", true))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(d.Properties.AppendJSON(nil)), `{"omit_x5c":true,"report_validity_in_minutes":525600}`; got != want {
		t.Errorf("properties %s, want %s", got, want)
	}
	if d.Issued.Len() != 0 {
		t.Errorf("properties reached the token: %s", d.Issued.AppendJSON(nil))
	}
}

// TestRefusedProperties checks what the text alone shows to be wrong.
func TestRefusedProperties(t *testing.T) {
	t.Parallel()
	tcb := func(v string) string {
		return configuring(`=> issueproperty(type="x-ms-sgx-tcbidentifier", value=` + v + `);`)
	}
	const wantTCB = `want "azuredefault" or a TCB evaluation data number such as "15"`
	tests := map[string]struct{ text, want string }{
		"an unknown name":    {configuring(`=> issueproperty(type="x-ms-sgx-tcbidentifer", value="15");`), `unknown-policy-property 3:22: there is no property "x-ms-sgx-tcbidentifer" (did you mean x-ms-sgx-tcbidentifier?)`},
		"nothing like it":    {configuring(`=> issueproperty(type="weight", value="15");`), `unknown-policy-property 3:22: there is no property "weight" (the properties are x-ms-sgx-tcbidentifier, required_pcr_mask, require_valid_aik_cert, report_validity_in_minutes, omit_x5c)`},
		"case counts":        {tcb(`"AzureDefault"`), `policy-property-value 3:54: property x-ms-sgx-tcbidentifier is set to "AzureDefault", ` + wantTCB},
		"an integer":         {tcb(`15`), `policy-property-value 3:54: property x-ms-sgx-tcbidentifier is set to 15 (Integer), want String`},
		"negative":           {tcb(`"-1"`), `policy-property-value 3:54: property x-ms-sgx-tcbidentifier is set to "-1", ` + wantTCB},
		"zero":               {tcb(`"0"`), `policy-property-value 3:54: property x-ms-sgx-tcbidentifier is set to "0", ` + wantTCB},
		"a leading zero":     {tcb(`"015"`), `policy-property-value 3:54: property x-ms-sgx-tcbidentifier is set to "015", ` + wantTCB},
		"a sign":             {tcb(`"+15"`), `policy-property-value 3:54: property x-ms-sgx-tcbidentifier is set to "+15", ` + wantTCB},
		"a space":            {tcb(`"15 "`), `policy-property-value 3:54: property x-ms-sgx-tcbidentifier is set to "15 ", ` + wantTCB},
		"empty":              {tcb(`""`), `policy-property-value 3:54: property x-ms-sgx-tcbidentifier is set to "", ` + wantTCB},
		"too large":          {tcb(`"2147483648"`), `policy-property-value 3:54: property x-ms-sgx-tcbidentifier is set to "2147483648", ` + wantTCB},
		"a mask of 25 bits":  {configuring(`=> issueproperty(type="required_pcr_mask", value=16777216);`), `policy-property-value 3:49: property required_pcr_mask is set to 16777216, want an integer from 0 to 16777215`},
		"a negative mask":    {configuring(`=> issueproperty(type="required_pcr_mask", value=-1);`), `policy-property-value 3:49: property required_pcr_mask is set to -1, want an integer from 0 to 16777215`},
		"a string for truth": {configuring(`=> issueproperty(type="require_valid_aik_cert", value="true");`), `policy-property-value 3:54: property require_valid_aik_cert is set to "true" (String), want Boolean`},
		"no validity":        {issuing(`=> issueproperty(type="report_validity_in_minutes", value=0);`), `policy-property-value 4:58: property report_validity_in_minutes is set to 0, want an integer from 1 to 525600`},
		"more than a year":   {issuing(`=> issueproperty(type="report_validity_in_minutes", value=525601);`), `policy-property-value 4:58: property report_validity_in_minutes is set to 525601, want an integer from 1 to 525600`},
		"too late":           {issuing(`=> issueproperty(type="x-ms-sgx-tcbidentifier", value="15");`), `misplaced-action 4:22: property x-ms-sgx-tcbidentifier has no effect in issuancerules (it belongs in configurationrules)`},
		"too early":          {configuring(`=> issueproperty(type="omit_x5c", value=true);`), `misplaced-action 3:22: property omit_x5c has no effect in configurationrules (it belongs in issuancerules)`},
		"two values":         {configuring(`=> issueproperty(type="required_pcr_mask", value=1);`, `=> issueproperty(type="required_pcr_mask", value=2);`), `policy-property-twice 4:3: property required_pcr_mask is set to 2 here and to 1 before (set it once)`},
		"no value":           {configuring(`=> issueproperty(type="required_pcr_mask");`), `missing-argument 3:3: issueproperty sets no value (add value=…)`},
		"no name":            {configuring(`=> issueproperty(value=1);`), `missing-argument 3:3: issueproperty sets no type (add type=…)`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff([]string{test.want}, faults(t, test.text)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPropertiesFromClaims checks what shows only with the claims: the same is
// refused, and nothing is set.
func TestPropertiesFromClaims(t *testing.T) {
	t.Parallel()
	rule := func(text string) string { return configuring(text) }
	tests := map[string]struct {
		text     string
		incoming *claims.Set
		want     string
	}{
		"an unknown name":  {rule(`c:[type=="name"] => issueproperty(type=c.value, value=1);`), set("name", "weight"), `there is no property "weight"`},
		"an unknown claim": {rule(`c:[type=="x"] => issueproperty(claim=c);`), set("x", 1), `there is no property "x"`},
		"no name":          {rule(`c:[type=="name"] => issueproperty(type=c.value, value=1);`), set("name", 1), `the type of a claim is set to 1, want a String that is not empty`},
		"a wrong kind":     {rule(`c:[type=="x"] => issueproperty(type="required_pcr_mask", value=c.value);`), set("x", "1"), `property required_pcr_mask is set to "1" (String), want Integer`},
		"a wrong value":    {rule(`c:[type=="x"] => issueproperty(type="x-ms-sgx-tcbidentifier", value=c.value);`), set("x", "latest"), `property x-ms-sgx-tcbidentifier is set to "latest", want "azuredefault" or a TCB evaluation data number such as "15"`},
		"several values":   {rule(`c:[type=="x"] => issueproperty(type="required_pcr_mask", value=c.value);`), set("x", []any{1, 2}), `property required_pcr_mask is set to 2 here and to 1 before`},
		"wrong section":    {rule(`c:[type=="name"] => issueproperty(type=c.value, value=true);`), set("name", "omit_x5c"), `property omit_x5c has no effect in configurationrules, it belongs in issuancerules`},
		"rules disagree":   {rule("=>issueproperty(type=\"required_pcr_mask\", value=1);\n[] => issueproperty(type=\"required_pcr_mask\", value=2);"), set("x", 1), `property required_pcr_mask is set to 2 here and to 1 before`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := mustCompile(t, test.text)
			properties, err := p.Configure(test.incoming)
			var failed *EvaluationError
			if !errors.As(err, &failed) || properties != nil {
				t.Fatalf("error %v, properties %v, want an EvaluationError and none", err, properties)
			}
			if failed.Problem != test.want || failed.Rule == nil {
				t.Errorf("problem %q of %v, want %q", failed.Problem, failed.Rule, test.want)
			}
			if decision, err := p.Decide(test.incoming); outcome(t, err) != "evaluation" || decision != nil {
				t.Errorf("Decide says %v, %v", decision, err)
			}
		})
	}
}
