package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/policy/syntax"
)

// faults returns what Compile finds in a text as "code line:column: message (hint)".
func faults(tb testing.TB, text string) []string {
	tb.Helper()
	_, err := Compile(text)
	if err == nil {
		return nil
	}
	var bad *SyntaxError
	if !errors.As(err, &bad) {
		tb.Fatalf("error %T: %v, want a SyntaxError", err, err)
	}
	var got []string
	for _, f := range bad.Diagnostics {
		got = append(got, string(f.Code)+" "+f.String())
	}
	return got
}

// TestFaultsOfMeaning checks what Compile refuses beyond grammar. The rules
// begin on line 3, column 0.
func TestFaultsOfMeaning(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want []string
	}{
		"an undeclared identifier": {
			issuing(`claim1:[] => issue(type="a", value=claim2.value);`),
			[]string{`undeclared-identifier 4:35: identifier claim2 is not declared (did you mean claim1?)`},
		},
		"an undeclared claim": {
			issuing(`=> issue(claim=c);`),
			[]string{`undeclared-identifier 4:15: identifier c is not declared (name a condition: c:[…])`},
		},
		"an identifier of another rule": {
			issuing(`c:[] => issue(claim=c);`, `[] => issue(claim=c);`),
			[]string{`undeclared-identifier 5:18: identifier c is not declared (name a condition: c:[…])`},
		},
		"a condition that refers to itself": {
			authorizing(`c:[value==c.value] => permit();`),
			[]string{`undeclared-identifier 3:10: identifier c is not declared (a condition can only refer to those before it)`},
		},
		"a condition that refers to a later one": {
			authorizing(`c:[value==d.value] && d:[] => permit();`),
			[]string{`undeclared-identifier 3:10: identifier d is not declared (a condition can only refer to those before it)`},
		},
		"an identifier twice": {
			authorizing(`c:[] && c:[] => permit();`),
			[]string{`repeated-identifier 3:8: identifier c is declared twice in one rule (give each condition its own)`},
		},
		"actions in the wrong section": {
			"version=1.1;configurationrules{=>permit();=>add(type=\"a\",value=1);=>issue(type=\"a\",value=1);};authorizationrules{=>issueproperty(type=\"omit_x5c\",value=true);};issuancerules{=>permit();=>deny();};",
			[]string{
				`misplaced-action 1:33: permit has no place in configurationrules (it belongs in authorizationrules)`,
				`misplaced-action 1:44: add has no place in configurationrules (it belongs in authorizationrules or issuancerules)`,
				`misplaced-action 1:68: issue has no place in configurationrules (it belongs in authorizationrules or issuancerules)`,
				`misplaced-action 1:115: issueproperty has no place in authorizationrules (it belongs in configurationrules or issuancerules)`,
				`misplaced-action 1:175: permit has no place in issuancerules (it belongs in authorizationrules)`,
				`misplaced-action 1:186: deny has no place in issuancerules (it belongs in authorizationrules)`,
			},
		},
		"arguments missing": {
			issuing(`=> issue(type="a");`, `=> add(value=1);`, `=> add(valueType="Integer");`),
			[]string{
				`missing-argument 4:3: issue sets no value (add value=…)`,
				`missing-argument 5:3: add sets no type (add type=…)`,
				`missing-argument 6:3: add sets no type (add type=…)`,
				`missing-argument 6:3: add sets no value (add value=…)`,
			},
		},
		"arguments twice": {
			issuing(`=> issue(type="a", value=1, value=2, type="b");`),
			[]string{
				`repeated-argument 4:28: value is set twice (set it once)`,
				`repeated-argument 4:37: type is set twice (set it once)`,
			},
		},
		"an issuer of one's own": {
			issuing(`c:[] => issue(type="a", value=1, issuer="AttestationService");`, `c:[] => issue(type="a", value=1, issuer=c.issuer);`),
			[]string{
				`forbidden-argument 4:33: a rule cannot choose the issuer of its claims: it is AttestationPolicy (remove issuer=…)`,
				`forbidden-argument 5:33: a rule cannot choose the issuer of its claims: it is AttestationPolicy (remove issuer=…)`,
			},
		},
		"types that are no strings": {
			issuing(`=> issue(type=1, value=1);`, `=> issue(type=true, value=1);`, `=> issue(type="", value=1);`),
			[]string{
				`wrong-kind 4:9: type is set to 1, want a String (put it in quotation marks)`,
				`wrong-kind 5:9: type is set to true, want a String (put it in quotation marks)`,
				`wrong-kind 6:9: a claim needs a type that is not empty`,
			},
		},
		"a valueType that does not fit": {
			issuing(`=> issue(type="a", value=1, valueType="String");`, `=> issue(type="a", value="1", valueType="string");`, `=> issue(type="a", value=1, valueType=1);`),
			[]string{
				`wrong-kind 4:19: value is 1 (Integer), but valueType says String`,
				`unknown-name 5:40: no claim has the valueType "string" (did you mean String?)`,
				`wrong-kind 6:28: valueType is set to 1, want a String (put it in quotation marks)`,
			},
		},
		"comparisons that never hold": {
			authorizing(
				`[type==1] => deny();`, `[issuer==true] => deny();`, `[valueType!=0] => deny();`,
				`[type<"a"] => deny();`, `[value>="1"] => deny();`, `[value<true] => deny();`,
				`c:[] && [value<c.type] => deny();`, `c:[] && [issuer<=c.value] => deny();`,
			),
			[]string{
				`wrong-kind 3:1: type is a String and never equals 1 (put it in quotation marks)`,
				`wrong-kind 4:1: issuer is a String and never equals true (put it in quotation marks)`,
				`wrong-kind 5:1: valueType is a String and never equals 0 (put it in quotation marks)`,
				`wrong-kind 6:1: < compares integers only (other kinds have == and !=)`,
				`wrong-kind 7:1: >= compares integers only (other kinds have == and !=)`,
				`wrong-kind 8:1: < compares integers only (other kinds have == and !=)`,
				`wrong-kind 9:9: < compares integers only (other kinds have == and !=)`,
				`wrong-kind 10:9: <= compares integers only (other kinds have == and !=)`,
			},
		},
		"issuers and valueTypes that are none": {
			authorizing(`[type=="a", issuer=="AttestatonService"] => deny();`, `[issuer!="me"] => deny();`, `[valueType=="Double"] => deny();`),
			[]string{
				`unknown-name 3:20: no claim has the issuer "AttestatonService" (did you mean AttestationService?)`,
				`unknown-name 4:9: no claim has the issuer "me" (there are AttestationService, AttestationPolicy, CustomClaim)`,
				`unknown-name 5:12: no claim has the valueType "Double" (there are String, Integer, Boolean)`,
			},
		},
		"faults of grammar and of meaning": {
			authorizing(`[type="a"] => permit();`, `=> issue(claim=c);`, `=> permit()`, `=> frob();`),
			[]string{
				`assignment-in-condition 3:5: found '=', expected a comparison operator (equality is written ==)`,
				`undeclared-identifier 4:15: identifier c is not declared (name a condition: c:[…])`,
				`missing-semicolon 6:0: found '=>', expected ';' after the rule (end the rule with ; on line 5)`,
				`unknown-action 6:3: found 'frob', expected an action (the actions are permit, deny, add, issue or issueproperty)`,
			},
		},
		"unknown words are reported once": {
			issuing(`c:[weight=="red"] => issue(typ="a", value=c.valeu);`),
			[]string{
				`unknown-property 4:3: found 'weight', expected a claim property (a claim has type, value, valueType or issuer)`,
				`unknown-property 4:27: found 'typ', expected a claim property (did you mean type?)`,
				`unknown-property 4:44: found 'valeu', expected a claim property (did you mean value?)`,
			},
		},
		"a function in version 1.1": {
			issuing(`c:[] => issue(type="a", value=NegateBool(c.value));`),
			[]string{`needs-version 4:30: a function needs version 1.2, and this policy says version 1.1 (write version=1.2;)`},
		},
		"configuration rules in version 1.0": {
			`version=1.0;configurationrules{};authorizationrules{};`,
			[]string{`needs-version 1:12: configurationrules needs version 1.1, and this policy says version 1.0 (write version=1.1;)`},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, faults(t, test.text)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSyntaxError(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"version=1.0;":                    `policy text at 1:12: the policy has no authorizationrules (add authorizationrules { … }; with the rules that permit: without any, nothing is permitted)`,
		"version=9.0;":                    `policy text at 1:8: there is no version '9.0' of the policy language (the versions are 1.0, 1.1 and 1.2), and 1 more fault`,
		authorizing("=>a();=>b();=>c();"): `policy text at 3:2: found 'a', expected an action (the actions are permit, deny, add, issue or issueproperty), and 2 more faults`,
	} {
		_, err := Compile(text)
		if err == nil || err.Error() != want {
			t.Errorf("error %v\nwant %s", err, want)
		}
	}
	_, err := Compile(authorizing(strings.Repeat("c:[value==d.value]=>frob();", 50)))
	var bad *SyntaxError
	if !errors.As(err, &bad) || len(bad.Diagnostics) != 20 {
		t.Errorf("a policy full of faults gives %v, want 20 of them", err)
	}
	_, err = Compile(issuing(`=> issue(claim=c);`))
	if !errors.As(err, &bad) {
		t.Fatal(err)
	}
	want := syntax.Diagnostic{
		Code:       UndeclaredIdentifier,
		Range:      syntax.Range{Start: syntax.Position{Offset: 76, Line: 4, Column: 15}, End: syntax.Position{Offset: 77, Line: 4, Column: 16}},
		Message:    "identifier c is not declared",
		Hint:       "name a condition: c:[…]",
		Found:      "c",
		Production: "policy",
	}
	if diff := cmp.Diff([]syntax.Diagnostic{want}, bad.Diagnostics); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// TestMessagesAreShort checks that neither a fault nor a failure repeats a
// whole policy or a whole claim.
func TestMessagesAreShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	for name, text := range map[string]string{
		"issuer":     authorizing(`[issuer=="` + long + `"] => permit();`),
		"property":   configuring(`=> issueproperty(type="` + long + `", value=1);`),
		"value":      configuring(`=> issueproperty(type="omit_x5c", value="` + long + `");`),
		"identifier": authorizing(long + `:[value==` + long + `y.value] => permit();`),
		"type":       issuing(`=> issue(type="a", value="` + long + `", valueType="Integer");`),
	} {
		_, err := Compile(text)
		if err == nil {
			t.Errorf("%s: no fault", name)
			continue
		}
		for _, fault := range faults(t, text) {
			if len(fault) > 400 {
				t.Errorf("%s: a fault of %d bytes", name, len(fault))
			}
		}
		if n := len(err.Error()); n > 500 {
			t.Errorf("%s: an error of %d bytes", name, n)
		}
	}
	for name, rule := range map[string]string{
		"type":     `c:[type=="x"] => issue(type=c.value, value=c.value, valueType="Integer");`,
		"property": `c:[type=="x"] => issueproperty(type=c.value, value=1);`,
	} {
		_, err := mustCompile(t, issuing(rule)).Decide(set("x", long))
		if err == nil || len(err.Error()) > 500 {
			t.Errorf("%s: error %.600v", name, err)
		}
	}
}
