package policy

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/policy/syntax"
)

// warnings returns what Check warns of, as "code line:column: message (hint)".
func warnings(t *testing.T, text, attestationType string) []string {
	t.Helper()
	var got []string
	for _, d := range Check(text, CheckOptions{Type: attestationType}) {
		if d.Severity != syntax.SeverityWarning {
			t.Errorf("not a warning: %s %v", d.Code, d)
		}
		got = append(got, string(d.Code)+" "+d.String())
	}
	return got
}

// permitting is a policy of these authorization rules and one that may permit.
func permitting(rules ...string) string {
	return authorizing12(append(rules, `[type=="x-ms-sgx-svn"] => permit();`)...)
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text, kind string
		want       []string
	}{
		"nothing to warn of": {DefaultSGX, "SgxEnclave", nil},
		"a misspelled claim": {
			permitting(`[type=="x-ms-sgx-mrsinger", value=="a"] => permit();`), "SgxEnclave",
			[]string{`unknown-claim-type 3:7: evidence of SgxEnclave has no claim "x-ms-sgx-mrsinger", and no earlier rule makes one (did you mean x-ms-sgx-mrsigner? The rule never permits)`},
		},
		"the same, the kind not known": {permitting(`[type=="x-ms-sgx-mrsinger", value=="a"] => permit();`), "", nil},
		"a claim of other evidence": {
			permitting(`[type=="secureboot", value==false] => deny();`), "OpenEnclave",
			[]string{`unknown-claim-type 3:7: evidence of OpenEnclave has no claim "secureboot", and no earlier rule makes one (the rule never denies)`},
		},
		"a claim of the token": {
			permitting(`[type=="x-ms-sgx-collateral"] => deny();`), "SgxEnclave",
			[]string{`unknown-claim-type 3:7: evidence of SgxEnclave has no claim "x-ms-sgx-collateral", and no earlier rule makes one (the service states it in the token, where policies do not see it; the rule never denies)`},
		},
		"a claim made too late": {
			permitting(`[type=="mine", issuer=="AttestationPolicy"] => permit();`, `=> add(type="mine", value=1);`), "",
			[]string{`unknown-claim-type 3:7: no earlier rule makes a claim "mine" (the rule never permits)`},
		},
		"a claim made in time": {permitting(`=> add(type="mine", value=1);`, `[type=="mine", value==1] => permit();`), "SgxEnclave", nil},
		"a claim that may be made": {
			permitting(`c:[] => add(type=c.issuer, value=1);`, `[type=="mine", value==1] => permit();`), "SgxEnclave", nil,
		},
		"a claim copied": {permitting(`c:[type=="$svn"] => add(claim=c);`, `[type=="$svn", issuer=="AttestationPolicy"] => permit();`), "SgxEnclave", nil},
		"a claim of another issuer": {
			permitting(`[type=="$svn", issuer=="AttestationPolicy"] => permit();`), "SgxEnclave",
			[]string{`unknown-claim-type 3:7: evidence of SgxEnclave has no claim "$svn", and no earlier rule makes one (there is one of another issuer; the rule never permits)`},
		},
		"a client's claim, where clients have none": {
			permitting(`[type=="OSName", issuer=="CustomClaim"] => permit();`), "SgxEnclave",
			[]string{`unknown-claim-type 3:7: evidence of SgxEnclave has no claim "OSName", and no earlier rule makes one (the rule never permits)`},
		},
		"a client's claim": {authorizing(`[type=="OSName", issuer=="CustomClaim"] && [type=="https://me/name"] => permit();`), "Tpm", nil},
		"what is never there": {
			permitting(`![type=="nothing"] => permit();`), "SgxEnclave",
			[]string{`unknown-claim-type 3:8: evidence of SgxEnclave has no claim "nothing", and no earlier rule makes one (the condition always holds)`},
		},
		"a value of another kind": {
			permitting(`[type=="x-ms-sgx-svn", value=="1"] => permit();`, `[type=="x-ms-sgx-is-debuggable", value!="true"] => deny();`), "SgxEnclave",
			[]string{
				`never-matches 3:0: no claim can pass: the value of x-ms-sgx-svn is Integer, never String (the rule never permits)`,
				`never-matches 4:0: no claim can pass: the value of x-ms-sgx-is-debuggable is Boolean, never String (the rule never denies)`,
			},
		},
		"a made value of another kind": {
			permitting(`=> add(type="mine", value=IsSubsetOf(1, 2));`, `[type=="mine", value==1] => permit();`), "SgxEnclave",
			[]string{`never-matches 4:0: no claim can pass: the value of mine is Boolean, never Integer (the rule never permits)`},
		},
		"a text compared with JSON": {
			authorizing12(
				`c:[type=="jwk"] => add(type="k", value=JmesPath(c.value, "kty"));`,
				`[type=="k", value=="RSA"] => permit();`,
				`![type=="k", issuer=="AttestationPolicy", value!="RSA"] => deny();`,
				`[type=="k", value=="\"RSA\""] && [type=="k", value!="null"] => deny();`,
				`c:[type=="k"] => add(claim=c);`, `[type=="k", value=="EC"] => deny();`,
				`c:[type=="k"] => add(type="k", value=JsonToClaimValue(c.value));`, `[type=="k", value=="EC"] => deny();`,
			), "",
			[]string{
				`doubtful-comparison 4:19: JmesPath made k, so its value is JSON, and this text is none: no claim has this value (make the claim with JsonToClaimValue(JmesPath(…)), which takes the text out of the JSON)`,
				`doubtful-comparison 5:49: JmesPath made k, so its value is JSON, and this text is none: every claim differs from it (make the claim with JsonToClaimValue(JmesPath(…)), which takes the text out of the JSON)`,
				`doubtful-comparison 8:19: JmesPath made k, so its value is JSON, and this text is none: no claim has this value (make the claim with JsonToClaimValue(JmesPath(…)), which takes the text out of the JSON)`,
			},
		},
		"a text compared with what others may state": {
			authorizing12(
				`c:[type=="jwk"] => add(type="x-ms-sgx-report-data", value=JmesPath(c.value, "kty"));`, `[type=="x-ms-sgx-report-data", value=="RSA"] => deny();`,
				`c:[type=="jwk"] => add(type="https://me/k", value=JmesPath(c.value, "kty"));`, `[type=="https://me/k", value=="RSA"] => deny();`,
				`c:[type=="jwk"] => add(type="k", value=JmesPath(c.value, "kty"));`, `[type=="k", issuer=="CustomClaim", value=="RSA"] => deny();`,
				`=> add(type="k", value="RSA");`, `[type=="k", value=="RSA"] => permit();`,
			), "", nil,
		},
		"digests": {
			permitting(
				`[type=="x-ms-sgx-mrsigner", value=="`+strings.Repeat("0A", 32)+`"] => permit();`,
				`[type=="x-ms-sgx-mrenclave", value!="`+strings.Repeat("0a", 31)+`"] => deny();`,
				`[type=="$sgx-mrsigner", value=="0x`+strings.Repeat("0a", 31)+`"] => permit();`,
				`[type=="x-ms-sgx-mrsigner", value=="`+strings.Repeat("0a", 32)+`"] => permit();`,
				`[type=="x-ms-sgx-report-data", value=="0A"] => permit();`,
			), "SgxEnclave",
			[]string{
				`doubtful-comparison 3:35: x-ms-sgx-mrsigner is 64 hexadecimal digits in lower case, this has upper case: no claim has this value (write it in lower case: texts are compared letter by letter)`,
				`doubtful-comparison 4:36: x-ms-sgx-mrenclave is 64 hexadecimal digits in lower case, this has 62: every claim differs from it (write all of them)`,
				`doubtful-comparison 5:31: $sgx-mrsigner is 64 hexadecimal digits in lower case, this is "0x0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a": no claim has this value (write the digits alone, without separators)`,
			},
		},
		"digests that the policy makes": {
			permitting(`=> add(type="x-ms-sgx-mrsigner", value="ours");`, `[type=="x-ms-sgx-mrsigner", value=="ours"] => permit();`), "SgxEnclave", nil,
		},
		"contradictions": {
			permitting(
				`[type=="a", type=="b"] => deny();`, `[value==1, value==2] => deny();`, `[value>=5, value<5] => deny();`, `[value==3, value>3] => deny();`,
				`[value>=7, value<=7, value!=7] => deny();`, `[value!=true, value!=false] => deny();`, `[value!=1, value!="1"] => deny();`, `[value>5, value<=5] => deny();`,
				`[value==1, valueType=="String"] => deny();`, `[issuer=="CustomClaim", issuer!="CustomClaim"] => deny();`,
				`[value<-9223372036854775808] => deny();`, `[value>9223372036854775807] => deny();`, `![value==1, value==2] && [value>1, value<3] => add(type="fine", value=1);`,
			), "",
			[]string{
				`never-matches 3:0: no claim can pass: type cannot be "a" and == "b" (the rule never denies)`,
				`never-matches 4:0: no claim can pass: value cannot be 1 and == 2 (the rule never denies)`,
				`never-matches 5:0: no claim can pass: value cannot be both 5 or more and 4 or less (the rule never denies)`,
				`never-matches 6:0: no claim can pass: value cannot be 3 and > 3 (the rule never denies)`,
				`never-matches 7:0: no claim can pass: value can only be 7, and must not be (the rule never denies)`,
				`never-matches 8:0: no claim can pass: value cannot be other than true and other than false (the rule never denies)`,
				`never-matches 9:0: no claim can pass: no value is comparable with both 1 and "1" (the rule never denies)`,
				`never-matches 10:0: no claim can pass: value cannot be both 6 or more and 5 or less (the rule never denies)`,
				`never-matches 11:0: no claim can pass: 1 is no String (the rule never denies)`,
				`never-matches 12:0: no claim can pass: issuer cannot be "CustomClaim" and != "CustomClaim" (the rule never denies)`,
				`never-matches 13:0: no claim can pass: no integer is less than -9223372036854775808 (the rule never denies)`,
				`never-matches 14:0: no claim can pass: no integer is greater than 9223372036854775807 (the rule never denies)`,
				`never-matches 15:0: no claim can pass: value cannot be 1 and == 2 (the condition always holds)`,
			},
		},
		"no rule permits": {
			authorizing(`[type=="x-ms-sgx-svn"] => deny();`), "",
			[]string{`never-permits 2:0: the policy never permits: it has no rule that can permit (add a rule that ends with => permit();)`},
		},
		"the only rule that permits cannot": {
			authorizing(`[value==1, value==2] => permit();`), "",
			[]string{
				`never-matches 3:0: no claim can pass: value cannot be 1 and == 2 (the rule never permits)`,
				`never-permits 2:0: the policy never permits: none of its rules that permit can fire, see line 3`,
			},
		},
		"none of the rules that permit can": {
			authorizing(`[type=="x-ms-sgx-svn"] => deny();`, `[type=="x-ms-sgx-is-debuggable", value=="false"] => permit();`, `[type=="nothing"] => permit();`), "SgxEnclave",
			[]string{
				`never-matches 4:0: no claim can pass: the value of x-ms-sgx-is-debuggable is Boolean, never String (the rule never permits)`,
				`unknown-claim-type 5:7: evidence of SgxEnclave has no claim "nothing", and no earlier rule makes one (the rule never permits)`,
				`never-permits 2:0: the policy never permits: none of its rules that permit can fire, see line 4`,
			},
		},
		"a rule always denies": {authorizing(`=> permit();`, `=> deny();`), "", []string{`never-permits 2:0: the policy never permits: one of its rules always denies`}},
		"a property of another kind of attestation": {
			configuring(`=> issueproperty(type="required_pcr_mask", value=1);`), "SgxEnclave",
			[]string{`useless-property 3:22: property required_pcr_mask means nothing for SgxEnclave (remove the rule: the attestation may fail because of it)`},
		},
		"a kind that is none": {
			DefaultSEVSNP, "sgx", []string{`unknown-attestation-type 1:0: there is no attestation type sgx, so its claims are not known (there are SgxEnclave, OpenEnclave, SevSnpVm, TdxVm, AzureGuest, Tpm, VbsEnclave)`},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mustCompile(t, test.text)
			if diff := cmp.Diff(test.want, warnings(t, test.text, test.kind)); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCheck checks that Check refuses what Compile refuses, errors first.
func TestCheck(t *testing.T) {
	t.Parallel()
	text := authorizing(`[value==1, value==2] => deny();`, `=> issue(claim=c);`)
	found := Check(text, CheckOptions{})
	var codes []syntax.Code
	for _, d := range found {
		codes = append(codes, d.Code)
	}
	if diff := cmp.Diff([]syntax.Code{UndeclaredIdentifier, NeverPermits, NeverMatches}, codes); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
	_, err := Compile(text)
	bad, ok := errors.AsType[*SyntaxError](err)
	if !ok {
		t.Fatal(err)
	}
	if diff := cmp.Diff(bad.Diagnostics, found[:1]); diff != "" {
		t.Errorf("Compile and Check differ (-Compile +Check):\n%s", diff)
	}
	if found := Check("version=1.0;authorizationrules{[type=\"a\"]=>deny();};", CheckOptions{Type: "SgxEnclave"}); len(found) != 1 || found[0].Code != syntax.AssignmentInCondition {
		t.Errorf("a fault of grammar gives %v", found)
	}
	if found := Check(authorizing(strings.Repeat(`[value==1, value==2] => deny();`, 100)), CheckOptions{}); len(found) > 20 {
		t.Errorf("%d warnings", len(found))
	}
}

// TestCorpusWarnings checks every public policy for the kind of attestation that
// it was written for. What is found are mistakes of their authors.
func TestCorpusWarnings(t *testing.T) {
	t.Parallel()
	kinds := map[string]string{"SGX": "SgxEnclave", "TPM": "Tpm", "VBS": "VbsEnclave", "any": ""}
	want := map[string]string{
		"docs/16-author-sign-policy-deny-all.txt": "never-permits",
		"real/maa-signing-tool.deny.all.txt":      "never-permits",
		// These read boolProperties, which they nowhere add.
		"docs/60-tpm-attestation-sample-policies-windows-integrity-a.txt": "unknown-claim-type unknown-claim-type unknown-claim-type doubtful-query doubtful-query doubtful-query",
		"docs/68-tpm-attestation-sample-policies-windows-integrity.txt":   "unknown-claim-type unknown-claim-type unknown-claim-type doubtful-query",
		// Words stand for the signers.
		"docs/27-policy-examples-sgx-two-mrsigners-no-issuance.txt": "doubtful-comparison doubtful-comparison",
		"docs/30-claim-sets-mrsigner-during-rotation.txt":           "doubtful-comparison doubtful-comparison",
		"docs/31-claim-sets-mrsigner-after-rotation.txt":            "doubtful-comparison",
		// This compares with the fields true and null.
		"docs/64-tpm-attestation-concepts-tpm-health-sample.txt": "doubtful-query doubtful-query",
	}
	rows := regexp.MustCompile(`(?m)^\| (\S+\.txt) \| ([^|]*) \|.*\| OK policy`).FindAllStringSubmatch(string(corpus.Read(t, "policies", "INDEX.md")), -1)
	if len(rows) < 30 {
		t.Fatalf("%d well-formed policies, want at least 30", len(rows))
	}
	for _, row := range rows {
		kind := strings.TrimSpace(strings.Split(row[2], ",")[0])
		if k, short := kinds[kind]; short {
			kind = k
		}
		var codes []string
		for _, d := range Check(corpusPolicy(t, row[1]), CheckOptions{Type: kind}) {
			codes = append(codes, string(d.Code))
		}
		if got := strings.Join(codes, " "); got != want[row[1]] {
			t.Errorf("%s for %q: %s, want %s", row[1], kind, got, want[row[1]])
		}
	}
}
