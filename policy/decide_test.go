package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// TestAuthorization is the table of what permits: something must, and nothing
// may deny, in whatever order.
func TestAuthorization(t *testing.T) {
	t.Parallel()
	const yes, no = `[type=="x", value==1]`, `[type=="x", value==2]`
	tests := map[string]struct {
		rules []string
		want  string
	}{
		"no rule":                           {nil, "no-permit"},
		"permit":                            {[]string{"=>permit();"}, "permit"},
		"deny":                              {[]string{"=>deny();"}, "denied"},
		"permit, deny":                      {[]string{"=>permit();", "=>deny();"}, "denied"},
		"deny, permit":                      {[]string{"=>deny();", "=>permit();"}, "denied"},
		"permit that holds":                 {[]string{yes + "=>permit();"}, "permit"},
		"permit that does not":              {[]string{no + "=>permit();"}, "no-permit"},
		"deny that does not hold":           {[]string{"=>permit();", no + "=>deny();"}, "permit"},
		"deny that holds":                   {[]string{yes + "=>deny();", "=>permit();", no + "=>deny();"}, "denied"},
		"all conditions are needed":         {[]string{yes + "&&" + no + "=>permit();"}, "no-permit"},
		"all conditions hold":               {[]string{yes + "&&" + yes + "&&[]=>permit();"}, "permit"},
		"one of several permits":            {[]string{no + "=>permit();", yes + "=>permit();"}, "permit"},
		"an unknown type does not match":    {[]string{`[type=="$future"]=>permit();`}, "no-permit"},
		"types are case-sensitive":          {[]string{`[type=="X"]=>permit();`}, "no-permit"},
		"any claim":                         {[]string{`[]=>permit();`}, "permit"},
		"two tests of one type":             {[]string{`[type=="x", type=="y"]=>permit();`}, "no-permit"},
		"the same the other way round":      {[]string{`[type=="y", type=="x"]=>permit();`}, "no-permit"},
		"a type that is another":            {[]string{`[type!="x"]=>permit();`}, "no-permit"},
		"the issuer of evidence":            {[]string{`[type=="x", issuer=="AttestationService"]=>permit();`}, "permit"},
		"not the issuer of evidence":        {[]string{`[type=="x", issuer!="AttestationService"]=>permit();`}, "no-permit"},
		"the valueType":                     {[]string{`[type=="x", valueType=="Integer"]=>permit();`}, "permit"},
		"another valueType":                 {[]string{`[type=="x", valueType=="String"]=>permit();`}, "no-permit"},
		"not a valueType":                   {[]string{`[type=="x", valueType!="Boolean"]=>permit();`}, "permit"},
		"a claim added before":              {[]string{`=>add(type="y", value=true);`, `[type=="y", value==true]=>permit();`}, "permit"},
		"a claim added after":               {[]string{`[type=="y", value==true]=>permit();`, `=>add(type="y", value=true);`}, "no-permit"},
		"a claim issued before":             {[]string{`=>issue(type="y", value=true);`, `[type=="y", issuer=="AttestationPolicy"]=>permit();`}, "permit"},
		"an added claim is not of evidence": {[]string{`=>add(type="y", value=true);`, `[type=="y", issuer=="AttestationService"]=>permit();`}, "no-permit"},
		"added again under the policy":      {[]string{`c:[type=="x"]=>add(claim=c);`, `[type=="x", value==1, issuer=="AttestationPolicy"]=>permit();`}, "permit"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := decided(t, authorizing(test.rules...), set("x", 1)); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestNoClaims(t *testing.T) {
	t.Parallel()
	for name, incoming := range map[string]*claims.Set{"nil": nil, "empty": set()} {
		if got := decided(t, authorizing("[]=>permit();"), incoming); got != "no-permit" {
			t.Errorf("%s: a condition holds without claims: %s", name, got)
		}
		if got := issued(t, issuing(`=>issue(type="a", value=1);`), incoming); got != `{"a":1}` {
			t.Errorf("%s: issued %s", name, got)
		}
	}
}

func TestDeniedError(t *testing.T) {
	t.Parallel()
	text := authorizing(`[type=="y"]=>deny();`, `[type=="x",`, `   value==1] => deny();`, `=>deny();`, `=>permit();`)
	_, err := mustCompile(t, text).Decide(set("x", 1))
	var denied *DeniedError
	if !errors.As(err, &denied) {
		t.Fatalf("error %v, want a DeniedError", err)
	}
	if denied.Reason != Denied || denied.Rule == nil {
		t.Fatalf("denied for %s by %v", denied.Reason, denied.Rule)
	}
	r := denied.Rule
	if r.Section != syntax.Authorization || r.Number != 2 || r.Range.Start.Line != 4 || r.Text != "[type==\"x\",\n   value==1] => deny();" {
		t.Errorf("denied by %+v, want the first rule that denied, the second", r)
	}
	want := `policy: denied by rule 2 of authorizationrules at 4:0, [type=="x", value==1] => deny();`
	if err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}

	_, err = mustCompile(t, authorizing()).Decide(nil)
	if !errors.As(err, &denied) || denied.Reason != NoPermit || denied.Rule != nil {
		t.Errorf("without rules: %v", err)
	}
	if want := "policy: no rule of authorizationrules permits these claims"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}

	long := authorizing(`[type=="` + strings.Repeat("ä", 300) + `"] => deny();`)
	_, err = mustCompile(t, long).Decide(set(strings.Repeat("ä", 300), 1))
	if err == nil || len(err.Error()) > 400 || !strings.HasSuffix(err.Error(), "ä…") {
		t.Errorf("a long rule makes the error %v", err)
	}
}

// TestComparisons is the truth table of all operators over all kinds.
func TestComparisons(t *testing.T) {
	t.Parallel()
	values := []any{"", "a", "b", "1", "true", 0, 1, 2, -1, true, false}
	literal := func(v any) string {
		if s, ok := v.(string); ok {
			return `"` + s + `"`
		}
		return fmt.Sprint(v)
	}
	// want says what documentation does: six operators for integers, two for
	// the others, and nothing holds between kinds.
	want := func(a any, operator string, b any) bool {
		i, isInteger := a.(int)
		j, both := b.(int)
		if isInteger && both {
			return map[string]bool{"==": i == j, "!=": i != j, "<": i < j, "<=": i <= j, ">": i > j, ">=": i >= j}[operator]
		}
		if fmt.Sprintf("%T", a) != fmt.Sprintf("%T", b) {
			return false
		}
		return operator == "==" && a == b || operator == "!=" && a != b
	}
	for _, operator := range []string{"==", "!=", "<", "<=", ">", ">="} {
		for _, a := range values {
			for _, b := range values {
				// The right side from a claim, so that every pair compiles.
				joined := authorizing(fmt.Sprintf(`c:[type=="b"] && [type=="a", value %s c.value] => permit();`, operator))
				got := decided(t, joined, set("a", a, "b", b)) == "permit"
				if got != want(a, operator, b) {
					t.Errorf("%v %s %v is %t", literal(a), operator, literal(b), got)
				}
				// The right side as a literal, where that is allowed.
				p, err := Compile(authorizing(fmt.Sprintf(`[type=="a", value %s %s] => permit();`, operator, literal(b))))
				if _, isInteger := b.(int); err != nil && (isInteger || operator == "==" || operator == "!=") {
					t.Errorf("value %s %s is refused: %v", operator, literal(b), err)
				}
				if err == nil {
					_, err := p.Decide(set("a", a))
					if got := err == nil; got != want(a, operator, b) {
						t.Errorf("%v %s literal %v is %t", literal(a), operator, literal(b), got)
					}
				}
			}
		}
	}
}

func TestIntegersAreExact(t *testing.T) {
	t.Parallel()
	incoming := set("x", claims.Integer(9007199254740993)) // 2^53 + 1, which no float64 holds
	for rule, want := range map[string]string{
		`[type=="x", value==9007199254740993] => permit();`:     "permit",
		`[type=="x", value==9007199254740992] => permit();`:     "no-permit",
		`[type=="x", value>9007199254740992] => permit();`:      "permit",
		`[type=="x", value<9223372036854775807] => permit();`:   "permit",
		`[type=="x", value>=-9223372036854775808] => permit();`: "permit",
	} {
		if got := decided(t, authorizing(rule), incoming); got != want {
			t.Errorf("%s gives %s, want %s", rule, got, want)
		}
	}
}

// TestStructuredValues checks that JSON passes through policies but satisfies
// no comparison of its value or its valueType.
func TestStructuredValues(t *testing.T) {
	t.Parallel()
	incoming := set("j", structured(t, `{"b":[1],"a":"x"}`), "k", structured(t, `{"a":"x","b":[1]}`), "text", `{"a":"x","b":[1]}`)
	for conditions, want := range map[string]string{
		`[type=="j"]`: "permit",
		`[type=="j", issuer=="AttestationService"]`:               "permit",
		`[type=="j", value=="{\"a\":\"x\",\"b\":[1]}"]`:           "no-permit",
		`[type=="j", value!="y"]`:                                 "no-permit",
		`[type=="j", value!=1]`:                                   "no-permit",
		`[type=="j", value>=0]`:                                   "no-permit",
		`[type=="j", value!=true]`:                                "no-permit",
		`[type=="j", valueType=="String"]`:                        "no-permit",
		`[type=="j", valueType!="String"]`:                        "no-permit",
		`c:[type=="k"] && [type=="j", value==c.value]`:            "no-permit",
		`c:[type=="j"] && [type=="j", value==c.value]`:            "no-permit",
		`c:[type=="k"] && [type=="j", value!=c.value]`:            "no-permit",
		`c:[type=="text"] && [type=="j", value==c.value]`:         "no-permit",
		`c:[type=="j"] && [type=="k", valueType==c.valueType]`:    "no-permit",
		`c:[type=="j"] && [type=="text", valueType!=c.valueType]`: "no-permit",
		`c:[type=="j"] && [type!="j", valueType==c.issuer]`:       "no-permit",
		`c:[type=="j"] && [type=="k", issuer==c.issuer]`:          "permit",
		`c:[type=="text"] && d:[type=="text", value==c.value]`:    "permit",
	} {
		if got := decided(t, authorizing(conditions+"=>permit();"), incoming); got != want {
			t.Errorf("%s gives %s, want %s", conditions, got, want)
		}
	}
	got := issued(t, issuing(`c:[type=="j"] => issue(type="copy", value=c.value);`, `c:[type=="k"] => issue(claim=c);`, `c:[] => issue(type="all", value=c.value);`), incoming)
	want := `{"all":[{"a":"x","b":[1]},"{\"a\":\"x\",\"b\":[1]}"],"copy":{"a":"x","b":[1]},"k":{"a":"x","b":[1]}}`
	if got != want {
		t.Errorf("issued %s, want %s", got, want)
	}
}
