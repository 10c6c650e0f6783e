package keyrelease_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/azattest/azattest/keyrelease"
)

// claimsOf are the claims of a token of the authority.
func claimsOf(members string) string {
	if members != "" {
		members = "," + members
	}
	return `{"iss":"` + authority + `"` + members + `}`
}

func TestEvaluateConditions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		condition, claims string
		met               bool
		found             string
	}{
		"same text":                     {`{"claim":"a","equals":"x"}`, `"a":"x"`, true, ""},
		"another text":                  {`{"claim":"a","equals":"x"}`, `"a":"X"`, false, `"X"`},
		"absent":                        {`{"claim":"a","equals":"x"}`, ``, false, "absent"},
		"a name in another case":        {`{"claim":"a","equals":"x"}`, `"A":"x"`, false, "absent"},
		"false as a boolean":            {`{"claim":"a","equals":false}`, `"a":false`, true, ""},
		"false as text in the policy":   {`{"claim":"a","equals":"false"}`, `"a":false`, true, ""},
		"false as text in the token":    {`{"claim":"a","equals":false}`, `"a":"false"`, true, ""},
		"true is not false":             {`{"claim":"a","equals":false}`, `"a":true`, false, "true"},
		"a number as text":              {`{"claim":"a","equals":"0"}`, `"a":0`, true, ""},
		"false is not 0":                {`{"claim":"a","equals":0}`, `"a":false`, false, "false"},
		"one number written twice":      {`{"claim":"a","equals":100}`, `"a":1e2`, true, ""},
		"numbers beyond a float":        {`{"claim":"a","equals":9007199254740993}`, `"a":9007199254740992`, false, "9007199254740992"},
		"versions are text":             {`{"claim":"a","equals":"1.1"}`, `"a":"1.10"`, false, `"1.10"`},
		"null":                          {`{"claim":"a","equals":"null"}`, `"a":null`, false, "the claim is null"},
		"a list":                        {`{"claim":"a","equals":"x"}`, `"a":["x"]`, false, "the claim is an array"},
		"an object":                     {`{"claim":"a","equals":"x"}`, `"a":{"x":1}`, false, "the claim is an object"},
		"unequal":                       {`{"claim":"a","notEquals":"x"}`, `"a":"y"`, true, ""},
		"not unequal":                   {`{"claim":"a","notEquals":"x"}`, `"a":"x"`, false, `"x"`},
		"unequal to what is absent":     {`{"claim":"a","notEquals":"x"}`, ``, false, "absent"},
		"unequal to a list":             {`{"claim":"a","notEquals":"x"}`, `"a":["y"]`, false, "the claim is an array"},
		"unequal in writing alone":      {`{"claim":"a","notEquals":1}`, `"a":1.0`, false, "1.0"},
		"unequal, too large to tell":    {`{"claim":"a","notEquals":1}`, `"a":1e999`, false, "too long or too large"},
		"unequal in kind alone":         {`{"claim":"a","notEquals":"1"}`, `"a":1e0`, false, "1e0"},
		"unequal to minus zero":         {`{"claim":"a","notEquals":0}`, `"a":"-0"`, false, `"-0"`},
		"less":                          {`{"claim":"a","less":3}`, `"a":2`, true, ""},
		"not less":                      {`{"claim":"a","less":3}`, `"a":3`, false, "3"},
		"less or equal":                 {`{"claim":"a","lessOrEquals":3}`, `"a":3`, true, ""},
		"not less or equal":             {`{"claim":"a","lessOrEquals":3}`, `"a":3.1`, false, "3.1"},
		"greater":                       {`{"claim":"a","greater":"9"}`, `"a":"10"`, true, ""},
		"not greater":                   {`{"claim":"a","greater":3}`, `"a":-4`, false, "-4"},
		"greater or equal":              {`{"claim":"a","greaterOrEquals":3}`, `"a":3`, true, ""},
		"not greater or equal":          {`{"claim":"a","greaterOrEquals":3}`, `"a":2.99`, false, "2.99"},
		"greater than what is absent":   {`{"claim":"a","greaterOrEquals":3}`, ``, false, "absent"},
		"order of text":                 {`{"claim":"a","greaterOrEquals":3}`, `"a":"four"`, false, "no number"},
		"order of padded text":          {`{"claim":"a","greaterOrEquals":3}`, `"a":" 4"`, false, "no number"},
		"order of hexadecimal text":     {`{"claim":"a","greaterOrEquals":3}`, `"a":"0x10"`, false, "no number"},
		"order of a fraction":           {`{"claim":"a","greaterOrEquals":3}`, `"a":"9/2"`, false, "no number"},
		"order of true":                 {`{"claim":"a","greaterOrEquals":0}`, `"a":true`, false, "no number"},
		"order of a huge number":        {`{"claim":"a","greaterOrEquals":0}`, `"a":1e999999999`, false, "no number"},
		"order of an endless number":    {`{"claim":"a","greaterOrEquals":0}`, `"a":` + strings.Repeat("9", 401), false, "no number"},
		"exists":                        {`{"claim":"a","exists":true}`, `"a":[]`, true, ""},
		"does not exist":                {`{"claim":"a","exists":true}`, ``, false, "absent"},
		"must not exist":                {`{"claim":"a","exists":false}`, ``, true, ""},
		"must not exist, and does":      {`{"claim":"a","exists":"false"}`, `"a":{}`, false, "an object"},
		"null exists":                   {`{"claim":"a","exists":true}`, `"a":null`, false, "neither"},
		"null is absent":                {`{"claim":"a","exists":false}`, `"a":null`, false, "neither"},
		"a path":                        {`{"claim":"a.b.c","equals":1}`, `"a":{"b":{"c":1}}`, true, ""},
		"a path through a list":         {`{"claim":"a.b","equals":1}`, `"a":[{"b":1}]`, false, "absent"},
		"a path that ends early":        {`{"claim":"a.b","equals":1}`, `"a":1`, false, "absent"},
		"absent below null":             {`{"claim":"a.b","exists":false}`, `"a":null`, false, "leads through"},
		"absent in a list":              {`{"claim":"a.b","exists":false}`, `"a":[{"b":1}]`, false, "leads through"},
		"absent in an object":           {`{"claim":"a.b","exists":false}`, `"a":{"c":1}`, true, ""},
		"absent below text":             {`{"claim":"a.b.c","exists":false}`, `"a":{"b":"x"}`, false, "leads through"},
		"a name with dots":              {`{"claim":"https://a.example/x","equals":1}`, `"https://a.example/x":1`, true, ""},
		"a name with dots in an object": {`{"claim":"x-ms-runtime.a.b.c","equals":1}`, `"x-ms-runtime":{"a.b":{"c":1}}`, true, ""},
		"two claims may be meant":       {`{"claim":"a.b","equals":1}`, `"a":{"b":1},"a.b":1`, false, "two claims may be meant"},
		"two claims may be absent":      {`{"claim":"a.b","exists":false}`, `"a":{"b":1},"a.b":1`, false, "two claims may be meant"},
		"a long value is cut":           {`{"claim":"a","equals":1}`, `"a":"` + strings.Repeat("é", 200) + `"`, false, `é"…`},
		"a value for the log":           {`{"claim":"a","equals":1}`, `"a":"x\nmet"`, false, `"x\nmet"`},
		"any of":                        {`{"anyOf":[{"claim":"a","equals":1},{"claim":"a","equals":2}]}`, `"a":2`, true, ""},
		"none of any":                   {`{"anyOf":[{"claim":"a","equals":1},{"claim":"a","equals":2}]}`, `"a":3`, false, ""},
		"all of":                        {`{"allOf":[{"claim":"a","equals":1},{"claim":"b","equals":2}]}`, `"a":1,"b":2`, true, ""},
		"not all of":                    {`{"allOf":[{"claim":"a","equals":1},{"claim":"b","equals":2}]}`, `"a":1,"b":1`, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outcome, err := mustParse(t, policyOf(test.condition)).Evaluate([]byte(claimsOf(test.claims)))
			if err != nil {
				t.Fatal(err)
			}
			if outcome.Met != test.met {
				t.Errorf("met is %t, want %t:\n%s", outcome.Met, test.met, outcome)
			}
			if found := outcome.Parts[0].Parts[0].Found; !strings.Contains(found, test.found) || test.found == "" && found != "" {
				t.Errorf("found %q, want %q", found, test.found)
			}
		})
	}
}

