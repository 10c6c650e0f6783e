package syntax

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mustParse returns the tree of a text that has no faults.
func mustParse(t *testing.T, text string) *Policy {
	t.Helper()
	tree, faults := Parse(text)
	for _, f := range faults {
		t.Errorf("fault: %s", f)
	}
	if t.Failed() {
		t.FailNow()
	}
	return tree
}

func TestParse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"smallest": {
			"version=1.0;authorizationrules{};",
			"version=1.0;\nauthorizationrules{\n};\n",
		},
		"sections": {
			"version=1.1;configurationrules{};authorizationrules{};issuancerules{};",
			"version=1.1;\nconfigurationrules{\n};\nauthorizationrules{\n};\nissuancerules{\n};\n",
		},
		"words of the frame in any case": {
			"Version=1.1;ConfigurationRules{};AUTHORIZATIONRULES{};Issuancerules{};",
			"version=1.1;\nconfigurationrules{\n};\nauthorizationrules{\n};\nissuancerules{\n};\n",
		},
		"white space is free": {
			"\r\n\tversion = 1 . 0 ;\n\n authorizationrules \n{ c :\n[ type\n==\t\"a\" ,value>=0]&&[]=>permit ( ) ; } ;\n",
			"version=1.0;\nauthorizationrules{\n  c:[type==\"a\",value>=0] && [] => permit();\n};\n",
		},
		"comments": {
			"// a\nversion=1.0;// b ; }\nauthorizationrules{ // =>deny();\n=>permit();//\r\n};//end",
			"version=1.0;\nauthorizationrules{\n   => permit();\n};\n",
		},
		"operators": {
			rules(`[value==1,value!=2,value<3,value<=4,value>5,value>=6] => deny();`),
			printedRules(`[value==1,value!=2,value<3,value<=4,value>5,value>=6] => deny()`),
		},
		"operands": {
			rules(`c:[type!="a",value==true,valueType!="Integer",issuer=="x"]&&[value==c.value,value==c.type,type==c.issuer,issuer==c.valueType,value==false]=>deny();`),
			printedRules(`c:[type!="a",value==true,valueType!="Integer",issuer=="x"] && [value==c.value,value==c.type,type==c.issuer,issuer==c.valueType,value==false] => deny()`),
		},
		"actions": {
			rules(`c:[]=>add(claim=c);=>issue(value=1,type="x");=>issueproperty(type=c.type,value=-1,valueType="Integer",issuer="i");`),
			printedRules(`c:[] => add(claim=c)`, ` => issue(value=1,type="x")`, ` => issueproperty(type=c.type,value=-1,valueType="Integer",issuer="i")`),
		},
		"the ends of the integers": {
			rules(`[value==9223372036854775807,value>-9223372036854775808,value!=007,value!=-0]=>deny();`),
			printedRules(`[value==9223372036854775807,value>-9223372036854775808,value!=7,value!=0] => deny()`),
		},
		"version 1.2": {
			`version=1.2;authorizationrules{![type=="x"]&&!c:[]=>add(type="r",value=F(G(c.value,"\"",1),true,H()));};`,
			"version=1.2;\nauthorizationrules{\n  ![type==\"x\"] && !c:[] => add(type=\"r\",value=F(G(c.value,\"\\\"\",1),true,H()));\n};\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := mustParse(t, test.text)
			if diff := cmp.Diff(test.want, printed(tree)); diff != "" {
				t.Errorf("tree (-want +got):\n%s", diff)
			}
			if again := printed(mustParse(t, printed(tree))); again != printed(tree) {
				t.Errorf("parsing what was printed gives\n%s", again)
			}
		})
	}
}

// rules wraps rules into the smallest policy. They begin on line 2, column 0.
func rules(text string) string { return "version=1.0;authorizationrules{\n" + text + "\n};" }

// printedRules is what printed makes of such a policy.
func printedRules(rules ...string) string {
	var b strings.Builder
	b.WriteString("version=1.0;\nauthorizationrules{\n")
	for _, r := range rules {
		b.WriteString("  " + r + ";\n")
	}
	b.WriteString("};\n")
	return b.String()
}

