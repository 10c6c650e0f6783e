package policy

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/internal/corpus"
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
	} {
		f.Add(text, `{"a":["x",1,true,null],"b":{"c":[]},"x-ms-sgx-svn":7,"$tee":"sgx"}`)
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
			return
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
		again, err := p.Decide(incoming)
		if outcome(t, err) != got {
			t.Fatalf("the second time it is %s, the first time %s", outcome(t, err), got)
		}
		if got == "permit" && (!again.Issued.Equal(decision.Issued) || !again.Properties.Equal(decision.Properties)) {
			t.Errorf("the second time it is %+v, the first time %+v", again, decision)
		}
	})
}