func TestEvaluateAuthority(t *testing.T) {
	t.Parallel()
	const condition = `{"claim":"a","equals":1}`
	for name, test := range map[string]struct {
		authority, claims string
		met               bool
	}{
		"the issuer":                 {authority, `{"iss":"` + authority + `","a":1}`, true},
		"a slash in the policy":      {authority + "/", `{"iss":"` + authority + `","a":1}`, true},
		"a slash in the token":       {authority, `{"iss":"` + authority + `/","a":1}`, true},
		"two slashes":                {authority, `{"iss":"` + authority + `//","a":1}`, false},
		"another issuer":             {authority, `{"iss":"https://attacker.example","a":1}`, false},
		"an issuer that begins so":   {authority, `{"iss":"` + authority + `.attacker.example","a":1}`, false},
		"an instance below it":       {authority, `{"iss":"` + authority + `/attacker","a":1}`, false},
		"no issuer":                  {authority, `{"a":1}`, false},
		"an issuer that is a list":   {authority, `{"iss":["` + authority + `"],"a":1}`, false},
		"an issuer in another case":  {authority, `{"ISS":"` + authority + `","a":1}`, false},
		"the issuer, without claims": {authority, `{"iss":"` + authority + `"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := mustParse(t, `{"version":"1.0.0","anyOf":[{"authority":"`+test.authority+`","anyOf":[`+condition+`]}]}`)
			outcome, err := policy.Evaluate([]byte(test.claims))
			if err != nil {
				t.Fatal(err)
			}
			if outcome.Met != test.met {
				t.Errorf("met is %t, want %t:\n%s", outcome.Met, test.met, outcome)
			}
		})
	}
}

func TestEvaluateRefusesClaims(t *testing.T) {
	t.Parallel()
	policy := mustParse(t, policyOf(`{"claim":"a","exists":false}`))
	for name, test := range map[string]struct{ claims, want string }{
		"nothing":         {"", "offset 0: not JSON"},
		"a list":          {"[]", "offset 0: an array, want an object"},
		"a name twice":    {`{"a":{"b":1,"b":2}}`, `offset 12: member "b" stands twice`},
		"a colon behind":  {`{}:`, "offset 2: something stands behind"},
		"too many values": {`{"a":[` + strings.Repeat("1,", 50_000) + `1]}`, "more than 50000 values"},
		"two objects":     {`{} {}`, "offset 3: something stands behind"},
		"nested too deep": {strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), "nested deeper than 32"},
		"not UTF-8":       {"{\"a\":\"\xc3\"}", "offset 6: this byte is not UTF-8"},
		"too long":        {strings.Repeat(" ", 1<<20+1), "want at most 1048576"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outcome, err := policy.Evaluate([]byte(test.claims))
			var refused *keyrelease.ClaimsError
			if !errors.As(err, &refused) || outcome != nil {
				t.Fatalf("got %v, %v, want a *ClaimsError", outcome, err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want …%s…", err, test.want)
			}
		})
	}
}

// The outcome leaves nothing out: whoever reads the log sees every condition.
func TestOutcomeShowsEverything(t *testing.T) {
	t.Parallel()
	policy := mustParse(t, `{
  "version": "1.0.0",
  "anyOf": [
    {"authority": "https://other.example", "anyOf": [{"claim": "a", "equals": 1}]},
    {"authority": "`+authority+`/", "allOf": [
      {"claim": "x-ms-sgx-svn", "greaterOrEquals": 3},
      {"anyOf": [{"claim": "x\"y", "equals": "1"}, {"claim": "x-ms-sgx-is-debuggable", "equals": false}]}]}
  ]
}`)
	outcome, err := policy.Evaluate([]byte(claimsOf(`"x-ms-sgx-svn":2,"x-ms-sgx-is-debuggable":false`)))
	if err != nil {
		t.Fatal(err)
	}
	const want = `NOT     1:1 anyOf
NOT     4:5   authority https://other.example: the token is of "https://sharedeus.eus.attest.azure.net"
NOT     5:5   authority https://sharedeus.eus.attest.azure.net: allOf
NOT     6:7     x-ms-sgx-svn greaterOrEquals 3: 2
met     7:7     anyOf
NOT    7:18       "x\"y" equals "1": absent
met    7:52       x-ms-sgx-is-debuggable equals false`
	if got := outcome.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A policy that nobody parsed holds for nobody.
func TestPolicyThatNobodyParsed(t *testing.T) {
	t.Parallel()
	for _, policy := range []*keyrelease.Policy{nil, {}} {
		outcome, err := policy.Evaluate([]byte(`{"iss":""}`))
		if err != nil || outcome.Met {
			t.Errorf("got %v, %v, want not met", outcome, err)
		}
	}
}
