package policytoken_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/policy"
)

// exchange is a recorded change, or query, of a policy or of certificates.
type exchange struct {
	name    string
	Request struct {
		Method, Path string
		Body         json.RawMessage
	}
	Response struct {
		Status  int
		Headers map[string]string
		Body    struct{ Token string }
	}
}

// sent is the body as it went over the wire.
func (e *exchange) sent(tb testing.TB) []byte {
	tb.Helper()
	var text string
	if err := json.Unmarshal(e.Request.Body, &text); err != nil {
		tb.Fatalf("%s: %v", e.name, err)
	}
	return []byte(text)
}

func (e *exchange) at(tb testing.TB) time.Time {
	tb.Helper()
	return must[time.Time](tb)(http.ParseTime(e.Response.Headers["Date"]))
}

// answer is the claims of the answer's token.
type answer struct {
	Policy      string          `json:"x-ms-policy"`
	Result      string          `json:"x-ms-policy-result"`
	Hash        string          `json:"x-ms-policy-token-hash"`
	Signer      json.RawMessage `json:"x-ms-policy-signer"`
	Thumbprint  string          `json:"x-ms-certificate-thumbprint"`
	Certificate string          `json:"x-ms-policycertificates-result"`
	Listed      struct{ Keys []json.RawMessage }
}

func (e *exchange) answer(tb testing.TB) answer {
	tb.Helper()
	parts := strings.Split(e.Response.Body.Token, ".")
	if len(parts) != 3 {
		tb.Fatalf("%s: answered with no token", e.name)
	}
	raw := must[[]byte](tb)(base64.RawURLEncoding.DecodeString(parts[1]))
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		tb.Fatal(err)
	}
	var listed struct {
		Keys struct{ Keys []json.RawMessage } `json:"x-ms-policy-certificates"`
	}
	if err := json.Unmarshal(raw, &listed); err != nil {
		tb.Fatal(err)
	}
	a.Listed.Keys = listed.Keys.Keys
	return a
}

// recorded returns exchanges by the pattern of their files.
func recorded(tb testing.TB, pattern string) []exchange {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(corpus.Dir(tb), "maa", "exchanges", filepath.FromSlash(pattern)))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("found %d recorded exchanges %s (%v), want some", len(paths), pattern, err)
	}
	all := make([]exchange, len(paths))
	for i, path := range paths {
		raw := must[[]byte](tb)(os.ReadFile(filepath.Clean(path)))
		if err := json.Unmarshal(raw, &all[i]); err != nil {
			tb.Fatalf("%s: %v", path, err)
		}
		all[i].name = filepath.Base(filepath.Dir(path)) + "/" + filepath.Base(path)
	}
	return all
}

// What the real service took at the time we take, with the same results.
func TestRecordedPolicyChangesVerify(t *testing.T) {
	t.Parallel()
	n := 0
	for _, e := range recorded(t, "*/*_P*_policies_*.json") {
		n++
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			token := parse(t, string(e.sent(t)))
			if err := token.Verify(policytoken.Options{At: e.at(t)}); err != nil {
				t.Fatal(err)
			}
			a := e.answer(t)
			if reset := strings.HasSuffix(e.Request.Path, ":reset"); reset != token.IsEmpty() || reset != (a.Result == "Removed") {
				t.Fatalf("empty %v, answered %q", token.IsEmpty(), a.Result)
			}
			if token.IsEmpty() {
				return
			}
			text, err := token.Policy()
			if err != nil || text != minimalPolicy {
				t.Errorf("policy %q, %v", text, err)
			}
			if token.Hash() != a.Hash {
				t.Errorf("hash %s, answered %s", token.Hash(), a.Hash)
			}
			jwk, ok := token.SignerJWK()
			if ok != (a.Signer != nil) || ok != token.IsSigned() {
				t.Fatalf("signer %v, answered %s", ok, a.Signer)
			}
			if ok && string(must[[]byte](t)(json.Marshal(jwk))) != string(a.Signer) {
				t.Errorf("signer %+v, answered %s", jwk, a.Signer)
			}
		})
	}
	if n < 10 {
		t.Errorf("%d recorded changes, want 10 or more", n)
	}
}

func TestRecordedPoliciesAreReturnedAsSent(t *testing.T) {
	t.Parallel()
	for _, e := range recorded(t, "PolicyTests-Modify*/02_GET_policies_*.json") {
		put := recorded(t, filepath.Dir(e.name)+"/01_PUT_policies_*.json")[0]
		if got := parse(t, string(put.sent(t))).String(); got != e.answer(t).Policy {
			t.Errorf("%s: stored %s, answered %s", e.name, got, e.answer(t).Policy)
		}
	}
}

