package syntax

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// placesOf returns the faults of a text as "code line:column".
func placesOf(text string) []string {
	var got []string
	_, faults := Parse(text)
	for _, f := range faults {
		got = append(got, fmt.Sprintf("%s %s", f.Code, f.Range))
	}
	return got
}

// TestRecovery checks that one fault does not hide the next and does not make
// others up.
func TestRecovery(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want []string
	}{
		"one fault in each rule": {
			rules("[type==] => permit();\n[type==\"a\" => permit();\n=> ;\n=> permit(;\n=> add();\n=> permit();"),
			[]string{"unexpected-token 2:7", "unexpected-token 3:11", "unexpected-token 4:3", "unexpected-token 5:10", "unexpected-token 6:7"},
		},
		"a fault in each section": {
			"version=1.1;configurationrules{=>x;};authorizationrules{=>y;};issuancerules{=>z;};",
			[]string{"unknown-action 1:33", "unexpected-token 1:34", "unknown-action 1:58", "unexpected-token 1:59", "unknown-action 1:78", "unexpected-token 1:79"},
		},
		"the last rule of a section": {
			"version=1.0;authorizationrules{=>permit(};issuancerules{=>add(};",
			[]string{"unexpected-token 1:40", "unexpected-token 1:62"},
		},
		"a brace forgotten": {
			"version=1.0;authorizationrules{=>permit();issuancerules{};",
			[]string{"unexpected-token 1:42"},
		},
		"both braces forgotten": {
			"version=1.0;authorizationrules{=>permit();",
			[]string{"unexpected-token 1:42"},
		},
		"no opening brace": {
			"version=1.0;authorizationrules =>permit();};issuancerules{=>add();};",
			[]string{"unexpected-token 1:31", "unexpected-token 1:64"},
		},
		"a broken version statement": {
			"version 1.0;authorizationrules{=>add();};",
			[]string{"unexpected-token 1:8", "unexpected-token 1:37"},
		},
		"no version statement": {
			"authorizationrules{=>add();};",
			[]string{"missing-version 1:0", "unexpected-token 1:25"},
		},
		"no policy at all": {
			"Dear sir or madam; I should like { to attest }",
			[]string{"missing-version 1:0"},
		},
		"sections in the wrong order": {
			"version=1.1;issuancerules{};authorizationrules{};configurationrules{};",
			[]string{"section-order 1:12"},
		},
		"configuration too late": {
			"version=1.1;authorizationrules{};configurationrules{};",
			[]string{"section-order 1:33"},
		},
		"a section twice": {
			"version=1.1;configurationrules{};configurationrules{};authorizationrules{};AuthorizationRules{};issuancerules{};issuancerules{};",
			[]string{"duplicate-section 1:33", "duplicate-section 1:75", "duplicate-section 1:112"},
		},
		"no authorization rules": {
			"version=1.1;configurationrules{};",
			[]string{"missing-section 1:33"},
		},
		"issuance rules only": {
			"version=1.0;issuancerules{};",
			[]string{"section-order 1:12"},
		},
		"an unknown section, the rest missing": {
			"version=1.0;transformrules{=>add();};",
			[]string{"unknown-section 1:12", "unexpected-token 1:33"},
		},
		"text after the last section": {
			"version=1.0;authorizationrules{}; issuancerules{}; =>permit();",
			[]string{"unexpected-token 1:51"},
		},
		"words after the last section": {
			"version=1.0;authorizationrules{};\nUnsigned policy",
			[]string{"unexpected-token 2:0"},
		},
		"a section's name in the middle of a rule": {
			"version=1.0;authorizationrules{[type==\"a\"]\nissuancerules{=>add();};",
			[]string{"unexpected-token 2:0", "unexpected-token 2:20"},
		},
		"a fault before a stray character in another rule": {
			rules("=> add();\n[type==#\"a\"] => permit();"),
			[]string{"stray-character 3:7", "unexpected-token 2:7"},
		},
		"a fault beside a stray character in one rule": {
			rules("[type==\"a\"] permit(#);\n=> deny(;"),
			[]string{"stray-character 2:19", "unexpected-token 3:8"},
		},
		"the same stray character again": {
			rules("@[type==\"a\"]@ => permit();\n@=> deny();"),
			[]string{"stray-character 2:0", "stray-character 3:0"},
		},
		"commas": {
			rules(`[type=="a" value==1] => permit(); [,] => permit(); [type=="a",] => permit(); c:[] => add(type="x" value=1); c:[] => add(type="x",);`),
			[]string{"unexpected-token 2:11", "unexpected-token 2:35", "unexpected-token 2:62", "unexpected-token 2:98", "unexpected-token 2:129"},
		},
		"calls": {
			`version=1.2;authorizationrules{=>add(type="a",value=F(1 2));=>add(type="a",value=F(,));=>add(type="a",value=F(1,));=>add(type="a",value=F(1);};`,
			[]string{"unexpected-token 1:56", "unexpected-token 1:83", "unexpected-token 1:112", "unexpected-token 1:140"},
		},
		"conditions": {
			rules(`c [type=="a"] => permit(); c:c:[] => permit(); [type=="a"] && => permit(); [type=="a"]; ) => permit();`),
			[]string{"unexpected-token 2:2", "unexpected-token 2:29", "unexpected-token 2:62", "unexpected-token 2:86", "unexpected-token 2:88"},
		},
		"claims": {
			rules(`c:[] => add(claim c); c:[] => add(claim="c"); c:[] => add(claim=c, type="x"); c:[] => add(type="x", claim=c);`),
			[]string{"unexpected-token 2:18", "unexpected-token 2:40", "unexpected-token 2:65", "unknown-property 2:100"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, placesOf(test.text)); diff != "" {
				t.Errorf("faults (-want +got):\n%s\n%s", diff, strings.Join(faultsOf(test.text), "\n"))
			}
		})
	}
}

