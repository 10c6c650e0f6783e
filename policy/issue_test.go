package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/claims"
)

func TestIssue(t *testing.T) {
	t.Parallel()
	incoming := set("x", 1, "y", []any{1, 2, 3}, "z", []any{3, 2}, "name", []any{"p", "q"}, "flag", true)
	tests := map[string]struct {
		rules []string
		want  string
	}{
		"nothing":                         {nil, `{}`},
		"literals keep their kind":        {[]string{`=>issue(type="a", value=100);`, `=>issue(type="b", value="100");`, `=>issue(type="c", value=false);`}, `{"a":100,"b":"100","c":false}`},
		"a value":                         {[]string{`c:[type=="x"] => issue(type="a", value=c.value);`}, `{"a":1}`},
		"a claim":                         {[]string{`c:[type=="x"] => issue(claim=c);`}, `{"x":1}`},
		"several values":                  {[]string{`c:[type=="y"] => issue(type="a", value=c.value);`}, `{"a":[1,2,3]}`},
		"several claims":                  {[]string{`c:[type=="y"] => issue(claim=c);`}, `{"y":[1,2,3]}`},
		"a filtered set":                  {[]string{`c:[type=="y", value>=2] => issue(type="a", value=c.value);`}, `{"a":[2,3]}`},
		"an empty set":                    {[]string{`c:[type=="y", value>3] => issue(type="a", value=c.value);`}, `{}`},
		"a constant once":                 {[]string{`[type=="y"] && d:[type=="z"] => issue(type="a", value=true);`}, `{"a":true}`},
		"the other properties":            {[]string{`c:[type=="x"] => issue(type="a", value=c.type);`, `c:[type=="x"] => issue(type="b", value=c.valueType);`, `c:[type=="x"] => issue(type="c", value=c.issuer);`}, `{"a":"x","b":"Integer","c":"AttestationService"}`},
		"a type from a claim":             {[]string{`c:[type=="name"] => issue(type=c.value, value=1);`}, `{"p":1,"q":1}`},
		"type and value of one claim":     {[]string{`c:[value!=1] => issue(type=c.type, value=c.value);`}, `{"y":[2,3],"z":[3,2]}`},
		"properties of two claims":        {[]string{`c:[type=="name"] && d:[type=="z"] => issue(type=c.value, value=d.value);`}, `{"p":[3,2],"q":[3,2]}`},
		"a valueType that fits":           {[]string{`c:[type=="x"] => issue(type="a", value=c.value, valueType=c.valueType);`, `=>issue(type="b", valueType="String", value="s");`}, `{"a":1,"b":"s"}`},
		"added claims are not issued":     {[]string{`=>add(type="a", value=1);`}, `{}`},
		"added claims are seen":           {[]string{`=>add(type="a", value=1);`, `c:[type=="a"] => issue(type="b", value=c.value);`}, `{"b":1}`},
		"issued claims are seen":          {[]string{`=>issue(type="a", value=1);`, `[type=="a", issuer=="AttestationPolicy"] => issue(type="b", value=2);`}, `{"a":1,"b":2}`},
		"a rule does not see its own":     {[]string{`c:[] => issue(type="a", value=c.type);`, `c:[type=="a"] => issue(type="n", value=c.value);`}, `{"a":["x","y","z","name","flag"],"n":["x","y","z","name","flag"]}`},
		"made twice counts once":          {[]string{`=>issue(type="a", value=1);`, `=>issue(type="a", value=1);`, `=>issue(type="a", value=2);`, `=>issue(type="a", value="1");`}, `{"a":[1,2,"1"]}`},
		"equal values of several types":   {[]string{`c:[value==3] => issue(type="a", value=c.value);`}, `{"a":3}`},
		"issued although added before":    {[]string{`=>add(type="a", value=1);`, `=>issue(type="a", value=1);`}, `{"a":1}`},
		"join":                            {[]string{`c:[type=="y"] && d:[type=="z", value==c.value] => issue(type="a", value=d.value);`}, `{"a":[2,3]}`},
		"join, the first of the two":      {[]string{`c:[type=="y"] && [type=="z", value==c.value] => issue(type="a", value=c.value);`}, `{"a":[2,3]}`},
		"join with !=":                    {[]string{`c:[type=="y"] && d:[type=="z", value!=c.value] => issue(type="a", value=c.value);`}, `{"a":[1,2,3]}`},
		"join with <":                     {[]string{`c:[type=="y"] && d:[type=="z", value<c.value] => issue(type="a", value=c.value);`}, `{"a":3}`},
		"join across kinds":               {[]string{`c:[type=="name"] && d:[type=="z", value!=c.value] => issue(type="a", value=c.value);`}, `{}`},
		"join on the type":                {[]string{`=>add(type="want", value="z");`, `c:[type=="want"] && d:[type==c.value] => issue(claim=d);`}, `{"z":[3,2]}`},
		"chain of joins":                  {[]string{`a:[type=="x"] && b:[type=="y", value>a.value] && c:[type=="z", value==b.value] && [type=="flag"] => issue(type="a", value=b.value);`}, `{"a":[2,3]}`},
		"a join that fails late":          {[]string{`a:[type=="y"] && b:[type=="z", value==a.value] && [type=="x", value>b.value] => issue(type="a", value=a.value);`}, `{}`},
		"conditions are not needed twice": {[]string{`c:[type=="y"] && d:[type=="y", value==c.value] => issue(type="a", value=d.value);`}, `{"a":[1,2,3]}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, issued(t, issuing(test.rules...), incoming)); diff != "" {
				t.Errorf("issued (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSections checks that later sections see what earlier ones made, and that
// only issuance rules reach the token.
func TestSections(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, `version=1.1;
configurationrules{ => issueproperty(type="x-ms-sgx-tcbidentifier", value="15"); };
authorizationrules{
  => add(type="added", value=1);
  => issue(type="issued", value=2);
  [type=="x-ms-sgx-tcbidentifier", value=="15", issuer=="AttestationPolicy"] => permit();
};
issuancerules{
  [type=="added"] && [type=="issued"] => issue(type="seen", value=true);
  => issueproperty(type="omit_x5c", value=true);
  [type=="omit_x5c"] => issue(type="property", value="seen");
};`)
	d, err := p.Decide(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(d.Issued.AppendJSON(nil)), `{"property":"seen","seen":true}`; got != want {
		t.Errorf("issued %s, want %s", got, want)
	}
	if got, want := string(d.Properties.AppendJSON(nil)), `{"omit_x5c":true,"x-ms-sgx-tcbidentifier":"15"}`; got != want {
		t.Errorf("properties %s, want %s", got, want)
	}
}

// TestCustomClaims runs the documentation's join of what a client says about
// itself with what was verified. Only what agrees may be issued.
func TestCustomClaims(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, issuing(
		`F1:[type=="OSName", issuer=="CustomClaim"] && [type=="OSName", issuer=="AttestationService", value== F1.value] => issueproperty(type="report_validity_in_minutes", value=1440);`,
		`F1:[type=="OSName", issuer=="CustomClaim"] && C2:[type=="OSName", issuer=="AttestationService", value== F1.value] => issue(claim = C2);`,
		`F1:[type=="OSName", issuer=="CustomClaim"] && C2:[type=="OSName", issuer=="AttestationService", value== F1.value] => issue(type="said", value=F1.value);`,
	))
	tests := map[string]struct {
		service, custom    *claims.Set
		issued, properties string
	}{
		"both agree":           {set("OSName", "Linux"), set("OSName", "Linux"), `{"OSName":"Linux","said":"Linux"}`, `{"report_validity_in_minutes":1440}`},
		"they differ":          {set("OSName", "Linux"), set("OSName", "Windows"), `{}`, `{}`},
		"the client alone":     {set(), set("OSName", "Linux"), `{}`, `{}`},
		"the evidence alone":   {set("OSName", "Linux"), set(), `{}`, `{}`},
		"one of several fits":  {set("OSName", "Linux"), set("OSName", []any{"Windows", "Linux"}), `{"OSName":"Linux","said":"Linux"}`, `{"report_validity_in_minutes":1440}`},
		"the kind counts, too": {set("OSName", 1), set("OSName", "1"), `{}`, `{}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := p.DecideWith(test.service, test.custom)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(d.Issued.AppendJSON(nil)); got != test.issued {
				t.Errorf("issued %s, want %s", got, test.issued)
			}
			if got := string(d.Properties.AppendJSON(nil)); got != test.properties {
				t.Errorf("properties %s, want %s", got, test.properties)
			}
		})
	}
}

// TestDecideLeavesIncomingAlone checks that claims that rules make do not leak
// into the caller's set or into the next decision.
func TestDecideLeavesIncomingAlone(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, `version=1.0;authorizationrules{[type=="made"]=>deny();=>add(type="made", value=1);=>permit();};`)
	incoming := set("x", 1)
	for range 3 {
		if _, err := p.Decide(incoming); err != nil {
			t.Fatalf("a claim of an earlier decision was seen: %v", err)
		}
	}
	if !incoming.Equal(set("x", 1)) {
		t.Errorf("incoming became %s", incoming.AppendJSON(nil))
	}
}
