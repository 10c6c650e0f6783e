package attest_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/policy"
)

// What a TPM sends answers a challenge.
var _ attest.Challenged = (*tpm.Request)(nil)

// challenged is evidence of a TPM that answers a challenge.
type challenged struct{ fakeEvidence }

var _ attest.Challenged = challenged{}

func (challenged) Challenge() (challenge, context []byte) {
	return []byte("a challenge"), []byte("its context")
}

// tpmResult is what a verifier finds in a request of a TPM.
func tpmResult() *evidence.Result {
	policyOnly, tokenOnly, custom := new(claims.Set), new(claims.Set), new(claims.Set)
	policyOnly.Add("aikValidated", claims.Boolean(true))
	policyOnly.Add("secureBootEnabled", claims.Boolean(true))
	tokenOnly.Add("rp_data", claims.String("AQID"))
	tokenOnly.Add("nonce", claims.String("AQID"))
	tokenOnly.Add("cnf", claims.String("a key"))
	custom.Add("aikValidated", claims.Boolean(false))
	return &evidence.Result{Type: "tpm", PolicyOnly: policyOnly, TokenOnly: tokenOnly, Custom: custom}
}

// tpmConfig serves TPMs with a policy.
func tpmConfig(tb testing.TB, text string) (attest.Config, *fakeVerifier) {
	tb.Helper()
	v := &fakeVerifier{result: tpmResult()}
	v.parse = func([]byte) (evidence.Evidence, error) { return challenged{fakeEvidence{new(claims.Set)}}, nil }
	c := newConfig(tb, v)
	c.Verifiers = map[attest.Type]evidence.Verifier{attest.TPM: v}
	c.Policies = map[attest.Type]*policy.Program{attest.TPM: compile(tb, text)}
	c.Challenge = func(challenge, context []byte) error {
		if string(challenge)+string(context) != "a challengeits context" {
			return errors.New("asked about something else")
		}
		return nil
	}
	return c, v
}

func tpmRequest() *attest.Request {
	return &attest.Request{Type: attest.TPM, Evidence: []byte("a.b.c")}
}

const issuesBoth = `version=1.2; configurationrules{ => issueproperty(type="required_pcr_mask", value=15); => issueproperty(type="require_valid_aik_cert", value=false); };
authorizationrules{ => permit(); };
issuancerules{
  c:[type=="aikValidated", issuer=="AttestationService"] => issue(type="validated", value=c.value);
  c:[issuer=="CustomClaim"] => issue(type="said", value=c.type);
  => issue(type="nonce", value="mine"); => issue(type="x-ms-tpm-request-key", value="mine"); => issue(type="cnf", value="mine");
  => issueproperty(type="report_validity_in_minutes", value=90); => issueproperty(type="omit_x5c", value=true);
};`

