package policy

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/policy/syntax"
)

// FuzzDecide checks that whatever compiles runs: within its bounds, with one of
// the errors it names, always to the same end, and without touching its input.
func FuzzDecide(f *testing.F) {
	for _, text := range []string{
		DefaultSGX,
		DefaultSGXPreview,
		issuing(`c:[value!=1]&&d:[type==c.type,value==c.value]=>issue(type=d.type,value=c.issuer);`),
		authorizing(`c:[]=>add(type=c.issuer,value=c.valueType);`, `[type=="AttestationService"]=>deny();`),
		configuring(`c:[type=="a"]=>issueproperty(type=c.value,value=true);`),
		issuing(`a:[]&&b:[]&&c:[]&&d:[value!=a.value]&&e:[value!=b.value]=>issue(type=c.type,value=e.value);`),
		functional(`c:[type=="a"]=>issue(type="x",value=JsonToClaimValue(JmesPath(c.value,"a[0]")));`, `![type=="x"]=>issue(type="y",value=false);`),
		functional(`c:[type=="j"]=>add(type="q",value=AppendString("a","[0]"));`, `c:[type=="j"]&&d:[type=="q"]=>issue(type="x",value=JmesPath(c.value,d.value));`),
		functional(`c:[]&&d:[value==c.value]&&![type==d.type,value!=c.value]=>issue(type=AppendString("n",d.type),value=IsSubsetOf(c.value,d.value));`),
		functional(`c:[type=="pcrs"]=>add(type="p",value=c.value);`, `c:[type=="p"]=>issue(type="p",value=ContainsOnlyValue(c.value,NegateBool(false)));`),
	} {
		f.Add(text, `{"pcrs":"[1]","j":"{\"a\":[1,{\"b\":null}]}","a":["x",1,true,null],"b":{"c":[]},"x-ms-sgx-svn":7,"$tee":"sgx"}`)
	}
	if dir, ok := corpus.Find(); ok {
		files, _ := filepath.Glob(filepath.Join(dir, "policies", "*", "*.txt"))
		for _, file := range files {
			if raw, err := os.ReadFile(file); err == nil {
				f.Add(string(raw), `{"x-ms-sgx-is-debuggable":true,"x-ms-sgx-product-id":1,"secureboot":false}`)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text, claimsJSON string) {
		incoming := new(claims.Set)
		if err := incoming.UnmarshalJSON([]byte(claimsJSON)); err != nil {
			incoming = set("x", 1, "y", []any{true, "z", 2})
		}
		p, err := Compile(text)
		if err != nil {
			var bad *SyntaxError
			if !errors.As(err, &bad) || len(bad.Diagnostics) == 0 || err.Error() == "" {
				t.Fatalf("error %T: %v, want a SyntaxError with a fault", err, err)
			}
			if found := Check(text, CheckOptions{Type: "SgxEnclave"}); len(found) < len(bad.Diagnostics) || found[0].Severity != syntax.SeverityError {
				t.Errorf("Compile finds %d faults, Check %v", len(bad.Diagnostics), found)
			}
			return
		}
		for _, d := range Check(text, CheckOptions{Type: "Tpm"}) {
			if d.Severity != syntax.SeverityWarning {
				t.Errorf("Check refuses what Compile accepts: %v", d)
			}
		}
		before := incoming.Clone()
		properties, err := p.Configure(incoming)
		if (properties == nil) == (err == nil) {
			t.Errorf("properties %v, error %v", properties, err)
		}
		decision, err := p.Decide(incoming)
		got := outcome(t, err)
		if (decision == nil) == (got == "permit") {
			t.Errorf("decision %v, error %v", decision, err)
		}
		if !incoming.Equal(before) {
			t.Error("the incoming claims have changed")
		}
		if denied, ok := errors.AsType[*DeniedError](err); ok {
			denied.Claims()
		}
		checkExplanation(t, p.Explain(incoming), got)
		again, err := p.Decide(incoming)
		if outcome(t, err) != got {
			t.Fatalf("the second time it is %s, the first time %s", outcome(t, err), got)
		}
		if got == "permit" && (!again.Issued.Equal(decision.Issued) || !again.Properties.Equal(decision.Properties)) {
			t.Errorf("the second time it is %+v, the first time %+v", again, decision)
		}
	})
}

// checkExplanation checks that an explanation agrees with the decision and with
// itself.
func checkExplanation(t *testing.T, x *Explanation, decision string) {
	t.Helper()
	if want := strings.Replace(decision, "evaluation", "error", 1); x.Verdict != want || x.Permitted != (want == "permit") {
		t.Errorf("the explanation says %s (%s), the decision %s", x.Verdict, x.Problem, decision)
	}
	if _, err := json.Marshal(x); err != nil || x.String() == "" {
		t.Errorf("the explanation cannot be written: %v", err)
	}
	for _, r := range x.Rules {
		for _, c := range r.Conditions {
			if c.Holds == (c.Mismatch != nil) {
				t.Errorf("condition %s holds: %t, with a mismatch: %t", c.Text, c.Holds, c.Mismatch != nil)
			}
		}
	}
}