// TestNeedsVersion checks that a policy uses only what its version has.
func TestNeedsVersion(t *testing.T) {
	t.Parallel()
	bodies := map[string]struct {
		text  string
		since Version
	}{
		"authorizationrules{[]=>permit();};":                                               {"", V10},
		"authorizationrules{};issuancerules{=>issueproperty(type=\"a\",value=1);};":        {"", V10},
		"configurationrules{};authorizationrules{};":                                       {"configurationrules", V11},
		"authorizationrules{![type==\"a\"]=>permit();};":                                   {"!", V12},
		"authorizationrules{c:[]=>add(type=\"a\",value=NegateBool(c.value));};":            {"NegateBool", V12},
		"authorizationrules{c:[value==F(1)]=>permit();};":                                  {"F", V12},
		"authorizationrules{=>add(type=\"a\",value=F(G(1)));};":                            {"F", V12},
		"authorizationrules{c:[]=>add(type=F(c.value),value=1);};":                         {"F", V12},
		"authorizationrules{};issuancerules{=>issueproperty(type=\"a\",value=F(true));};":  {"F", V12},
		"authorizationrules{};issuancerules{![]=>issueproperty(type=\"a\",value=\"b\");};": {"!", V12},
	}
	for body, want := range bodies {
		for v := V10; v <= V12; v++ {
			_, faults := Parse("version=" + v.String() + ";" + body)
			if v >= want.since {
				if len(faults) > 0 {
					t.Errorf("%s in version %s: %s", body, v, faults[0])
				}
				continue
			}
			if len(faults) == 0 || faults[0].Code != NeedsVersion || faults[0].Found != want.text {
				t.Errorf("%s in version %s: faults %v, want one that says %q needs version %s", body, v, faults, want.text, want.since)
			}
		}
	}
}

