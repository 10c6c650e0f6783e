package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// The tests in the files reference*_test.go hold what is documented of the policy
// language, or was seen of it in recorded traffic, statement by statement. The
// number in a test's name is that of the section: 2 is the grammar, 3 the
// evaluation, 4 the functions, 5 properties.

// functional is a policy of version 1.2 that permits and has these issuance
// rules. They begin on line 4, column 0.
func functional(rules ...string) string {
	return "version=1.2;\nauthorizationrules{=>permit();};\nissuancerules{\n" + strings.Join(rules, "\n") + "\n};"
}

// authorizing12 is [authorizing] in version 1.2.
func authorizing12(rules ...string) string {
	return strings.Replace(authorizing(rules...), "1.1", "1.2", 1)
}

// accepts checks which texts compile, and for those that do not, the code of the
// first fault.
func accepts(t *testing.T, texts map[string]syntax.Code) {
	t.Helper()
	for text, want := range texts {
		_, err := Compile(text)
		var got syntax.Code
		if bad, ok := errors.AsType[*SyntaxError](err); ok {
			got = bad.Diagnostics[0].Code
		}
		if got != want {
			t.Errorf("fault %q, want %q, of\n%s", got, want, text)
		}
	}
}

// issues checks what rules of version 1.2 issue, or the problem that they have,
// up to an ellipsis.
func issues(t *testing.T, incoming *claims.Set, rules map[string]string) {
	t.Helper()
	for rule, want := range rules {
		got := issued(t, functional(rule), incoming)
		if strings.HasPrefix(got, "policy: ") {
			got = failure(t, functional(rule), incoming).Problem
		}
		if beginning, isCut := strings.CutSuffix(want, "…"); got != want && (!isCut || !strings.HasPrefix(got, beginning)) {
			t.Errorf("%s\n got %s\nwant %s", rule, got, want)
		}
	}
}

func TestReference_2_VersionsAndSections(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]syntax.Code{ // @ is a section that permits
		`version=1.0;@`:                                "",
		`version=1.1;@`:                                "",
		`version=1.2;@`:                                "",
		`version=1.3;@`:                                syntax.UnknownVersion,
		`version=1.0;@issuancerules{};`:                "",
		`version=1.1;configurationrules{};@`:           "",
		`version=1.2;configurationrules{};@`:           "",
		`version=1.0;configurationrules{};@`:           syntax.NeedsVersion,
		`version=1.1;@configurationrules{};`:           syntax.SectionOrder,
		`version=1.1;issuancerules{};@`:                syntax.SectionOrder,
		`version=1.1;configurationrules{};`:            syntax.MissingSection,
		"version = 1.2 ;\r\n\t@ //the end":             "",
		`version=1.0;authorizationrules{=>permit()};`:  syntax.MissingSemicolon,
		`version=1.0;authorizationrules{=>permit();}`:  syntax.MissingSemicolon,
		`version=1.0;authorizationrules={=>permit();}`: syntax.SectionAssignment,
		"version=1.0;authorizationrules\n{ c :[ type ==\"x\",value>= 0]\n=>\tpermit ( ) ;=>deny();};": "",
	} {
		accepts(t, map[string]syntax.Code{strings.Replace(text, "@", "authorizationrules{=>permit();};", 1): want})
	}
}

func TestReference_2_FunctionsAndNegationNeedVersion12(t *testing.T) {
	t.Parallel()
	const function, negation = `c:[] => add(type="a", value=NegateBool(c.value));`, `![] => permit();`
	accepts(t, map[string]syntax.Code{
		authorizing(function):   syntax.NeedsVersion,
		authorizing(negation):   syntax.NeedsVersion,
		authorizing12(function): "",
		authorizing12(negation): "",
	})
}

func TestReference_2_AlternativesAreFurtherRules(t *testing.T) {
	t.Parallel()
	accepts(t, map[string]syntax.Code{authorizing(`[type=="a"] || [type=="b"] => permit();`): syntax.StrayCharacter})
	for name, want := range map[string]string{"a": "permit", "b": "permit", "c": "no-permit"} {
		if got := decided(t, authorizing(`[type=="a"] => permit();`, `[type=="b"] => permit();`), set(name, 1)); got != want {
			t.Errorf("with %s: %s, want %s", name, got, want)
		}
		if got := decided(t, authorizing(`[type=="a"] && [type=="b"] => permit();`), set(name, 1)); got != "no-permit" {
			t.Errorf("both, with %s: %s", name, got)
		}
	}
}