func TestStringLiterals(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ literal, want string }{
		"empty":                  {`""`, ""},
		"quotation mark":         {`"a\"b"`, `a"b`},
		"backslash":              {`"a\\b"`, `a\b`},
		"backslash at the end":   {`"a\\"`, `a\`},
		"other escapes are bare": {`"\n\x\ä"`, "nxä"},
		"over several lines":     {"\"a\nb\r\nc\"", "a\nb\r\nc"},
		"no comment within":      {`"// a"`, "// a"},
		"typographic marks":      {`"“a”"`, "“a”"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := mustParse(t, rules("=>add(type="+test.literal+",value=1);"))
			got := tree.Authorization.Rules[0].Action.Arguments[0].Value.(*StringLiteral)
			if got.Value != test.want {
				t.Errorf("value %q, want %q", got.Value, test.want)
			}
		})
	}
}

// TestRanges checks that every node spans exactly its own text.
func TestRanges(t *testing.T) {
	t.Parallel()
	source := "version = 1.2 ;// ä\nauthorizationrules {\n c:[ type == \"ä\", value>=F( 1 ) ] && [value == c.value]\n  => issue( type = \"x\", value = true ) ;\n};\nissuancerules{c:[]=>add(claim = c);};"
	tree := mustParse(t, source)
	rule := tree.Authorization.Rules[0]
	first, second := rule.Conditions[0], rule.Conditions[1]
	call := first.Tests[1].Operand.(*Call)
	tests := map[string]struct {
		at   Range
		want string
	}{
		"version":      {tree.VersionRange, "1.2"},
		"section name": {tree.Authorization.Name, "authorizationrules"},
		"rule":         {rule.Range, source[strings.Index(source, "c:[") : strings.Index(source, " ;\n};")+2]},
		"condition":    {first.Range, "c:[ type == \"ä\", value>=F( 1 ) ]"},
		"name":         {first.Name.Range, "c"},
		"test":         {first.Tests[0].Range, "type == \"ä\""},
		"string":       {first.Tests[0].Operand.Span(), "\"ä\""},
		"call":         {call.Span(), "F( 1 )"},
		"function":     {call.Function.Range, "F"},
		"integer":      {call.Arguments[0].Span(), "1"},
		"unnamed":      {second.Range, "[value == c.value]"},
		"reference":    {second.Tests[0].Operand.Span(), "c.value"},
		"action":       {rule.Action.Range, "issue( type = \"x\", value = true )"},
		"argument":     {rule.Action.Arguments[1].Range, "value = true"},
		"boolean":      {rule.Action.Arguments[1].Value.Span(), "true"},
		"claim":        {tree.Issuance.Rules[0].Action.Claim.Range, "c"},
	}
	for name, test := range tests {
		if got := test.at.Of(source); got != test.want {
			t.Errorf("%s spans %q, want %q", name, got, test.want)
		}
	}
	// A column counts code points, an offset bytes.
	after := second.Range.Start
	want := Position{Offset: strings.Index(source, "[value =="), Line: 3, Column: 37}
	if after != want {
		t.Errorf("second condition begins at %+v, want %+v", after, want)
	}
}

func TestRuleNumbers(t *testing.T) {
	t.Parallel()
	tree, faults := Parse(rules("=>permit();\n=>frobnicate(;\n=>deny();"))
	if len(faults) == 0 {
		t.Fatal("the broken rule passed")
	}
	var got []int
	for _, r := range tree.Authorization.Rules {
		got = append(got, r.Number)
	}
	if diff := cmp.Diff([]int{1, 3}, got); diff != "" {
		t.Errorf("rules count as they stand in the text (-want +got):\n%s", diff)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Version{"1.0": V10, "1.1": V11, "1.2": V12} {
		tree := mustParse(t, "version="+text+";authorizationrules{};")
		if tree.Version != want || tree.Version.String() != text {
			t.Errorf("version %s is read as %s", text, tree.Version)
		}
	}
	for _, text := range []string{"0.9", "1.3", "2.0", "01.0", "1.00", "1.-1", "-1.0"} {
		tree, faults := Parse("version=" + text + ";authorizationrules{};")
		if tree.Version != 0 || len(faults) != 1 || faults[0].Code != UnknownVersion {
			t.Errorf("version %s is read as %s, faults %v", text, tree.Version, faults)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		Version(0).String():     "Version(0)",
		SectionKind(9).String(): "SectionKind(9)",
		Verb(0).String():        "Verb(0)",
		Property(0).String():    "Property(0)",
		Operator(0).String():    "Operator(0)",
	} {
		if got != want {
			t.Errorf("an unknown one is called %s, want %s", got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	verbs := []string{"permit", "deny", "add", "issue", "issueproperty"}
	for word, want := range map[string]string{
		"permti": "permit", "Permit": "permit", "isue": "issue", "issueProperty": "issueproperty",
		"frobnicate": "", "": "", "x": "", strings.Repeat("a", 100): "",
	} {
		if got := Nearest(word, verbs); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
	functions := []string{"JmesPath", "JsonToClaimValue", "IsSubsetOf", "ContainsOnlyValue", "AppendString", "NegateBool"}
	for word, want := range map[string]string{
		"JMESPath": "JmesPath", "JmesPATH": "JmesPath", "jmespath": "JmesPath", "JmesPaht": "JmesPath", "JSONToClaimValue": "JsonToClaimValue",
		"IsSubSetOf": "IsSubsetOf", "ContainsOnlyValues": "ContainsOnlyValue", "NegateBoolean": "NegateBool", "Concat": "",
	} {
		if got := Nearest(word, functions); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
}