// TestDiagnosticFields checks what a translator to the service's own message
// needs.
func TestDiagnosticFields(t *testing.T) {
	t.Parallel()
	_, faults := Parse("version=1.0\n [type==\"a\"] => permit();")
	if len(faults) == 0 {
		t.Fatal("no fault")
	}
	got := faults[0]
	want := Diagnostic{
		Code:       UnexpectedToken,
		Range:      Range{Position{13, 2, 1}, Position{14, 2, 2}},
		Message:    "found '[', expected ';'",
		Hint:       "end the version with ; on line 1",
		Found:      "[",
		Expected:   []string{"';'"},
		Production: "policy > versionInfo",
		Related:    []Related{{Range{Position{11, 1, 11}, Position{11, 1, 11}}, "the ; is missing here"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fault (-want +got):\n%s", diff)
	}
	_, faults = Parse("version=1.0;authorizationrules{[type==")
	if got := faults[0]; got.Found != "<EOF>" || got.Production != "policy > authorizationRules > claimRule > condition > expression" {
		t.Errorf("found %q in %q at the end of the text", got.Found, got.Production)
	}
}

func TestCap(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"grammar":    rules(strings.Repeat("=> nothing;\n", 500)),
		"characters": rules(strings.Repeat("$;\n", 500)),
		"both":       rules(strings.Repeat("=> nothing;\n", 500) + strings.Repeat("$;\n", 500)),
		"bytes":      strings.Repeat("\xff", 500),
	} {
		_, faults := Parse(text)
		if len(faults) != maxDiagnostics {
			t.Errorf("%s: %d faults are told, want %d", name, len(faults), maxDiagnostics)
		}
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	repeat := func(text, separator string, n int) string {
		return strings.Join(slices.Repeat([]string{text}, n), separator)
	}
	tests := map[string]struct {
		text func(n int) string
		most int
	}{
		"bytes": {func(n int) string {
			const frame = "version=1.0;authorizationrules{};"
			return frame + strings.Repeat(" ", n-len(frame))
		}, maxText},
		"rules":                  {func(n int) string { return rules(strings.Repeat("=>permit();", n)) }, maxRules},
		"conditions":             {func(n int) string { return rules(repeat("[]", "&&", n) + "=>permit();") }, maxConditions},
		"tests":                  {func(n int) string { return rules("[" + repeat("value==1", ",", n) + "]=>permit();") }, maxTests},
		"arguments":              {func(n int) string { return rules("=>add(" + repeat("value=1", ",", n) + ");") }, maxArguments},
		"bytes of an identifier": {func(n int) string { return rules(strings.Repeat("c", n) + ":[]=>permit();") }, maxIdentifier},
		"nesting": {func(n int) string {
			return "version=1.2;authorizationrules{=>add(type=\"a\",value=" + strings.Repeat("F(", n) + strings.Repeat(")", n) + ");};"
		}, maxNesting},
		"arguments of a function": {func(n int) string {
			return "version=1.2;authorizationrules{=>add(type=\"a\",value=F(" + repeat("1", ",", n) + "));};"
		}, maxArguments},
	}
	for name, test := range tests {
		if _, faults := Parse(test.text(test.most)); len(faults) > 0 {
			t.Errorf("%d %s: %s", test.most, name, faults[0])
		}
		_, faults := Parse(test.text(test.most + 1))
		if len(faults) != 1 || faults[0].Code != TooLarge {
			t.Errorf("%d %s: faults %v, want one that says %s", test.most+1, name, faults, TooLarge)
		}
	}
}

func TestNotUTF8(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"between tokens": rules("\xff=> permit();"),
		"in a string":    rules("=> add(type=\"a\xc3\", value=1);"),
		"in a comment":   rules("// \x80\n=> permit();"),
		"surrogate half": rules("=> add(type=\"\xed\xa0\x80\", value=1);"),
	} {
		_, faults := Parse(text)
		if len(faults) == 0 || faults[0].Code != NotUTF8 {
			t.Errorf("%s: faults %v, want one that says %s", name, faults, NotUTF8)
		}
	}
}

// TestMessagesAreShort checks that a fault does not repeat a whole policy.
func TestMessagesAreShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 50_000)
	word := strings.Repeat("w", 100_000)
	for name, text := range map[string]string{
		"string":     rules(`=> "` + long + `";`),
		"stray":      rules(`=> ` + long + `;`),
		"word":       rules(`=> ` + word + `();`),
		"bare word":  rules(`=> add(type=` + word + `);`),
		"section":    word + "{};",
		"number":     "version=" + strings.Repeat("9", 100_000) + ".0;authorizationrules{};",
		"hex":        rules(`[value==0x` + word + `] => permit();`),
		"identifier": rules(word + `:[] => permit();`),
	} {
		_, faults := Parse(text)
		if len(faults) == 0 {
			t.Errorf("%s: no fault", name)
		}
		for _, f := range faults {
			if n := len(f.String()); n > 400 {
				t.Errorf("%s: a message of %d bytes", name, n)
			}
			if len([]rune(f.Found)) > maxFound {
				t.Errorf("%s: found %d bytes", name, len(f.Found))
			}
		}
	}
}

// TestMessagesArePlain checks that no message moves the cursor of who prints it.
func TestMessagesArePlain(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"string":  rules("=> \"a\x1b[31m\u202e\";"),
		"blanks":  rules("=> \"" + strings.Repeat("\t", 10_000) + "\x1b\";"),
		"strays":  rules("=> a\u202e\x1b;"),
		"rest":    rules("=> issue(\"a\x1b\");"),
		"version": "version=\"\x07\";authorizationrules{};",
	} {
		_, faults := Parse(text)
		if len(faults) == 0 {
			t.Errorf("%s: no fault", name)
		}
		for _, f := range faults {
			if s := f.String(); plain(s) != s || len(s) > 400 {
				t.Errorf("%s: %q", name, s)
			}
		}
	}
	_, faults := Parse(rules("=> \"" + strings.Repeat(" ", 10_000) + "\";"))
	if want := "found '\"…', expected action"; faults[0].Message != want {
		t.Errorf("of a long string it is said: %s, want %s", faults[0].Message, want)
	}
}

// TestPacked checks that nothing is taken for a packed policy that might be one.
func TestPacked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Code{
		"eyJhbGciOiJub25lIn0.eyJB.":                       NotPolicyText,
		"  \r\n eyJhbGciOiJub25lIn0..\n":                  NotPolicyText,
		"// from the portal\n{\"a\": 1}":                  NotPolicyText,
		"\ufeff{\"a\": 1}":                                NotPolicyText,
		"ICB2ZXJzaW9uPTEuMDthdXRob3JpemF0aW9ucnVsZXN7fTs": NotPolicyText, // blanks before version
		"eyJ {}":               MissingVersion,
		"eyJhbGciOiJub25lIn0;": MissingVersion,
		"versions":             MissingVersion,
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnop": MissingVersion,
		"version\x00\x00\x00":                        StrayCharacter,
		"\xfe\xff\x00v":                              NotUTF8,
		"\xff\xfe":                                   NotUTF8,
		"v\x00e\x00r\x00":                            NotUTF8,
	} {
		_, faults := Parse(text)
		if len(faults) == 0 || faults[0].Code != want {
			t.Errorf("%q: faults %v, want one that says %s", text, faults, want)
		}
	}
}