// TestReference_2_RefusedForms has what stands in documentation by mistake, and
// what other languages of claim rules have and this one has not.
func TestReference_2_RefusedForms(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{
		`[type="x"] => permit();`, `=> permit()`, `[type=="x"] && permit();`, `=> (type="x", value=1);`, `=> issue("PlatformAttested", value=true);`,
		"[type==\u201cx\u201d] => permit();", `[type=="x", value==<your-signer>] => permit();`,
		`[type=~"x"] => permit();`, `[type!~"x"] => permit();`, `exists([type=="x"]) => permit();`, `NOT EXISTS([type=="x"]) => permit();`,
		`count([type=="x"]) >= 1 => permit();`, `[value==1+1] => permit();`, `[value in "x"] => permit();`,
		`c:[] => add(type="a", value=StringToInt(c.value));`, `c:[] => AddValueAsEnclaveIdentity(c.value);`, `/* no */ => permit();`,
	} {
		if _, err := Compile(authorizing12(rule)); err == nil {
			t.Errorf("accepted: %s", rule)
		}
	}
	accepts(t, map[string]syntax.Code{strings.Replace(authorizing12(`=> permit();`), "rules{", "rules={", 1): syntax.SectionAssignment})
}

func TestReference_2_Operators(t *testing.T) {
	t.Parallel()
	holds := map[string]bool{
		`value==2`: true, `value!=2`: false, `value<3`: true, `value<=2`: true, `value>2`: false, `value>=2`: true,
	}
	for test, want := range holds {
		if got := decided(t, authorizing(`[type=="i", `+test+`] => permit();`), set("i", 2)) == "permit"; got != want {
			t.Errorf("%s is %t for 2", test, got)
		}
	}
	for _, text := range []string{`[type=="s", value=="x"] && [type=="b", value==true]`, `[type=="s", value!="y"] && [type=="b", value!=false]`} {
		if got := decided(t, authorizing(text+`=> permit();`), set("s", "x", "b", true)); got != "permit" {
			t.Errorf("%s gives %s", text, got)
		}
	}
	for _, operator := range []string{"<", "<=", ">", ">="} {
		accepts(t, map[string]syntax.Code{
			authorizing(`[value` + operator + `"x"] => permit();`):  WrongKind,
			authorizing(`[value` + operator + `true] => permit();`): WrongKind,
		})
	}
}

func TestReference_2_Escapes(t *testing.T) {
	t.Parallel()
	issues(t, set(), map[string]string{
		`=> issue(type="a", value="say \"hi\"");`: `{"a":"say \"hi\""}`,
		`=> issue(type="a", value="C:\\temp");`:   `{"a":"C:\\temp"}`,
	})
}

