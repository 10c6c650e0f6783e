package policy

import (
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/policy/syntax"
)

func TestReference_4_JmesPath(t *testing.T) {
	t.Parallel()
	incoming := set("j", `{"foo": "bar", "n": 9007199254740993, "o": {"b": [1, 2], "a": null}, "e": ""}`, "empty", "", "q", "foo", "number", 1)
	issues(t, incoming, map[string]string{
		`=> issue(type="x", value=JmesPath("{\"foo\": \"bar\"}", "foo"));`:                         `{"x":"\"bar\""}`,
		`c:[type=="j"] => issue(type="x", value=JmesPath(c.value, "foo"));`:                        `{"x":"\"bar\""}`,
		`c:[type=="j"] => issue(type="x", value=JmesPath(c.value, "missing"));`:                    `{"x":"null"}`,
		`c:[type=="j"] => issue(type="x", value=JmesPath(c.value, "n"));`:                          `{"x":"9007199254740993"}`,
		`c:[type=="j"] => issue(type="x", value=JmesPath(c.value, "o"));`:                          `{"x":"{\"a\":null,\"b\":[1,2]}"}`,
		`c:[type=="j"] => issue(type="x", value=JmesPath(c.value, "e"));`:                          `{"x":"\"\""}`,
		`c:[type=="j"] && q:[type=="q"] => issue(type="x", value=JmesPath(c.value, q.value));`:     `{"x":"\"bar\""}`,
		`c:[type=="j"] => issue(type="x", value=JmesPath(c.value, AppendString("o", ".b")));`:      `{"x":"[1,2]"}`,
		`c:[type=="j"] => issue(type="x", value=JmesPath(JmesPath(c.value, "o"), "b[0]"));`:        `{"x":"1"}`,
		`c:[type=="empty"] => issue(type="x", value=JmesPath(c.value, "foo"));`:                    `JmesPath gets an empty json`,
		`c:[type=="j"] && q:[type=="empty"] => issue(type="x", value=JmesPath(c.value, q.value));`: `JmesPath gets an empty query`,
		`c:[type=="number"] => issue(type="x", value=JmesPath(c.value, "foo"));`:                   `JmesPath gets 1 (Integer) for json, want String`,
		`c:[type=="q"] => issue(type="x", value=JmesPath(c.value, "foo"));`:                        `JmesPath gets a text that is no JSON: JSON at byte 0: …`,
		`c:[type=="number"] => issue(type="x", value=AppendString(c.value, "foo"));`:               `AppendString gets 1 (Integer) for first, want String`,
	})
	accepts(t, map[string]syntax.Code{
		functional(`=> issue(type="x", value=JmesPath("{}", ""));`):               WrongArgument,
		functional(`=> issue(type="x", value=JmesPath("", "a"));`):                WrongArgument,
		functional(`=> issue(type="x", value=JmesPath("{", "a"));`):               WrongArgument,
		functional(`=> issue(type="x", value=JmesPath("{}", "a["));`):             InvalidQuery,
		functional(`=> issue(type="x", value=JmesPath("{}", "frob(a)"));`):        InvalidQuery,
		functional(`=> issue(type="x", value=JmesPath("{}"));`):                   WrongArgument,
		functional(`=> issue(type="x", value=JmesPath("{}", "a", "b"));`):         WrongArgument,
		functional(`=> issue(type="x", value=JmesPath("{}", true));`):             WrongArgument,
		functional(`=> issue(type="x", value=JmesPath("{}", NegateBool(true)));`): WrongArgument,
	})
}