func TestRecordedDefaultPoliciesAreUnsignedTokens(t *testing.T) {
	t.Parallel()
	for _, e := range recorded(t, "PolicyTests-GetPolicy_*/*_GET_policies_*.json") {
		text := policy.DefaultSGX
		if strings.HasSuffix(e.Request.Path, "/Tpm") {
			text = ""
		}
		if got := policytoken.Unsigned(text); got != e.answer(t).Policy {
			t.Errorf("%s: %s, answered %s", e.name, got, e.answer(t).Policy)
		}
	}
}

// listed reads the certificates that an answer shows.
func listed(tb testing.TB, a answer) []*x509.Certificate {
	tb.Helper()
	var all []*x509.Certificate
	for _, raw := range a.Listed.Keys {
		var k policytoken.JWK
		if err := json.Unmarshal(raw, &k); err != nil {
			tb.Fatal(err)
		}
		c := must[*x509.Certificate](tb)(x509.ParseCertificate(must[[]byte](tb)(base64.StdEncoding.DecodeString(k.X5C[0]))))
		if shown := must[[]byte](tb)(json.Marshal(policytoken.NewJWK(c))); string(shown) != string(raw) {
			tb.Errorf("shown as %s, answered %s", shown, raw)
		}
		all = append(all, c)
	}
	return all
}

func TestRecordedCertificateChangesVerify(t *testing.T) {
	t.Parallel()
	trusted := listed(t, recorded(t, "CertificateTests.RemovePolicyManagementCertificate/03_*.json")[0].answer(t))
	if len(trusted) != 1 {
		t.Fatalf("%d certificates listed, want 1", len(trusted))
	}
	for _, e := range recorded(t, "CertificateTests.*PolicyManagementCertificate/*_POST_certificates-*.json") {
		o := policytoken.Options{At: e.at(t), Trusted: trusted, RequireSignature: true, Audience: "https://iso.example"}
		token := parse(t, string(e.sent(t)))
		if err := token.Verify(o); err != nil {
			t.Fatalf("%s: %v", e.name, err)
		}
		certificate, err := token.Certificate()
		if err != nil {
			t.Fatalf("%s: %v", e.name, err)
		}
		if a := e.answer(t); policytoken.Thumbprint(certificate) != a.Thumbprint {
			t.Errorf("%s: thumbprint %s, answered %s", e.name, policytoken.Thumbprint(certificate), a.Thumbprint)
		}
		if err := policytoken.CheckSigner(certificate, o.At); err != nil {
			t.Errorf("%s: %v", e.name, err)
		}
		// What it adds could sign from then on, and could not before.
		o.Trusted = []*x509.Certificate{certificate}
		wantReason(t, token.Verify(o), policytoken.ReasonIssuer)
		// A year later nobody may sign with it any more.
		o.Trusted, o.At = trusted, o.At.AddDate(1, 0, 0)
		wantReason(t, token.Verify(o), policytoken.ReasonValidity)
	}
	after := recorded(t, "CertificateTests.AddPolicyManagementCertificate/02_*.json")[0].answer(t)
	if n := len(listed(t, after)); n != 2 {
		t.Errorf("%d certificates listed after one was added, want 2", n)
	}
}

// The signer of this one is on no list: the instance has none.
func TestRecordedSignerThatIsNotListedIsRefused(t *testing.T) {
	t.Parallel()
	e := recorded(t, "CertificateTests.VerifyFailedAddCertificate/*.json")[0]
	token := parse(t, string(e.sent(t)))
	if err := token.Verify(policytoken.Options{At: e.at(t)}); err != nil {
		t.Errorf("where any signer will do: %v", err)
	}
	wantReason(t, token.Verify(policytoken.Options{At: e.at(t), RequireSignature: true}), policytoken.ReasonIssuer)
	trusted := listed(t, recorded(t, "CertificateTests.GetPolicyManagementCertificatesIsolated/*.json")[0].answer(t))
	err := refusal(t, token.Verify(policytoken.Options{At: e.at(t), Trusted: trusted}), policytoken.ReasonIssuer)
	if diff := cmp.Diff("CN=FakeIsolatedKey", err.Issuer); diff != "" {
		t.Errorf("issuer (-want +got):\n%s", diff)
	}
}

// One flipped character anywhere in a recorded signed token is found.
func TestRecordedTokensBearNoChange(t *testing.T) {
	t.Parallel()
	e := recorded(t, "PolicyTests-ModifyGeneratedKey_AAD_OpenEnclave/01_*.json")[0]
	sent := e.sent(t)
	o := policytoken.Options{At: e.at(t)}
	if err := verdict(string(sent), o); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(sent); i += 7 {
		changed := append([]byte(nil), sent...)
		changed[i] = 'A'
		if changed[i] == sent[i] {
			changed[i] = 'B'
		}
		if err := verdict(string(changed), o); err == nil {
			t.Errorf("character %d changed from %q to %q: accepted", i, sent[i], changed[i])
		}
	}
}
