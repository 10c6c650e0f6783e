package attest_test

import (
	"encoding/base64"
	"strconv"
	"strings"
	"testing"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/policy"
)

const permitAll = `authorizationrules{=> permit();};`

func demanding(identifier string) string {
	return `version= 1.1;configurationrules{=> issueproperty(type="x-ms-sgx-tcbidentifier", value="` + identifier + `");};` + permitAll
}

func TestBaseline(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		policy         string
		azureDefault   int
		wantNumber     int
		wantIdentifier string
	}{
		"policy is silent":             {"version= 1.0;" + permitAll, 0, 0, "azuredefault"},
		"policy is silent, default 13": {"version= 1.0;" + permitAll, 13, 13, "azuredefault"},
		"azuredefault":                 {demanding("azuredefault"), 0, 0, "azuredefault"},
		"azuredefault is 13":           {demanding("azuredefault"), 13, 13, "azuredefault"},
		"a number":                     {demanding("15"), 13, 15, "15"},
		"a number below the default":   {demanding("10"), 13, 10, "10"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := &fakeVerifier{result: newResult()}
			c := newConfig(t, v)
			c.Policies = map[attest.Type]*policy.Program{attest.SGXEnclave: compile(t, tt.policy)}
			c.AzureDefaultTCB = tt.azureDefault
			answer := mustAttest(t, newService(t, c), request())
			if got := v.lastAsked(t).TCBEvaluationDataNumber; got != tt.wantNumber {
				t.Errorf("verified under evaluation data number %d, want %d", got, tt.wantNumber)
			}
			if got, _ := answer.Claims.First("x-ms-sgx-tcbidentifier"); got != claims.String(tt.wantIdentifier) {
				t.Errorf("x-ms-sgx-tcbidentifier = %s, want %s", got, tt.wantIdentifier)
			}
		})
	}
}

func TestConfigurationRulesSeeTheUnverifiedClaims(t *testing.T) {
	t.Parallel()
	const text = `version= 1.1;configurationrules{
	[type=="x-ms-sgx-product-id", value==7] => issueproperty(type="x-ms-sgx-tcbidentifier", value="14");
	[type=="x-ms-sgx-product-id", value==8] => issueproperty(type="x-ms-sgx-tcbidentifier", value="15");
};` + permitAll
	s, v := serviceWith(t, text)
	mustAttest(t, s, request())
	if got := v.lastAsked(t).TCBEvaluationDataNumber; got != 14 {
		t.Errorf("verified under evaluation data number %d, want 14", got)
	}
}

// The demand was fixed before the verification. If what is now known to be true
// would have fixed another, the verification answered the wrong question.
func TestBaselineThatChangesIsRefused(t *testing.T) {
	t.Parallel()
	const text = `version= 1.1;configurationrules{
	[type=="$svn"] => issueproperty(type="x-ms-sgx-tcbidentifier", value="15");
};` + permitAll
	s, v := serviceWith(t, text)
	v.parse = func([]byte) (evidence.Evidence, error) { return fakeEvidence{newResult().Claims}, nil }
	wantRefusal[*policy.EvaluationError](t, s, request(), `"azuredefault" before the verification and x-ms-sgx-tcbidentifier = "15" after`)
}

func TestPropertiesOfOtherEvidenceAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"required_pcr_mask":          `version= 1.1;configurationrules{=> issueproperty(type="required_pcr_mask", value=15);};` + permitAll,
		"require_valid_aik_cert":     `version= 1.1;configurationrules{=> issueproperty(type="require_valid_aik_cert", value=false);};` + permitAll,
		"report_validity_in_minutes": `version= 1.1;` + permitAll + `issuancerules{=> issueproperty(type="report_validity_in_minutes", value=60);};`,
		"omit_x5c":                   `version= 1.1;` + permitAll + `issuancerules{=> issueproperty(type="omit_x5c", value=true);};`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := serviceWith(t, text)
			wantRefusal[*policy.EvaluationError](t, s, request(), name)
		})
	}
}

