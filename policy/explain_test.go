package policy

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/claims"
)

func TestExplanationText(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text     string
		incoming *claims.Set
		want     string
	}{
		"permitted": {
			functional(`c:[type=="n"] && ![type=="m"] => issue(type="x", value=ContainsOnlyValue(c.value, 1));`, `c:[type=="n"] => issue(type="y", value=JsonToClaimValue("null"));`),
			set("n", []any{1, 2}),
			`permitted by rule 1 of authorizationrules at 2:19

authorizationrules
  rule 1 at 2:19 fires
    yes  no conditions
    =>   permit

issuancerules
  rule 1 at 4:0 fires
    yes  c:[type=="n"]
           n = 1, of AttestationService
           n = 2, of AttestationService
    yes  ![type=="m"]
    =>   issue x = false
  rule 2 at 5:0 fires
    yes  c:[type=="n"]
           n = 1, of AttestationService
           n = 2, of AttestationService
    =>   nothing: the value is empty
`,
		},
		"denied": {
			authorizing12(`=> permit();`, `[type=="svn", value<3] && ![type=="exempt"] => deny();`, `[type=="exempt"] => deny();`),
			set("svn", 2),
			`denied by rule 2 of authorizationrules at 4:0

authorizationrules
  rule 1 at 3:0 fires
    yes  no conditions
    =>   permit
  rule 2 at 4:0 fires
    yes  [type=="svn", value<3]
           svn = 2, of AttestationService
    yes  ![type=="exempt"]
    =>   deny
  rule 3 at 5:0 does not fire
    no   [type=="exempt"]
           no claim has the type "exempt"
`,
		},
		"not permitted": {
			authorizing12(
				`[type=="signer", value=="us"] && [type=="svn", value>=3] => permit();`,
				`[type=="svn", value=="2"] => permit();`,
				`[type=="signr"] => permit();`,
				`a:[type=="allowed"] && b:[type=="signer", value==a.value] => permit();`,
				`![type=="svn"] => permit();`,
				`[value==7] => permit();`,
			),
			set("signer", "us", "svn", 2, "allowed", []any{"a", "b"}),
			`not permitted: no rule permits

authorizationrules
  rule 1 at 3:0 does not fire
    yes  [type=="signer", value=="us"]
           signer = "us", of AttestationService
    no   [type=="svn", value>=3]
           value of "svn" is 2, want >= 3
  rule 2 at 4:0 does not fire
    no   [type=="svn", value=="2"]
           value of "svn" is 2 (Integer), want == "2" (String)
  rule 3 at 5:0 does not fire
    no   [type=="signr"]
           no claim has the type "signr", but one has "signer"
  rule 4 at 6:0 does not fire
    yes  a:[type=="allowed"]
           allowed = "a", of AttestationService
           allowed = "b", of AttestationService
    no   b:[type=="signer", value==a.value]
           value of "signer" is "us", want == "a" or "b"
  rule 5 at 7:0 does not fire
    no   ![type=="svn"]
           there is such a claim, want none
           svn = 2, of AttestationService
  rule 6 at 8:0 does not fire
    no   [value==7]
           value of "svn" is 2, want == 7
`,
		},
		"a joined rule that fires shows what fits together": {
			authorizing12(`a:[type=="allowed"] && b:[type=="signer", value==a.value] => permit();`),
			set("signer", []any{"c", "b"}, "allowed", []any{"a", "b"}),
			`permitted by rule 1 of authorizationrules at 3:0

authorizationrules
  rule 1 at 3:0 fires
    yes  a:[type=="allowed"]
           allowed = "b", of AttestationService
    yes  b:[type=="signer", value==a.value]
           signer = "b", of AttestationService
    =>   permit
`,
		},
		"a rule that cannot be carried out": {
			functional(`c:[type=="j"] => issue(type="x", value=JsonToClaimValue(c.value));`, `=> issue(type="y", value=1);`),
			set("j", "1.5"),
			`cannot be decided: rule 1 of issuancerules at 4:0: JsonToClaimValue gets the number 1.5, want an integer

authorizationrules
  rule 1 at 2:19 fires
    yes  no conditions
    =>   permit

issuancerules
  rule 1 at 4:0 fails
    yes  c:[type=="j"]
           j = "1.5", of AttestationService
    !!   JsonToClaimValue gets the number 1.5, want an integer
  rule 2 at 5:0 is not run
`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, mustCompile(t, test.text).Explain(test.incoming).String()); diff != "" {
				t.Errorf("explanation (-want +got):\n%s", diff)
			}
		})
	}
}

