package policy

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/azattest/azattest/claims"
)

// failure returns the EvaluationError of a decision.
func failure(tb testing.TB, text string, incoming *claims.Set) *EvaluationError {
	tb.Helper()
	decision, err := mustCompile(tb, text).Decide(incoming)
	var failed *EvaluationError
	if !errors.As(err, &failed) || decision != nil {
		tb.Fatalf("decision %v, error %v, want an EvaluationError", decision, err)
	}
	return failed
}

func TestEvaluationError(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		rule     string
		incoming *claims.Set
		want     string
	}{
		"a type that is no string": {`c:[type=="x"] => issue(type=c.value, value=1);`, set("x", 1), `the type of a claim is set to 1, want a String that is not empty`},
		"an empty type":            {`c:[type=="x"] => add(type=c.value, value=1);`, set("x", ""), `the type of a claim is set to "", want a String that is not empty`},
		"a structured type":        {`c:[type=="x"] => add(type=c.value, value=1);`, set("x", structured(t, `{}`)), `the type of a claim is set to {}, want a String that is not empty`},
		"no valueType":             {`c:[type=="x"] => issue(type="a", value=c.valueType);`, set("x", structured(t, `{}`)), `claim "a" gets no value: a structured value has no valueType`},
		"another valueType":        {`c:[type=="x"] => issue(type="a", value=c.value, valueType="String");`, set("x", 1), `the value of claim "a" is 1 (Integer), but valueType says "String"`},
		"a valueType that is none": {`c:[type=="x"] => issue(type="a", value=c.value, valueType=c.value);`, set("x", "Integer"), `the value of claim "a" is "Integer" (String), but valueType says "Integer"`},
		"valueType of a structure": {`c:[type=="x"] => issue(type="a", value=c.value, valueType=c.valueType);`, set("x", structured(t, `[1,{}]`)), `the value of claim "a" is [1,{}] (JSON), but valueType says ""`},
		"a long value is cut off":  {`c:[type=="x"] => issue(type="a", value=c.value, valueType="Integer");`, set("x", strings.Repeat("y", 1000)), `the value of claim "a" is "` + strings.Repeat("y", 79) + `… (String), but valueType says "Integer"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed := failure(t, issuing(`=>issue(type="b", value=1);`, test.rule), test.incoming)
			if failed.Problem != test.want {
				t.Errorf("problem %q, want %q", failed.Problem, test.want)
			}
			want := "policy: rule 2 of issuancerules at 5:0, " + test.rule + ": " + test.want
			if failed.Error() != want {
				t.Errorf("error %q, want %q", failed.Error(), want)
			}
		})
	}
}

// TestDenialBeforeIssuance checks that issuance rules do not run for claims
// that are denied.
func TestDenialBeforeIssuance(t *testing.T) {
	t.Parallel()
	text := `version=1.0;authorizationrules{=>deny();};issuancerules{c:[type=="x"]=>issue(type=c.value, value=1);};`
	if got := decided(t, text, set("x", 1)); got != "denied" {
		t.Errorf("%s, want denied", got)
	}
}

// many returns n distinct values.
func many(n int) []any {
	values := make([]any, n)
	for i := range values {
		values[i] = i
	}
	return values
}

func TestStepsAreBounded(t *testing.T) {
	t.Parallel()
	// Eight conditions over 100 claims each have 10^16 combinations.
	var conditions []string
	for i := range 8 {
		tests := `type=="x"`
		if i > 0 {
			tests += fmt.Sprintf(", value!=c%d.value", i-1)
		}
		conditions = append(conditions, fmt.Sprintf("c%d:[%s]", i, tests))
	}
	join := strings.Join(conditions, " && ")
	failed := failure(t, authorizing(join+` && [type=="x", value==c0.value, value==c7.value, value==-1] => permit();`), set("x", many(100)))
	if !strings.Contains(failed.Problem, "need more than") || failed.Rule == nil || failed.Rule.Number != 1 {
		t.Errorf("failed for %q of %v", failed.Problem, failed.Rule)
	}

	// The length of texts counts.
	long := func(last string) string { return strings.Repeat("y", 1<<20) + last }
	var values []any
	for i := range 30 {
		values = append(values, long(fmt.Sprintf("%02d", i)))
	}
	failed = failure(t, authorizing(`c:[type=="x"] && [type=="z", value==c.value] => permit();`), set("x", values[:15], "z", values[15:]))
	if !strings.Contains(failed.Problem, "need more than") {
		t.Errorf("failed for %q", failed.Problem)
	}
}

// TestStepsAreSaved checks that rules which can be cheap are: none of these
// comes near the bound on steps, though the combinations are many.
func TestStepsAreSaved(t *testing.T) {
	t.Parallel()
	incoming := set("x", many(100))
	const chain = `a:[type=="x"] && b:[type=="x", value!=a.value] && c:[type=="x", value!=b.value] && d:[type=="x", value!=c.value]`
	tests := map[string]struct{ text, want string }{
		"one claim is enough where nobody asks which": {
			authorizing(strings.Repeat(`[type=="x"] && `, 20) + `[type=="x", value==-1] => permit();`),
			"no-permit",
		},
		"one combination is enough for an action that refers to none": {
			authorizing(chain + ` => permit();`),
			"permit",
		},
		"conditions that depend on nothing are tried first": {
			issuing(chain+` && [type=="absent"] => issue(type="out", value=d.value);`, `[type=="out"] => issue(type="never", value=1);`),
			"permit",
		},
		"conditions that depend on one other multiply with nothing else": {
			issuing(`c:[type=="x"] && ` + strings.Repeat(`[type=="x", value==c.value] && `, 20) + `[type=="x"] => issue(claim=c);`),
			"permit",
		},
	}
	for name, test := range tests {
		if got := decided(t, test.text, incoming); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestClaimsAreBounded(t *testing.T) {
	t.Parallel()
	incoming := new(claims.Set)
	for i := range maxFacts {
		incoming.Add(fmt.Sprintf("claim %d", i), claims.Boolean(true))
	}
	scan := authorizing(`[value==true] => permit();`)
	if got := decided(t, scan, incoming); got != "permit" {
		t.Errorf("%d claims: %s", maxFacts, got)
	}
	incoming.Add("claim 7", claims.Boolean(true))
	if got := decided(t, scan, incoming); got != "permit" {
		t.Errorf("a claim stated twice counts twice: %s", got)
	}
	incoming.Add("claim 7", claims.Boolean(false))
	if failed := failure(t, scan, incoming); failed.Problem != "there are more than 4096 claims" || failed.Error() != "policy: there are more than 4096 claims" {
		t.Errorf("failed for %q", failed)
	}
	// What a rule adds counts as well.
	if failed := failure(t, authorizing(`c:[type=="x"] && d:[type=="x"] => add(type=c.value, value=d.value);`, `[] => permit();`),
		set("x", func() []any {
			var names []any
			for i := range 70 {
				names = append(names, fmt.Sprint(i))
			}
			return names
		}())); failed.Rule == nil || failed.Rule.Number != 1 {
		t.Errorf("failed for %q", failed)
	}
	if got := decided(t, authorizing(`[type=="claim 7", value==true] => permit();`), incoming); got != "permit" {
		t.Errorf("claims that no rule could see count: %s", got)
	}
}

func TestIssuedClaimsAreBounded(t *testing.T) {
	t.Parallel()
	half := strings.Repeat("y", maxIssued/2-1)
	rules := []string{`c:[type=="x"] => issue(type="a", value=c.value);`, `c:[type=="x"] => issue(type="b", value=c.value);`}
	if got := decided(t, issuing(rules...), set("x", half)); got != "permit" {
		t.Errorf("claims of %d bytes: %s", maxIssued, got)
	}
	failed := failure(t, issuing(rules...), set("x", half+"y"))
	if !strings.Contains(failed.Problem, "issue claims of more than") || failed.Rule.Number != 2 {
		t.Errorf("failed for %q of %v", failed.Problem, failed.Rule)
	}
	// Issued again it is still one claim.
	again := make([]string, 50)
	for i := range again {
		again[i] = rules[0]
	}
	if got := decided(t, issuing(again...), set("x", half)); got != "permit" {
		t.Errorf("one claim issued 50 times: %s", got)
	}
}

// TestConcurrency runs one program from several goroutines, each with its own
// claims; the race detector looks on.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, `version=1.1;
configurationrules{c:[type=="id"]=>issueproperty(type="x-ms-sgx-tcbidentifier", value=c.value);};
authorizationrules{[type=="n", value>=0]=>permit();[type=="n", value<0]=>deny();};
issuancerules{c:[type=="n"]&&d:[type=="m", value==c.value]=>issue(type="both", value=d.value);};`)
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			for i := range 200 {
				v := n*1000 + i + 1
				incoming := set("id", fmt.Sprint(v), "n", []any{v, v + 1}, "m", v)
				properties, err := p.Configure(incoming)
				if err != nil || string(properties.AppendJSON(nil)) != fmt.Sprintf(`{"x-ms-sgx-tcbidentifier":"%d"}`, v) {
					t.Errorf("properties %v, %v", properties, err)
				}
				d, err := p.Decide(incoming)
				if err != nil || string(d.Issued.AppendJSON(nil)) != fmt.Sprintf(`{"both":%d}`, v) {
					t.Errorf("decision %v, %v", d, err)
				}
				if _, err := p.Decide(set("n", -v)); outcome(t, err) != "denied" {
					t.Errorf("-%d is not denied: %v", v, err)
				}
			}
		})
	}
	group.Wait()
}
