package policy

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/policy/syntax"
)

// indexRow takes file, hash and outcome from a row of the corpus' index.
var indexRow = regexp.MustCompile("(?m)^\\| (\\S+\\.txt) \\|.*\\| `([\\w-]{43})` \\| (OK policy v(\\d\\.\\d)|OK rules|FAIL)")

// TestCorpusPolicies compiles every public policy: the well-formed ones must
// compile, all others must not.
func TestCorpusPolicies(t *testing.T) {
	t.Parallel()
	rows := indexRow.FindAllStringSubmatch(string(corpus.Read(t, "policies", "INDEX.md")), -1)
	if len(rows) < 50 {
		t.Fatalf("the index of policies has %d rows, want at least 50", len(rows))
	}
	for _, row := range rows {
		file, hash, version := row[1], row[2], row[4]
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			text := string(corpus.Read(t, append([]string{"policies"}, strings.Split(file, "/")...)...))
			if got := Hash(text); got != hash {
				t.Errorf("hash %s, want %s", got, hash)
			}
			p, err := Compile(text)
			if version != "" {
				if err != nil {
					t.Fatal(err)
				}
				if p.Version().String() != version {
					t.Errorf("version %s, want %s", p.Version(), version)
				}
				return
			}
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Errorf("error %v, want a SyntaxError", err)
			}
		})
	}
}

// TestDefaultTexts compares the built-in policies with the recorded ones.
func TestDefaultTexts(t *testing.T) {
	t.Parallel()
	for file, text := range map[string]string{
		"sgx-openenclave.v1.1.current.txt":       DefaultSGX,
		"sgx-openenclave.v1.0.until-2022-11.txt": DefaultSGX2022,
		"sgx.preview-2020.txt":                   DefaultSGXPreview,
		"sevsnpvm.txt":                           DefaultSEVSNP,
		"sevsnpvm.sandbox-2022-04.txt":           DefaultSEVSNP2022,
		"tdxvm.sandbox.txt":                      DefaultTDX,
		"azureguest.txt":                         DefaultAzureGuest,
	} {
		if diff := cmp.Diff(string(corpus.Read(t, "policies", "default", file)), text); diff != "" {
			t.Errorf("%s (-recorded +built in):\n%s", file, diff)
		}
	}
}

// TestRulesWithoutPolicy compiles the documentation's bare rules for claims
// that a client makes about itself.
func TestRulesWithoutPolicy(t *testing.T) {
	t.Parallel()
	rules := string(corpus.Read(t, "policies", "docs", "15-claim-rule-grammar-claim-rule-join.txt"))
	p := mustCompile(t, "version=1.0;authorizationrules{=>permit();};issuancerules{"+rules+"};")
	if got := len(p.issuance); got != 2 {
		t.Errorf("%d rules, want 2", got)
	}
}

// exchange is a recorded request to the real service, and its answer.
type exchange struct {
	Request struct {
		Body struct {
			DraftPolicyForAttestation *string `json:"draftPolicyForAttestation"`
		} `json:"body"`
	} `json:"request"`
	Response struct {
		Status int `json:"status"`
		Body   struct {
			Token string `json:"token"`
			Error struct {
				Code    string `json:"code"`
				Message string `json:"message"`
			} `json:"error"`
		} `json:"body"`
	} `json:"response"`
}

// tokenClaims returns the body of a token as a claim set.
func tokenClaims(tb testing.TB, token string) *claims.Set {
	tb.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		tb.Fatalf("a token of %d parts", len(parts))
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		tb.Fatal(err)
	}
	s := new(claims.Set)
	if err := json.Unmarshal(raw, s); err != nil {
		tb.Fatal(err)
	}
	return s
}

// evidenceClaims keeps of a token what the evidence says.
func evidenceClaims(token *claims.Set) *claims.Set {
	s := new(claims.Set)
	for name, v := range token.All() {
		if strings.HasPrefix(name, "x-ms-sgx-") && name != "x-ms-sgx-tcbidentifier" || name == "x-ms-attestation-type" {
			s.Add(name, v)
		}
	}
	return s
}

// TestExchanges runs the policy of every recorded attestation over the claims
// of the recorded token. What it issues must be the token's x-ms-policy, byte
// for byte; where the real service refused, so must it, for the same reason.
func TestExchanges(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob(filepath.Join(corpus.Dir(t), "maa", "exchanges", "AttestationTests.*"))
	if err != nil || len(folders) < 16 {
		t.Fatalf("%d recorded attestations, %v", len(folders), err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			files, err := filepath.Glob(filepath.Join(folder, "*_POST_attest_*.json"))
			if err != nil || len(files) == 0 {
				t.Fatalf("no exchange, %v", err)
			}
			// A refusal has no token: its claims are those of the same evidence
			// in the exchange before.
			var incoming *claims.Set
			for _, file := range files {
				raw, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				var e exchange
				if err := json.Unmarshal(raw, &e); err != nil {
					t.Fatal(err)
				}
				incoming = checkExchange(t, &e, incoming)
			}
		})
	}
}

func checkExchange(t *testing.T, e *exchange, incoming *claims.Set) *claims.Set {
	t.Helper()
	text := DefaultSGX
	if e.Request.Body.DraftPolicyForAttestation != nil {
		text = *e.Request.Body.DraftPolicyForAttestation
	}
	p := mustCompile(t, text)
	if e.Response.Status != 200 {
		_, err := p.Decide(incoming)
		var denied *DeniedError
		if !errors.As(err, &denied) {
			t.Fatalf("the service said %s, here %v", e.Response.Body.Error.Message, err)
		}
		if wantNoPermit := strings.Contains(e.Response.Body.Error.Message, "No Permit claim was issued"); e.Response.Body.Error.Code != "PolicyEvaluationError" || wantNoPermit != (denied.Reason == NoPermit) {
			t.Errorf("the service said %s: %s, here %v", e.Response.Body.Error.Code, e.Response.Body.Error.Message, err)
		}
		return incoming
	}
	token := tokenClaims(t, e.Response.Body.Token)
	incoming = evidenceClaims(token)
	if incoming.Len() < 7 {
		t.Fatalf("%d claims of evidence in the token", incoming.Len())
	}
	d, err := p.Decide(incoming)
	if err != nil {
		t.Fatal(err)
	}
	if hash, _ := token.First("x-ms-policy-hash"); hash != claims.String(p.Hash()) {
		t.Errorf("policy hash %s, recorded %s", p.Hash(), hash)
	}
	recorded, _ := token.First("x-ms-policy")
	if got := claims.Object(d.Issued); got != recorded {
		t.Errorf("issued %s, recorded %s", got, recorded)
	}
	for name, v := range d.Issued.All() {
		if top, _ := token.First(name); top != v {
			t.Errorf("claim %s is %s, recorded %s", name, v, top)
		}
	}
	// The service shows "azuredefault" for a policy that says nothing.
	tcb, said := d.Properties.First("x-ms-sgx-tcbidentifier")
	if recorded, _ := token.First("x-ms-sgx-tcbidentifier"); said && tcb != recorded || p.Version() == syntax.V11 && !said {
		t.Errorf("TCB identifier %s, recorded %s", tcb, recorded)
	}
	return incoming
}