// TestExplanationJSON holds the names of the members, which are stable.
func TestExplanationJSON(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, authorizing12(`c:[type=="pcrs"] => add(type="copy", value=c.value);`, `[type=="svn", value>=3] => permit();`))
	got, err := json.MarshalIndent(p.Explain(set("pcrs", "x", "svn", 2)), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
 "verdict": "no-permit",
 "permitted": false,
 "deciding": null,
 "rules": [
  {
   "section": "authorizationrules",
   "number": 1,
   "line": 3,
   "column": 0,
   "text": "c:[type==\"pcrs\"] =\u003e add(type=\"copy\", value=c.value);",
   "state": "fired",
   "conditions": [
    {
     "text": "c:[type==\"pcrs\"]",
     "holds": true,
     "claims": [
      {
       "type": "pcrs",
       "value": "x",
       "issuer": "AttestationService",
       "readOnly": true
      }
     ]
    }
   ],
   "effects": [
    {
     "action": "add",
     "claim": {
      "type": "copy",
      "value": "x",
      "issuer": "AttestationPolicy",
      "readOnly": true
     }
    }
   ]
  },
  {
   "section": "authorizationrules",
   "number": 2,
   "line": 4,
   "column": 0,
   "text": "[type==\"svn\", value\u003e=3] =\u003e permit();",
   "state": "skipped",
   "conditions": [
    {
     "text": "[type==\"svn\", value\u003e=3]",
     "holds": false,
     "claims": [],
     "mismatch": {
      "reason": "value of \"svn\" is 2, want \u003e= 3",
      "type": "svn",
      "claim": {
       "type": "svn",
       "value": 2,
       "issuer": "AttestationService"
      },
      "property": "value",
      "operator": "\u003e=",
      "found": 2,
      "want": [
       3
      ]
     }
    }
   ],
   "effects": []
  }
 ]
}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
	permitted := mustCompile(t, functional(`=> issue(type="x", value=1);`)).Explain(nil)
	if got, err := json.Marshal(permitted); err != nil || !strings.HasSuffix(string(got), `"issued":{"x":1},"properties":{}}`) || !strings.Contains(string(got), `"deciding":{"section":"authorizationrules","number":1,"line":2,"column":19,"text":"=\u003epermit();"}`) {
		t.Errorf("of a permission: %s, %v", got, err)
	}
}

func TestDeniedClaims(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		rules []string
		want  []string
	}{
		"a claim that is denied": {
			[]string{`=> permit();`, `[type=="debug", value==true] => deny();`, `[type=="svn"] => deny();`},
			[]string{`rule 2: debug = true: a rule denies it`},
		},
		"a claim that is missed": {
			[]string{`![type=="none"] && [type=="svn"] => deny();`},
			[]string{`rule 1: none = null: a rule denies its absence`, `rule 1: svn = 2: a rule denies it`},
		},
		"everything": {[]string{`=> deny();`}, nil},
		"nothing permits": {
			[]string{`[type=="svn", value>=3] => permit();`, `[type=="debug", value==true] && [type=="signer"] => permit();`, `[type=="svn", value==9] => add(type="a", value=1);`},
			[]string{`rule 1: svn = 2: value of "svn" is 2, want >= 3`, `rule 2: signer = null: no claim has the type "signer"`},
		},
		"no rules": {nil, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mustCompile(t, authorizing12(test.rules...)).Decide(set("svn", 2, "debug", true))
			denied, ok := errors.AsType[*DeniedError](err)
			if !ok {
				t.Fatalf("error %v, want a DeniedError", err)
			}
			var got []string
			for _, c := range denied.Claims() {
				got = append(got, strings.TrimSpace("rule "+string(rune('0'+c.Rule.Number))+": "+c.Type+" = "+string(c.Value.AppendJSON(nil))+": "+c.Reason))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
	for _, rule := range []string{`[type=="pcrs"] => deny();`, `[type=="pcrs", value=="golden"] => permit();`} {
		_, err := mustCompile(t, authorizing12(rule)).Decide(set("pcrs", "secret"))
		if denied, ok := errors.AsType[*DeniedError](err); !ok || len(denied.Claims()) != 1 || !denied.Claims()[0].ReadOnly {
			t.Errorf("%s: %v, want one claim that is read-only", rule, err)
		}
	}
	if got := new(DeniedError).Claims(); got != nil {
		t.Errorf("an error of nobody's blames %v", got)
	}
}

// TestExplanationIsBounded checks that an explanation shows no thousands of
// claims and that it does not cost the decision anything.
func TestExplanationIsBounded(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, functional(`c:[type=="x"] => issue(type="y", value=c.value);`))
	x := p.Explain(set("x", many(1000)))
	rule := x.Rules[1]
	if len(rule.Conditions[0].Claims) != maxExplainedClaims || rule.Conditions[0].Omitted != 1000-maxExplainedClaims || len(rule.Effects) != maxExplainedEffects {
		t.Errorf("%d claims shown, %d omitted, %d effects", len(rule.Conditions[0].Claims), rule.Conditions[0].Omitted, len(rule.Effects))
	}
	if n := len(x.Issued.Values("y")); n != 1000 {
		t.Errorf("%d claims issued", n)
	}
	// Long values are cut off.
	long := mustCompile(t, functional(`c:[type=="events", value!="x"] => issue(claim=c);`)).Explain(set("events", strings.Repeat("ä", 10_000)))
	for _, c := range []*Claim{&long.Rules[1].Conditions[0].Claims[0], long.Rules[1].Effects[0].Claim} {
		if text, _ := c.Value.Str(); text != strings.Repeat("ä", maxExplainedValue/2)+"…" || c.Length != 20_000 {
			t.Errorf("a value of 20000 bytes is shown as %d of %d", len(text), c.Length)
		}
	}
	// A rule may take all steps that it has, explained or not.
	var conditions []string
	for i := range 6 {
		conditions = append(conditions, `c`+string(rune('0'+i))+`:[type=="x", value>=0]`)
	}
	text := authorizing12(strings.Join(conditions, " && ")+` && [type=="x", value==c0.value, value!=c0.value, value!=c5.value] => permit();`, `=> permit();`)
	_, err := mustCompile(t, text).Decide(set("x", many(500)))
	if got, want := mustCompile(t, text).Explain(set("x", many(500))).Verdict, strings.Replace(outcome(t, err), "evaluation", "error", 1); got != want {
		t.Errorf("explained as %s, decided as %s", got, want)
	}
}
