package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/azattest/azattest/claims"
)

// crowd is claims of 2 KB each.
func crowd(n int) *claims.Set {
	incoming := new(claims.Set)
	for i := range n {
		incoming.Add(fmt.Sprintf("x%d", i), claims.String(strings.Repeat("y", 2000)+fmt.Sprint(i)))
	}
	return incoming
}

// amount counts what an explanation shows, and the bytes of it.
func amount(x *Explanation) (int, int) {
	mentions, bytes := 0, 0
	count := func(name string, v claims.Value) {
		mentions++
		bytes += len(name) + size(v)
	}
	for _, r := range x.Rules {
		for _, c := range r.Conditions {
			for _, claim := range c.Claims {
				count(claim.Type, claim.Value)
			}
			if c.Mismatch == nil {
				continue
			}
			if c.Mismatch.Claim != nil {
				count(c.Mismatch.Claim.Type, c.Mismatch.Claim.Value)
			}
			for _, v := range c.Mismatch.Want {
				count("", v)
			}
		}
		for _, e := range r.Effects {
			if e.Claim != nil {
				count(e.Claim.Type, e.Claim.Value)
			}
		}
	}
	return mentions, bytes
}

// TestWholeExplanationIsBounded checks that a thousand rules do not show the same
// claims a thousand times, but do count them.
func TestWholeExplanationIsBounded(t *testing.T) {
	t.Parallel()
	conditions := strings.TrimSuffix(strings.Repeat(`[] && `, 32), ` && `)
	long := make([]any, 16)
	for i := range long {
		long[i] = strings.Repeat("z", 2000) + fmt.Sprint(i)
	}
	for name, rule := range map[string]string{
		"conditions":   conditions + ` => deny();`,
		"negated":      `!` + strings.ReplaceAll(conditions, "&& ", "&& !") + ` => deny();`,
		"mismatches":   `c:[type=="z"] && ` + strings.TrimSuffix(strings.Repeat(`[type=="x1", value==c.value] && `, 30), ` && `) + ` => deny();`,
		"combinations": `c:[type=="x1"] && [type=="x1", value==c.value] => deny();`,
		"effects":      `c:[type=="z"] => add(type="made", value=c.value);`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			incoming := crowd(16)
			for _, v := range long {
				incoming.Add("z", claims.String(v.(string))) //nolint:forcetypeassert // made above
			}
			rules := make([]string, 1000)
			for i := range rules {
				rules[i] = rule
			}
			x := mustCompile(t, authorizing12(rules...)).Explain(incoming)
			mentions, bytes := amount(x)
			// An ellipsis is not counted.
			if mentions > maxExplainedMentions || bytes > maxExplainedText+3*mentions {
				t.Errorf("%d mentions of %d bytes", mentions, bytes)
			}
			if mentions < 500 {
				t.Errorf("%d mentions, want more", mentions)
			}
			last := &x.Rules[len(x.Rules)-1]
			if name == "conditions" && (last.State != RuleFired || len(last.Conditions[31].Claims) != 0 || last.Conditions[31].Omitted != 32) {
				t.Errorf("the last condition shows %d claims and omits %d", len(last.Conditions[31].Claims), last.Conditions[31].Omitted)
			}
			if name == "effects" && last.EffectsOmitted != 16 {
				t.Errorf("of the last rule %d effects are omitted", last.EffectsOmitted)
			}
			if len(x.Rules) != 1000 || len(x.String()) > 64<<20 {
				t.Errorf("%d rules, %d bytes of text", len(x.Rules), len(x.String()))
			}
		})
	}
}

// TestDeniedClaimsAreOfTheDecidingRule checks that whatever the rules before it
// take, the rule that denied finds room.
func TestDeniedClaimsAreOfTheDecidingRule(t *testing.T) {
	t.Parallel()
	rules := make([]string, 999, 1000)
	for i := range rules {
		rules[i] = strings.Repeat(`[] && `, 31) + `[value==1] => deny();`
	}
	p := mustCompile(t, authorizing12(append(rules, `[type=="x7"] && ![type=="none"] => deny();`)...))
	_, err := p.Decide(crowd(16))
	denied, ok := errors.AsType[*DeniedError](err)
	if !ok {
		t.Fatalf("error %v, want a DeniedError", err)
	}
	blamed := denied.Claims()
	if len(blamed) != 2 || blamed[0].Rule.Number != 1000 || blamed[0].Type != "x7" || size(blamed[0].Value) != maxExplainedValue+len("…") || blamed[1].Type != "none" {
		t.Errorf("blamed are %v", blamed)
	}

	// Where nothing permits, 16 rules are enough.
	for i := range rules {
		rules[i] = `[type=="x1", value==1] => permit();`
	}
	_, err = mustCompile(t, authorizing12(rules...)).Decide(crowd(16))
	denied, ok = errors.AsType[*DeniedError](err)
	if !ok {
		t.Fatalf("error %v, want a DeniedError", err)
	}
	if blamed = denied.Claims(); len(blamed) != maxExplainedClaims || blamed[15].Rule.Number != 16 {
		t.Errorf("%d claims are blamed", len(blamed))
	}
}

// TestExplanationAgreesAtTheBounds checks that explaining does not lend a policy
// work: what it has asked is not known to the policy.
func TestExplanationAgreesAtTheBounds(t *testing.T) {
	t.Parallel()
	document := "[" + strings.Repeat("1,", 10_000) + "1]"
	verdicts := make(map[string]int)
	for n := 2; n < 24; n += 4 {
		var rules []string
		for i := range n {
			rules = append(rules, fmt.Sprintf(`c:[type=="doc"] && [type=="doc", valueType==JmesPath(c.value,"length([%d:])")] => deny();`, i+1))
		}
		p := mustCompile(t, authorizing12(append(rules, `=> permit();`)...))
		_, err := p.Decide(set("doc", document))
		x := p.Explain(set("doc", document))
		checkExplanation(t, x, outcome(t, err))
		verdicts[x.Verdict]++
		failed := 0
		for _, r := range x.Rules {
			if r.State == RuleFailed {
				failed++
			}
		}
		if want := map[string]int{"error": 1}[x.Verdict]; failed != want {
			t.Errorf("%d rules, decided as %s: %d are explained as failed, want %d", n, x.Verdict, failed, want)
		}
	}
	if verdicts["permit"] == 0 || verdicts["error"] == 0 {
		t.Errorf("verdicts %v, want some on either side of the bound", verdicts)
	}
}

// TestQueriesCostTheSameAgain checks that a decision does not depend on those that
// the program made before.
func TestQueriesCostTheSameAgain(t *testing.T) {
	t.Parallel()
	var rules []string
	for range 300 {
		rules = append(rules, `q:[type=="q"] => add(type="x", value=JmesPath("1", q.value));`)
	}
	p := mustCompile(t, functional(rules...))
	incoming := set("q", "a"+strings.Repeat(" ", maxKeptQuery-1))
	for range 2 {
		_, err := p.Decide(incoming)
		if failed, ok := errors.AsType[*EvaluationError](err); !ok || !strings.HasPrefix(failed.Problem, "the rules need more than") {
			t.Errorf("error %v, want one of too many steps", err)
		}
	}
}