func TestReference_4_JmesPathDialect(t *testing.T) {
	t.Parallel()
	incoming := set("j", `{"e":[{"p":"\\Windows\\WdBoot.SYS","v":1},{"p":"other","v":2,"sub":[[1],[2,3]]}]}`)
	issues(t, incoming, map[string]string{
		`c:[type=="j"] => issue(type="x", value=JmesPath(c.value, "e[?equals_ignore_case(p, '\\windows\\wdboot.sys')].v"));`: `{"x":"[1]"}`,
		`c:[type=="j"] => issue(type="x", value=JmesPath(c.value, "e[? v == ` + "`2`" + `].p | @[-1]"));`:                    `{"x":"\"other\""}`,
		`c:[type=="j"] => issue(type="x", value=JmesPath(c.value, "length(e) == ` + "`2`" + ` && e[0].v"));`:                 `{"x":"1"}`,
		`c:[type=="j"] => issue(type="x", value=JmesPath(c.value, "e[*].v"));`:                                               `{"x":"[1,2]"}`,
		`c:[type=="j"] => issue(type="x", value=JmesPath(c.value, "e[].sub[]"));`:                                            `{"x":"[[1],[2,3]]"}`,
		`c:[type=="j"] => issue(type="x", value=JmesPath(c.value, "e[1].{b:v, a:p}"));`:                                      `{"x":"{\"a\":\"other\",\"b\":2}"}`,
		`c:[type=="j"] => issue(type="x", value=JmesPath(c.value, "none || e[0].v"));`:                                       `{"x":"1"}`,
	})
}

func TestReference_4_JsonToClaimValue(t *testing.T) {
	t.Parallel()
	const wants = `, want a string, an integer, a boolean, null, or an array of these`
	for json, want := range map[string]string{
		`1`: `{"x":1}`, `-9223372036854775808`: `{"x":-9223372036854775808}`, `true`: `{"x":true}`, `"s"`: `{"x":"s"}`, `null`: `{}`,
		`[1,"a",true]`:        `{"x":[1,"a",true]}`,
		`[1,null,1,2]`:        `{"x":[1,2]}`,
		`[]`:                  `{}`,
		`1.5`:                 `JsonToClaimValue gets the number 1.5, want an integer`,
		`[1,1.5]`:             `JsonToClaimValue gets the number 1.5, want an integer`,
		`9223372036854775808`: `JsonToClaimValue gets 9223372036854775808, want an integer of 64 bits`,
		`{"a":1}`:             `JsonToClaimValue gets {"a":1}` + wants,
		`[[1]]`:               `JsonToClaimValue gets [1]` + wants,
		`[{}]`:                `JsonToClaimValue gets {}` + wants,
		`nonsense`:            `JsonToClaimValue gets a text that is no JSON: JSON at byte 0: …`,
		`1 2`:                 `JsonToClaimValue gets a text that is no JSON: JSON at byte 2: …`,
	} {
		issues(t, set("JsonData", json), map[string]string{`c:[type=="JsonData"] => issue(type="x", value=JsonToClaimValue(c.value));`: want})
		// Written and read again, or not: the same comes out.
		if json != "nonsense" && json != "1 2" {
			issues(t, set("JsonData", json), map[string]string{`c:[type=="JsonData"] => issue(type="x", value=JsonToClaimValue(JmesPath(c.value, "@")));`: want})
		}
	}
}