func TestDenial(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		policy string
		reason policy.Reason
	}{
		"no permit":             {`version= 1.0;authorizationrules{};`, policy.NoPermit},
		"permit does not match": {`version= 1.0;authorizationrules{[type=="x-ms-sgx-is-debuggable", value==true] => permit();};`, policy.NoPermit},
		"deny beside permit":    {`version= 1.0;authorizationrules{=> permit(); [type=="$svn", value==3] => deny();};`, policy.Denied},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := serviceWith(t, tt.policy)
			if got := refusal[*policy.DeniedError](t, s, request(), "").Reason; got != tt.reason {
				t.Errorf("reason %s, want %s", got, tt.reason)
			}
			// The same text as a draft fares no better.
			s, _ = serviceWith(t, policy.DefaultSGX)
			r := request()
			r.DraftPolicy = &tt.policy
			wantRefusal[*policy.DeniedError](t, s, r, "")
		})
	}
}

// Claims that only the token shows are not for policies: they say nothing about
// the enclave.
func TestPolicySeesClaimsOfTheEvidenceOnly(t *testing.T) {
	t.Parallel()
	visible := map[string]bool{
		"x-ms-sgx-mrsigner": true, "$svn": true, "x-ms-attestation-type": true,
		"x-ms-sgx-collateral": false, "nonce": false, "iss": false, "x-ms-sgx-ehd": false, "x-azattest-simulated": false,
	}
	nonce := "n"
	for name, want := range visible {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, v := serviceWith(t, `version= 1.0;authorizationrules{[type=="`+name+`"] => permit();};`)
			v.result.Simulated = true
			r := request()
			r.Nonce = &nonce
			r.RuntimeData = &attest.Data{Bytes: []byte(runtime)}
			if !want {
				wantRefusal[*policy.DeniedError](t, s, r, "")
				return
			}
			mustAttest(t, s, r)
		})
	}
}

func TestDraftPolicy(t *testing.T) {
	t.Parallel()
	// In force is a policy that permits nothing: the draft replaces all of it.
	s, v := serviceWith(t, `version= 1.0;authorizationrules{=> deny();};`)
	draft := demanding("16") + `issuancerules{=> issue(type="draft", value=true);};`
	r := request()
	r.DraftPolicy = &draft
	answer := mustAttest(t, s, r)

	parts := strings.Split(answer.Token, ".")
	if len(parts) != 3 || parts[2] != "" {
		t.Fatalf("token %s, want three parts, the last one empty", answer.Token)
	}
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(header), `{"alg":"none","jku":"https://contoso.example/certs","kid":"`) {
		t.Errorf("header %s, want alg none and the rest as ever", header)
	}
	for name, want := range map[string]claims.Value{
		"x-ms-policy-hash":       claims.String(policy.Hash(draft)),
		"x-ms-sgx-tcbidentifier": claims.String("16"),
		"draft":                  claims.Boolean(true),
	} {
		if got, _ := answer.Claims.First(name); got != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
	if answer.Claims.Has("tee") {
		t.Error("the token shows claims of another policy than the draft")
	}
	if got := v.lastAsked(t).TCBEvaluationDataNumber; got != 16 {
		t.Errorf("verified under evaluation data number %d, want the draft's 16", got)
	}

	// The draft was for that one request.
	wantRefusal[*policy.DeniedError](t, s, request(), "")
}

func TestBadDraftsAreRefusedBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	for i, text := range []string{"", "permit", "version= 1.0;authorizationrules{=> permit()};", "version= 9.0;" + permitAll} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			s, v := serviceWith(t, policy.DefaultSGX)
			r := request()
			r.DraftPolicy = &text
			wantRefusal[*policy.SyntaxError](t, s, r, "")
			if len(v.asked) > 0 {
				t.Error("the evidence was verified for nothing")
			}
		})
	}
}