func TestReference_3_Order(t *testing.T) {
	t.Parallel()
	// Authorization rules see what configuration rules set, issuance rules what
	// both made; none sees what comes later.
	p := mustCompile(t, `version=1.2;
configurationrules{ => issueproperty(type="required_pcr_mask", value=15); [type=="a"] => issueproperty(type="require_valid_aik_cert", value=false); };
authorizationrules{ [type=="required_pcr_mask", value==15] => add(type="a", value=1); [type=="c"] => deny(); [type=="a"] => permit(); };
issuancerules{ [type=="a"] && [type=="required_pcr_mask"] => issue(type="c", value=true); => issueproperty(type="omit_x5c", value=true); };`)
	d, err := p.Decide(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(d.Issued.AppendJSON(nil)) + string(d.Properties.AppendJSON(nil)); got != `{"c":true}{"omit_x5c":true,"required_pcr_mask":15}` {
		t.Errorf("issued and set %s", got)
	}
}

func TestReference_3_ValueTypesAndIssuers(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, functional(
		`=> issue(type="X", value=100);`,
		`=> issue(type="Y", value="100");`,
		`=> issue(type="Z", value=true);`,
		`c:[type=="X"] => issue(type="kinds", value=c.valueType);`,
		`c:[type=="Y"] => issue(type="kinds", value=c.valueType);`,
		`c:[type=="Z"] => issue(type="kinds", value=c.valueType);`,
		`c:[type=="X"] => issue(type="issuers", value=c.issuer);`,
		`c:[type=="evidence"] => issue(type="issuers", value=c.issuer);`,
		`c:[type=="client"] => issue(type="issuers", value=c.issuer);`,
	))
	d, err := p.DecideWith(set("evidence", 1), set("client", 1))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"X":100,"Y":"100","Z":true,"issuers":["AttestationPolicy","AttestationService","CustomClaim"],"kinds":["Integer","String","Boolean"]}`
	if diff := cmp.Diff(want, string(d.Issued.AppendJSON(nil))); diff != "" {
		t.Errorf("issued (-want +got):\n%s", diff)
	}
}

func TestReference_3_ActionsAndSections(t *testing.T) {
	t.Parallel()
	const permit = `authorizationrules{=>permit();};`
	for action, places := range map[string][3]bool{ // configuration, authorization, issuance
		`permit()`:                 {false, true, false},
		`deny()`:                   {false, true, false},
		`add(type="a", value=1)`:   {false, true, true},
		`issue(type="a", value=1)`: {false, true, true},
		`issueproperty(type="omit_x5c",value=true)`: {false, false, true},
	} {
		for i, text := range []string{
			"version=1.1;configurationrules{=>" + action + ";};" + permit,
			"version=1.1;authorizationrules{=>" + action + ";};",
			"version=1.1;" + permit + "issuancerules{=>" + action + ";};",
		} {
			if _, err := Compile(text); (err == nil) != places[i] {
				t.Errorf("%s in section %d: %v", action, i+1, err)
			}
		}
	}
	accepts(t, map[string]syntax.Code{
		"version=1.1;configurationrules{=>issueproperty(type=\"required_pcr_mask\",value=1);};" + permit: "",
	})
}

func TestReference_3_LaterRulesSeeWhatIsAdded(t *testing.T) {
	t.Parallel()
	const add, read = `=> add(type="a", value=1);`, `[type=="a"] => permit();`
	if got := decided(t, authorizing(add, read), nil); got != "permit" {
		t.Errorf("read after it was added: %s", got)
	}
	if got := decided(t, authorizing(read, add), nil); got != "no-permit" {
		t.Errorf("read before it was added: %s", got)
	}
}

func TestReference_3_IssueInAuthorizationNeverReachesTheToken(t *testing.T) {
	t.Parallel()
	text := authorizing(`=> issue(type="a", value=1);`, `[type=="a", issuer=="AttestationPolicy"] => permit();`)
	if got := issued(t, text, nil); got != `{}` {
		t.Errorf("issued %s", got)
	}
	// The documentation's sample that does so.
	sample := mustCompile(t, corpusPolicy(t, "docs/62-tpm-attestation-sample-policies-tpm-key-attestation-authz.txt"))
	for attributes, want := range map[string]string{"50": "permit", "51": "no-permit"} {
		key := `{"jwk":{"kty":"RSA"},"info":{"tpm_certify":{"obj_attr":` + attributes + `}}}`
		d, err := sample.Decide(set("x-ms-tpm-request-key", key))
		if got := outcome(t, err); got != want || err == nil && d.Issued.Len() != 0 {
			t.Errorf("obj_attr %s: %s, want %s, with %+v", attributes, got, want, d)
		}
	}
}

func TestReference_3_SetsBindAllClaims(t *testing.T) {
	t.Parallel()
	issues(t, set("k", []any{"RSA", "EC", "RSA"}, "n", 1), map[string]string{
		`c:[type=="k"] => issue(type="a", value=c.value);`:                                               `{"a":["RSA","EC"]}`,
		`c:[type=="k", value=="RSA"] => issue(type="a", value=c.value);`:                                 `{"a":"RSA"}`,
		`c:[type=="k"] => issue(type="a", value=ContainsOnlyValue(c.value, "RSA"));`:                     `{"a":false}`,
		`c:[type=="k", value=="RSA"] => issue(type="a", value=ContainsOnlyValue(c.value, "RSA"));`:       `{"a":true}`,
		`c:[type=="k"] && d:[type=="n"] => issue(type="a", value=IsSubsetOf(d.value, c.value));`:         `{"a":false}`,
		`c:[type=="k"] && d:[value=="RSA"] => issue(type="a", value=IsSubsetOf(d.value, c.value));`:      `{"a":true}`,
		`c:[type=="k"] && d:[value=="RSA"] => issue(type="a", value=IsSubsetOf(c.value, d.value));`:      `{"a":false}`,
		`c:[] => issue(type="a", value=IsSubsetOf(c.valueType, c.valueType));`:                           `{"a":true}`,
		`c:[type=="k"] => issue(claim=c);`:                                                               `{"k":["RSA","EC"]}`,
		`c:[type=="none"] => issue(type="a", value=ContainsOnlyValue(c.value, "RSA"));`:                  `{}`,
		`c:[type=="k"] && d:[type=="k", value==c.value] => issue(type="a", value=d.value);`:              `{"a":["RSA","EC"]}`,
		`c:[value=="EC"] && d:[value==c.value] => issue(type="a", value=ContainsOnlyValue(d.value, 1));`: `{"a":false}`,
	})
}

func TestReference_3_KeyAttestationSample(t *testing.T) {
	t.Parallel()
	key := func(kty string, alg int) string {
		return `{"jwk":{"kty":"` + kty + `"},"info":{"tpm_quote":{"hash_alg":"sha-256"},"tpm_certify":{"name_alg":` + map[int]string{11: "11", 4: "4"}[alg] + `,"obj_attr":50,"auth_policy":"AQIDBA"}}}`
	}
	p := mustCompile(t, corpusPolicy(t, "docs/55-tpm-attestation-concepts-tpm-key-attestation.txt"))
	d, err := p.Decide(set("x-ms-tpm-request-key", key("RSA", 11), "x-ms-tpm-other-keys", "["+key("EC", 4)+","+key("RSA", 11)+"]"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"otherKeysCertifyAuthPolicy":"AQIDBA","otherKeysCertifyNameAlgs":11,"otherKeysCertifyObjAttr":50,"otherKeysTypes":"RSA",` +
		`"requestKeyCertifyAuthPolicy":"AQIDBA","requestKeyCertifyNameAlg":11,"requestKeyCertifyObjAttr":50,"requestKeyQuoteHashAlg":"sha-256","requestKeyType":"RSA"}`
	if diff := cmp.Diff(want, string(d.Issued.AppendJSON(nil))); diff != "" {
		t.Errorf("issued (-want +got):\n%s", diff)
	}
}