func TestReference_4_IsSubsetOf(t *testing.T) {
	t.Parallel()
	incoming := set("a", []any{1, "1", true}, "b", []any{true, 1, "1", "more"}, "c", []any{1, 2})
	issues(t, incoming, map[string]string{
		`c1:[type=="a"] && c2:[type=="b"] => issue(type="x", value=IsSubsetOf(c1.value, c2.value));`:             `{"x":true}`,
		`c1:[type=="b"] && c2:[type=="a"] => issue(type="x", value=IsSubsetOf(c1.value, c2.value));`:             `{"x":false}`,
		`c1:[type=="c"] && c2:[type=="b"] => issue(type="x", value=IsSubsetOf(c1.value, c2.value));`:             `{"x":false}`,
		`c1:[type=="a"] => issue(type="x", value=IsSubsetOf(c1.value, c1.value));`:                               `{"x":true}`,
		`c1:[type=="a"] => issue(type="x", value=IsSubsetOf(1, c1.value));`:                                      `{"x":true}`,
		`c1:[type=="a"] => issue(type="x", value=IsSubsetOf(JsonToClaimValue("[1,true]"), c1.value));`:           `{"x":true}`,
		`c1:[type=="a"] => issue(type="x", value=IsSubsetOf(JsonToClaimValue("[]"), c1.value));`:                 `{"x":true}`,
		`c1:[type=="a"] => issue(type="x", value=IsSubsetOf(c1.value, JsonToClaimValue("null")));`:               `{"x":false}`,
		`c1:[type=="a"] && c2:[type=="b"] => issue(type="x", value=NegateBool(IsSubsetOf(c1.value, c2.value)));`: `{"x":false}`,
	})
}

func TestReference_4_ContainsOnlyValue(t *testing.T) {
	t.Parallel()
	incoming := set("one", []any{true, true}, "two", []any{true, false}, "text", "true")
	issues(t, incoming, map[string]string{
		`c:[type=="one"] => issue(type="x", value=ContainsOnlyValue(c.value, true));`:                       `{"x":true}`,
		`c:[type=="one"] => issue(type="x", value=ContainsOnlyValue(c.value, false));`:                      `{"x":false}`,
		`c:[type=="two"] => issue(type="x", value=ContainsOnlyValue(c.value, true));`:                       `{"x":false}`,
		`c:[type=="text"] => issue(type="x", value=ContainsOnlyValue(c.value, true));`:                      `{"x":false}`,
		`=> issue(type="x", value=ContainsOnlyValue(JsonToClaimValue("[]"), true));`:                        `{"x":false}`,
		`c:[type=="one"] && v:[type=="two"] => issue(type="x", value=ContainsOnlyValue(c.value, v.value));`: `ContainsOnlyValue gets 2 values for value, want one: true and false are two of them`,
		`c:[type=="one"] => issue(type="x", value=ContainsOnlyValue(c.value, JsonToClaimValue("null")));`:   `ContainsOnlyValue gets no value for value, want one`,
		`c:[type=="one"] && v:[type=="one"] => issue(type="x", value=ContainsOnlyValue(c.value, v.value));`: `{"x":true}`,
	})
}

func TestReference_4_AppendString(t *testing.T) {
	t.Parallel()
	incoming := set("String1", "ab", "String2", "cd", "empty", "", "several", []any{"a", "b"})
	issues(t, incoming, map[string]string{
		`c1:[type=="String1"] && c2:[type=="String2"] => issue(type="Result", value=AppendString(c1.value, c2.value));`: `{"Result":"abcd"}`,
		`c1:[type=="String1"] && c2:[type=="empty"] => issue(type="x", value=AppendString(c1.value, c2.value));`:        `{"x":"ab"}`,
		`c1:[type=="empty"] => issue(type="x", value=AppendString(c1.value, c1.value));`:                                `{"x":""}`,
		`c:[type=="several"] => issue(type="x", value=AppendString(c.value, "!"));`:                                     `AppendString gets 2 values for first, want one: "a" and "b" are two of them`,
		`=> issue(type="x", value=AppendString(JsonToClaimValue("1"), "!"));`:                                           `AppendString gets 1 (Integer) for first, want String`,
		`=> issue(type="x", value=AppendString(JsonToClaimValue("null"), "!"));`:                                        `{}`,
	})
	accepts(t, map[string]syntax.Code{
		functional(`=> issue(type="x", value=AppendString("a", 1));`): WrongArgument,
		functional(`=> issue(type="x", value=AppendString("a"));`):    WrongArgument,
	})
}

