package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// inFolder writes files into a new folder and returns it.
func inFolder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A table that is not exactly one is refused, and says where.
func TestTablesOfTestsAreReadStrictly(t *testing.T) {
	t.Parallel()
	one := func(member string) string {
		return "policy: policy.txt\ncases:\n  - name: a\n    want: permit\n    claims: {}\n    " + member + "\n"
	}
	claims := func(claims string) string {
		return "policy: policy.txt\ncases:\n  - name: a\n    want: permit\n    claims: " + claims + "\n"
	}
	for name, test := range map[string]struct{ text, want string }{
		"nothing":                  {"", "there is nothing in it"},
		"a list":                   {"[]", "line 1: want a mapping of policy, type, cases"},
		"unknown member":           {"policy: policy.txt\nnonsense: 1\n", "line 2: field nonsense not found\n"},
		"unknown in a case":        {one("isssued: {}"), "line 6: field isssued not found\n"},
		"other spelling":           {"Policy: policy.txt\n", "field Policy not found"},
		"twice":                    {"policy: a\npolicy: b\n", "already defined"},
		"twice in a case":          {one("want: deny"), "already defined"},
		"two documents":            {claims("{}") + "---\n{}\n", "more than one document"},
		"case that is a text":      {"policy: a\ncases: [a]\n", "line 2: want a mapping of name, "},
		"cases that are a mapping": {"policy: a\ncases: {a: b}\n", "line 2: want a list of cases"},
		"policy that is a mapping": {"policy: {a: b}\n", "line 1: policy: want a text"},
		"merge of cases":           {"policy: a\ncases: [{<<: {name: a}}]\n", "field << not found"},
		"alias of a case":          {"policy: a\ncases: [&x {name: a, claims: {}, want: deny}, *x]\n", "line 2: want a mapping"},
		"broken":                   {"policy: [", "line 1"},
		"no policy":                {"cases: [{name: a, claims: {}, want: deny}]", "no policy"},
		"no cases":                 {"policy: policy.txt", "no cases"},
		"no name":                  {"policy: policy.txt\ncases: [{claims: {}, want: deny}]", "want a name"},
		"number for a name":        {"policy: policy.txt\ncases: [{name: 1, claims: {}, want: deny}]", "want a name"},
		"name twice":               {"policy: policy.txt\ncases:\n- {name: a, claims: {}, want: permit}\n- {name: a, claims: {}, want: permit}\n", `line 4: the name "a" stands twice`},
		"no verdict":               {"policy: policy.txt\ncases: [{name: a, claims: {}}]", `want "": one of permit, deny, error`},
		"another verdict":          {"policy: policy.txt\ncases: [{name: a, claims: {}, want: Permit}]", `want "Permit"`},
		"another type":             {one("type: sgx"), `type "sgx"`},
		"issued by a denial":       {"policy: policy.txt\ncases: [{name: a, claims: {}, want: deny, issued: {}}]", "unless the policy permits"},
		"issued is a list":         {one("issued: []"), "issued: line 6: want claims"},
		"issued is nothing":        {one("issued:"), "issued: line 6: want claims"},
		"issued, a fraction":       {one("issued: {a: 1.5}"), "issued: line 6: value 1.5"},
		"issued, an object":        {one("issued: {a: {b: 1}}"), `issued: claim "a"`},
		"no claims":                {"policy: policy.txt\ncases: [{name: a, want: permit}]", "claims: want claims"},
		"null for claims":          {claims("null"), "claims: line 5: value null"},
		"a number for claims":      {claims("1"), "it is neither JSON nor a token"},
		"missing file":             {claims("missing.json"), "missing.json"},
		"claim twice":              {claims("{a: 1, a: 2}"), `line 5: "a" stands twice`},
		"value twice":              {claims("{a: [1, 1]}"), "stands twice"},
		"null":                     {claims("{a: null}"), "line 5: value null is no text"},
		"empty":                    {claims("{a: }"), "line 5: value  is no text"},
		"date":                     {claims("{a: 2026-01-31}"), "line 5: value 2026-01-31 is no text"},
		"fraction":                 {claims("{a: 1.0}"), "line 5: value 1.0"},
		"octal":                    {claims("{a: 0777}"), "line 5: integer 0777"},
		"new octal":                {claims("{a: 0o7}"), "line 5: integer 0o7"},
		"underscores":              {claims("{a: 1_000}"), "line 5: integer 1_000"},
		"sign":                     {claims("{a: +1}"), "line 5: integer +1"},
		"65 bits":                  {claims("{a: 9223372036854775808}"), "line 5: integer 9223372036854775808"},
		"boolean in capitals":      {claims("{a: TRUE}"), "line 5: boolean TRUE"},
		"binary":                   {claims("{a: !!binary AAAA}"), "line 5: value AAAA"},
		"number for a type":        {claims("{1: a}"), `line 5: "1" is no name`},
		"alias within":             {claims("{a: &x [1], b: *x}"), "line 5: alias *x within claims"},
		"merge within":             {claims("{a: {<<: {b: 1}}}"), "no name of a claim"},
		"merge of a list":          {claims("{<<: [1]}"), "line 5: want one <<"},
		"two merges":               {claims("{<<: {a: 1}, <<: {b: 1}}"), "<<"},
		"merge of itself":          {claims("&x {<<: *x}"), "no name of a claim"},
		"client's claim":           {"policy: policy.txt\ntype: SgxEnclave\n" + strings.TrimPrefix(claims("[{type: a, value: 1, issuer: CustomClaim}]"), "policy: policy.txt\n"), "only clients of Tpm"},
		"list, unknown member":     {claims("[{type: a, value: 1, kind: x}]"), `member "kind"`},
		"policy is not there":      {strings.Replace(claims("{}"), "policy.txt", "missing.txt", 1), "missing.txt"},
		"more than many levels":    {claims(strings.Repeat("[", 100) + strings.Repeat("]", 100)), "levels"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := inFolder(t, map[string]string{"policy.txt": somePolicy, "a_test.yaml": test.text})
			got := runAt(t, testTime, "", "policy", "test", dir)
			if got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, test.want) || strings.Contains(got.stderr, "cli.") {
				t.Errorf("%+v, want exit code 3 and %q", got, test.want)
			}
		})
	}
}