func TestReference_3_Negation(t *testing.T) {
	t.Parallel()
	issues(t, set("a", []any{1, 2}, "b", []any{2, 3}), map[string]string{
		`![type=="none"] => issue(type="x", value=1);`:                               `{"x":1}`,
		`![type=="a"] => issue(type="x", value=1);`:                                  `{}`,
		`![type=="a", value==3] => issue(type="x", value=1);`:                        `{"x":1}`,
		`![type=="a", value==2] => issue(type="x", value=1);`:                        `{}`,
		`![] => issue(type="x", value=1);`:                                           `{}`,
		`![type=="none"] && ![type=="a", value>2] => issue(type="x", value=1);`:      `{"x":1}`,
		`c:[type=="a"] && ![type=="none"] => issue(type="x", value=c.value);`:        `{"x":[1,2]}`,
		`c:[type=="a"] && ![type=="b", value==c.value] => issue(claim=c);`:           `{}`,
		`c:[type=="a", value==1] && ![type=="b", value==c.value] => issue(claim=c);`: `{"a":1}`,
		`![type=="b", value<2] && c:[type=="b"] => issue(claim=c);`:                  `{"b":[2,3]}`,
		`![type=="a", value==NegateBool(true)] => issue(type="x", value=1);`:         `{"x":1}`,
	})
	if got := issued(t, functional(`![] => issue(type="x", value=1);`), nil); got != `{"x":1}` {
		t.Errorf("without claims: %s", got)
	}
}

// A name stands once in a rule, that of a condition with ! too: else it would bind
// what must not be there.
func TestReference_3_NameOfNegationBindsNothing(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{
		`a:[type=="x"] && !a:[type=="revoked"] && [type=="y", value==a.value] => permit();`,
		`!a:[type=="revoked"] && a:[type=="x"] => permit();`,
		`!a:[type=="revoked"] && !a:[type=="x"] => permit();`,
	} {
		_, err := Compile(`version=1.2; authorizationrules { ` + rule + ` };`)
		faulty, ok := errors.AsType[*SyntaxError](err)
		if !ok || faulty.Diagnostics[0].Code != RepeatedIdentifier {
			t.Errorf("%s: %v, want %s", rule, err, RepeatedIdentifier)
		}
	}
	p := mustCompile(t, `version=1.2; authorizationrules { a:[type=="x"] && !b:[type=="revoked"] && [type=="y", value==a.value] => permit(); };`)
	if _, err := p.Decide(set("x", 1, "y", 1)); err != nil {
		t.Errorf("nothing is revoked: %v", err)
	}
	if _, err := p.Decide(set("x", 1, "y", 1, "revoked", 1)); err == nil {
		t.Error("permitted although revoked")
	}
}