func TestReportOfATPM(t *testing.T) {
	t.Parallel()
	c, v := tpmConfig(t, issuesBoth)
	answer := mustAttest(t, newService(t, c), tpmRequest())
	want := `{"cnf":"a key","exp":1764000000,"iat":1763994600,"iss":"https://contoso.example","jti":"` + strings.Repeat("0", 40) + `","nbf":1763994300,` +
		`"nonce":"AQID","rp_data":"AQID","said":"https://contoso.example/aikValidated","validated":true,"ver":"1.0",` +
		`"x-ms-policy-hash":"` + c.Policies[attest.TPM].Hash() + `","x-ms-ver":"1.0"}`
	now := at.Unix()
	replacer := strings.NewReplacer("1764000000", itoa(now+90*60), "1763994600", itoa(now), "1763994300", itoa(now-300))
	if diff := cmp.Diff(replacer.Replace(want), string(answer.Claims.AppendJSON(nil))); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(answer.Token, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	var header map[string]any
	if err := json.Unmarshal(raw, &header); err != nil || header["x5t"] == nil || header["x5c"] != nil || header["jku"] != nil {
		t.Errorf("header %s, %v", raw, err)
	}
	if asked := v.lastAsked(t); asked.PCRs != 15 || asked.ValidAIK {
		t.Errorf("demanded %+v", asked)
	}
}

func itoa(n int64) string { return claims.Integer(n).String() }

func TestDemandsOnATPMUnlessAPolicySaysOtherwise(t *testing.T) {
	t.Parallel()
	c, v := tpmConfig(t, "version=1.0; authorizationrules{ => permit(); };")
	answer := mustAttest(t, newService(t, c), tpmRequest())
	if asked := v.lastAsked(t); asked.PCRs != 0xffffff || !asked.ValidAIK {
		t.Errorf("demanded %+v", asked)
	}
	exp, _ := answer.Claims.First("exp")
	if exp != claims.Integer(at.Unix()+24*60*60) {
		t.Errorf("exp = %v", exp)
	}
}

// A report lives no longer than the operator lets tokens live: the key that signed
// it would be gone.
func TestReportLifetimeIsCut(t *testing.T) {
	t.Parallel()
	c, _ := tpmConfig(t, `version=1.0; authorizationrules{ => permit(); }; issuancerules{ => issueproperty(type="report_validity_in_minutes", value=525600); };`)
	c.MaxReportLifetime = time.Hour
	answer := mustAttest(t, newService(t, c), tpmRequest())
	if exp, _ := answer.Claims.First("exp"); exp != claims.Integer(at.Unix()+60*60) {
		t.Errorf("exp = %v", exp)
	}
}

func TestTPMIsRefused(t *testing.T) {
	t.Parallel()
	const permits = "version=1.0; authorizationrules{ => permit(); };"
	t.Run("challenge", func(t *testing.T) {
		t.Parallel()
		c, v := tpmConfig(t, permits)
		c.Challenge = func(_, _ []byte) error { return &attest.ChallengeError{Err: errors.New("too old")} }
		wantRefusal[*attest.ChallengeError](t, newService(t, c), tpmRequest(), "too old")
		if len(v.asked) > 0 {
			t.Error("it was verified all the same")
		}
	})
	t.Run("evidence that answers none", func(t *testing.T) {
		t.Parallel()
		c, v := tpmConfig(t, permits)
		v.parse = func([]byte) (evidence.Evidence, error) { return fakeEvidence{new(claims.Set)}, nil }
		if answer, err := newService(t, c).Attest(t.Context(), tpmRequest()); err == nil {
			t.Errorf("got %v", answer.Claims)
		}
	})
	t.Run("property of SGX", func(t *testing.T) {
		t.Parallel()
		c, _ := tpmConfig(t, `version=1.1; configurationrules{ => issueproperty(type="x-ms-sgx-tcbidentifier", value="10"); }; authorizationrules{ => permit(); };`)
		wantRefusal[*policy.EvaluationError](t, newService(t, c), tpmRequest(), "means nothing for Tpm")
	})
	t.Run("custom claim that poses as evidence", func(t *testing.T) {
		t.Parallel()
		c, v := tpmConfig(t, `version=1.0; authorizationrules{ [type=="aikValidated", value==true] => permit(); };`)
		v.result.PolicyOnly.Put("aikValidated", claims.Boolean(false))
		v.result.Custom.Put("aikValidated", claims.Boolean(true))
		wantRefusal[*policy.DeniedError](t, newService(t, c), tpmRequest(), "")
	})
	for name, change := range map[string]func(*attest.Request){
		"runtime data":   func(r *attest.Request) { r.RuntimeData = &attest.Data{} },
		"init-time data": func(r *attest.Request) { r.InitTimeData = &attest.Data{} },
		"nonce":          func(r *attest.Request) { r.Nonce = new(string) },
		"draft policy":   func(r *attest.Request) { r.DraftPolicy = new(string) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := tpmConfig(t, permits)
			r := tpmRequest()
			change(r)
			wantRefusal[*attest.RequestError](t, newService(t, c), r, "brings its own")
		})
	}
	for name, change := range map[string]func(*evidence.Result){
		"no claims":             func(r *evidence.Result) { r.PolicyOnly = nil },
		"claims for the token":  func(r *evidence.Result) { r.Claims = newResult().Claims },
		"a TCB":                 func(r *evidence.Result) { r.TCB = newResult().TCB },
		"bytes that bind":       func(r *evidence.Result) { r.RuntimeBinding = binding("") },
		"nothing for the token": func(r *evidence.Result) { r.TokenOnly = nil },
	} {
		t.Run("verifier that finds "+name, func(t *testing.T) {
			t.Parallel()
			c, v := tpmConfig(t, permits)
			change(v.result)
			if answer, err := newService(t, c).Attest(t.Context(), tpmRequest()); err == nil {
				t.Errorf("got %v", answer.Claims)
			}
		})
	}
}

// A mistake in a verifier must not make a token of evidence that may be old.
func TestEvidenceThatForgetsItsChallenge(t *testing.T) {
	t.Parallel()
	c, v := tpmConfig(t, "version=1.0; authorizationrules{ => permit(); };")
	v.parse = func([]byte) (evidence.Evidence, error) { return fakeEvidence{new(claims.Set)}, nil }
	if answer, err := newService(t, c).Attest(t.Context(), tpmRequest()); err == nil {
		t.Errorf("got %v", answer.Claims)
	}
	c = newConfig(t, v)
	v.parse = func([]byte) (evidence.Evidence, error) { return challenged{fakeEvidence{new(claims.Set)}}, nil }
	if answer, err := newService(t, c).Attest(t.Context(), request()); err == nil {
		t.Errorf("a challenge that nobody knows: got %v", answer.Claims)
	}
}

func TestTPMNeedsWhoKnowsChallenges(t *testing.T) {
	t.Parallel()
	c, _ := tpmConfig(t, "version=1.0; authorizationrules{ => permit(); };")
	c.Challenge = nil
	if _, err := attest.New(c); err == nil || !strings.Contains(err.Error(), "Challenge") {
		t.Errorf("got %v", err)
	}
	c, _ = tpmConfig(t, "version=1.0; authorizationrules{ => permit(); };")
	c.MaxReportLifetime = 1500 * time.Millisecond
	if _, err := attest.New(c); err == nil || !strings.Contains(err.Error(), "MaxReportLifetime") {
		t.Errorf("got %v", err)
	}
}