// What YAML and JSON have in common is read as it stands.
func TestTablesOfTestsKeepTypes(t *testing.T) {
	t.Parallel()
	const text = `
policy: policy.txt
cases:
  - name: types
    claims:
      text: yes
      quoted: "1"
      integer: -9223372036854775808
      hexadecimal: 0xFFFFFF
      boolean: true
      several: [a, 1, false]
      none: []
      long: >-
        folded
        text
    want: permit
    issued:
      text: "yes"
      quoted: "1"
      integer: -9223372036854775808
      hexadecimal: 16777215
      boolean: true
      several: [a, 1, false]
      long: folded text
  - name: a claim of the client's, and one that cannot be worked with
    type: Tpm
    claims: [{type: a, value: x, issuer: CustomClaim}]
    want: permit
    issued: {a: x}
  - name: token
    claims: {header: {alg: none}, payload: {iss: "https://a.example", a: 1, b: 2, x-ms-policy: {b: 2}}}
    want: permit
    issued: {a: 1}
`
	dir := inFolder(t, map[string]string{
		"policy.txt": "version=1.0; authorizationrules { => permit(); }; issuancerules { c:[] => issue(claim=c); };", "types_test.yaml": text,
	})
	if got := runAt(t, testTime, "", "policy", "test", dir, "--fail-under", "100"); got.code != exitDone {
		t.Errorf("%+v", got)
	}
}

// The table in the help is one that runs.
func TestHelpShowsATableThatRuns(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	for line := range strings.Lines(newPolicyTest(Standard()).Long) {
		if code, ok := strings.CutPrefix(line, "    "); ok {
			table.WriteString(code)
		}
	}
	dir := inFolder(t, map[string]string{
		"policy.txt": `version=1.0; authorizationrules { [type=="x-ms-sgx-is-debuggable", value==true] => deny(); => permit(); };
			issuancerules { c:[type=="x-ms-sgx-svn"] => issue(type="svn", value=c.value); };`,
		"help_test.yaml": table.String(),
	})
	if got := runAt(t, testTime, "", "policy", "test", dir); got.code != exitDone || !strings.Contains(got.stdout, "2 cases") {
		t.Errorf("%+v\n%s", got, table.String())
	}
}

// A policy that cannot be carried out is a verdict, which a test may want.
func TestTestsMayWantAnError(t *testing.T) {
	t.Parallel()
	dir := inFolder(t, map[string]string{
		"policy.txt":  `version=1.2; authorizationrules { c:[type=="a"] => add(type="b", value=JmesPath(c.value, "x")); => permit(); };`,
		"a_test.yaml": "policy: policy.txt\ncases:\n- {name: a, claims: {a: no JSON}, want: error}\n- {name: b, claims: {a: '{}'}, want: error}\n- {name: c, claims: {a: no JSON}, want: deny}\n",
	})
	tested := jsonOf[testedPolicies](t, runAt(t, testTime, "", "policy", "test", dir, "--json"), exitRefused)
	if tested.Passed != 1 || tested.Failed != 2 || !tested.Files[0].Cases[0].OK || tested.Files[0].Cases[0].Problem == "" {
		t.Errorf("%+v", tested)
	}
	if got := tested.Files[0].Cases[2].Differences; len(got) != 1 || got[0].Part != "verdict" || string(got[0].Got) != `"error"` || string(got[0].Want) != `"deny"` {
		t.Errorf("%+v", got)
	}
}

// FuzzJSONOfYAML checks that claims in YAML become JSON, or are refused.
func FuzzJSONOfYAML(f *testing.F) {
	f.Add("{a: [x, 1, true], b: 0xFF}")
	f.Add("&x {<<: *x, a: 1}")
	f.Add("[{type: a, value: !!str 1}]")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		var n yaml.Node
		if yaml.Unmarshal([]byte(text), &n) != nil || len(n.Content) == 0 {
			return
		}
		if got, err := jsonOfNode(dereferenced(n.Content[0])); err == nil && !json.Valid(got) {
			t.Errorf("%q is no JSON", got)
		}
	})
}