func TestReference_3_UnknownTypesMatchNothing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"$tee-future", "$greg"} {
		if got := issued(t, issuing(`c:[type=="`+name+`"] => issue(claim=c);`, `=> issue(type="a", value=1);`), set("$tee", "sgx")); got != `{"a":1}` {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestReference_3_Joins(t *testing.T) {
	t.Parallel()
	issues(t, set("F", []any{"x", "y"}, "G", []any{"y", "z"}), map[string]string{
		`F1:[type=="F"] && C2:[type=="G", value== F1.value] => issue(claim = C2);`:                                  `{"G":"y"}`,
		`F1:[type=="F"] && C2:[type=="G", value== F1.value] => issue(type="a", value=F1.value);`:                    `{"a":"y"}`,
		`F1:[type=="F"] && C2:[type=="G", value== F1.value] => issue(type="a", value=AppendString(F1.value, "!"));`: `{"a":"y!"}`,
		`F1:[type=="F", value=="x"] && [type=="G", value==AppendString(F1.value, "")] => issue(claim=F1);`:          `{}`,
		// A function takes of a joined condition all claims that fit, and only these.
		`a:[type=="F"] && b:[type=="G", value==a.value] && [type=="G", value==AppendString(b.value, "")] => issue(claim=b);`:                  `{"G":"y"}`,
		`a:[type=="F"] && b:[type=="G", value!=a.value] && ![type=="G", value==b.value] => issue(claim=b);`:                                   `{}`,
		`a:[type=="F"] && b:[type=="G", value!=a.value] && c:[type=="F", value!=b.value] => issue(type="n", value=IsSubsetOf("z", b.value));`: `{"n":true}`,
		// One that could not be carried out is not, in a rule that does not fire.
		`a:[type=="F", value=="x"] && b:[type=="G", value==a.value] && c:[type=="F"] && [value==NegateBool(c.value)] => issue(claim=c);`: `{}`,
		`F1:[type=="F", value=="y"] && [type=="G", value==AppendString(F1.value, "")] => issue(claim=F1);`:                               `{"F":"y"}`,
	})
}

// TestReference_3_FunctionsTakeWhatFits checks that a condition with a function
// sees all claims of the joined conditions before it, not the first.
func TestReference_3_FunctionsTakeWhatFits(t *testing.T) {
	t.Parallel()
	issues(t, set("F", []any{1, 2, 3}, "G", []any{1, 2, 4}, "only", []any{true, false}), map[string]string{
		`a:[type=="F"] && b:[type=="G", value==a.value] && o:[type=="only", value==ContainsOnlyValue(b.value, 1)] => issue(claim=o);`:          `{"only":false}`,
		`a:[type=="F", value<2] && b:[type=="G", value==a.value] && o:[type=="only", value==ContainsOnlyValue(b.value, 1)] => issue(claim=o);`: `{"only":true}`,
		`a:[type=="F"] && b:[type=="G", value==a.value] && o:[type=="only", value==IsSubsetOf(4, b.value)] => issue(claim=o);`:                 `{"only":false}`,
		`a:[type=="F"] && b:[type=="G", value==a.value] && o:[type=="only", value==IsSubsetOf(2, b.value)] => issue(claim=o);`:                 `{"only":true}`,
		`a:[type=="F"] && b:[type=="G", value==a.value] && [type=="F", value>b.value] => issue(type="n", value=IsSubsetOf(3, a.value));`:       `{"n":false}`,
	})
}

func TestReference_3_EmptyValuesDoNothing(t *testing.T) {
	t.Parallel()
	issues(t, set("j", `{"a":null,"s":[],"n":[null,1,null]}`), map[string]string{
		`c:[type=="j"] => issue(type="x", value=JsonToClaimValue(JmesPath(c.value, "a")));`:       `{}`,
		`c:[type=="j"] => issue(type="x", value=JsonToClaimValue(JmesPath(c.value, "missing")));`: `{}`,
		`c:[type=="j"] => issue(type="x", value=JsonToClaimValue(JmesPath(c.value, "s")));`:       `{}`,
		`c:[type=="j"] => issue(type="x", value=JsonToClaimValue(JmesPath(c.value, "n")));`:       `{"x":1}`,
		`c:[type=="j"] => issue(type="x", value=JsonToClaimValue("null"));`:                       `{}`,
	})
}

func TestReference_3_DefaultDenyAndDenyOverrides(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		authorizing():                           "no-permit",
		authorizing("=>permit();"):              "permit",
		authorizing("=>deny();", "=>permit();"): "denied",
		authorizing("=>permit();", "=>deny();"): "denied",
	} {
		if got := decided(t, text, nil); got != want {
			t.Errorf("%s, want %s, of\n%s", got, want, text)
		}
	}
}