func TestReference_4_NegateBool(t *testing.T) {
	t.Parallel()
	issues(t, set("t", true, "f", false, "s", "true", "both", []any{true, false}), map[string]string{
		`c:[type=="t"] => issue(type="x", value=NegateBool(c.value));`:             `{"x":false}`,
		`c:[type=="f"] => issue(type="x", value=NegateBool(c.value));`:             `{"x":true}`,
		`c:[type=="t"] => issue(type="x", value=NegateBool(NegateBool(c.value)));`: `{"x":true}`,
		`c:[type=="s"] => issue(type="x", value=NegateBool(c.value));`:             `NegateBool gets "true" (String) for bool, want Boolean`,
		`c:[type=="both"] => issue(type="x", value=NegateBool(c.value));`:          `NegateBool gets 2 values for bool, want one: true and false are two of them`,
	})
	accepts(t, map[string]syntax.Code{
		functional(`=> issue(type="x", value=NegateBool("true"));`):                                       WrongArgument,
		functional(`=> issue(type="x", value=NegateBool(AppendString("a", "b")));`):                       WrongArgument,
		functional(`=> issue(type="x", value=NegateBool());`):                                             WrongArgument,
		functional(`=> issue(type="x", value=Negatebool(true));`):                                         UnknownFunction,
		functional(`=> issue(type=NegateBool(true), value=1);`):                                           WrongKind,
		functional(`=> issue(type="x", value=NegateBool(true), valueType="String");`):                     WrongKind,
		authorizing12(`[type==NegateBool(true)] => permit();`):                                            WrongKind,
		authorizing12(`[value<AppendString("a", "b")] => permit();`):                                      WrongKind,
		functional(`=> issue(type=AppendString("a", "b"), value=NegateBool(true), valueType="Boolean");`): "",
	})
}

// TestReference_4_ArgumentsAreWorkedOutFromTheLeft checks which of two faults is
// told.
func TestReference_4_ArgumentsAreWorkedOutFromTheLeft(t *testing.T) {
	t.Parallel()
	issues(t, set("bad", "{", "worse", "}"), map[string]string{
		`c:[type=="bad"] && d:[type=="worse"] => issue(type="x", value=AppendString(JmesPath(c.value, "a"), JmesPath(d.value, "a")));`: `JmesPath gets a text that is no JSON: JSON at byte 1: …`,
	})
}

func TestReference_5_Properties(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		section, value string
		types          string
	}{
		"require_valid_aik_cert":     {"configurationrules", "false", "Tpm VbsEnclave"},
		"required_pcr_mask":          {"configurationrules", "16777215", "Tpm VbsEnclave"},
		"x-ms-sgx-tcbidentifier":     {"configurationrules", `"azuredefault"`, "SgxEnclave OpenEnclave"},
		"report_validity_in_minutes": {"issuancerules", "525600", "Tpm VbsEnclave"},
		"omit_x5c":                   {"issuancerules", "true", "Tpm VbsEnclave"},
	}
	for name, test := range tests {
		rule := `=> issueproperty(type="` + name + `", value=` + test.value + `);`
		text := configuring(rule)
		if test.section == "issuancerules" {
			text = issuing(rule)
		}
		d, err := mustCompile(t, text).Decide(nil)
		if err != nil || string(d.Properties.AppendJSON(nil)) != `{"`+name+`":`+test.value+`}` {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
		for _, kind := range AttestationTypes() {
			found := Check(text, CheckOptions{Type: kind})
			if useless := len(found) == 1 && found[0].Code == UselessProperty; useless == containsWord(test.types, kind) || !useless && len(found) > 0 {
				t.Errorf("%s for %s: %v", name, kind, found)
			}
		}
	}
	for _, baseline := range []string{"10", "11", "12", "13", "14", "15"} {
		mustCompile(t, configuring(`=> issueproperty(type="x-ms-sgx-tcbidentifier", value="`+baseline+`");`))
	}
}

func containsWord(words, word string) bool {
	return slices.Contains(strings.Fields(words), word)
}
