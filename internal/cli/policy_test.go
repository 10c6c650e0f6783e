package cli

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/azattestation/fake"
	"github.com/azattest/azattest/internal/corpus"
)

const somePolicy = "version= 1.0;authorizationrules{=> permit();};issuancerules{};"

func inFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A policy goes there and comes back byte for byte, is named by the same hashes
// everywhere, and is gone after a reset.
func TestPolicyComesBackAsItWasSet(t *testing.T) {
	t.Parallel()
	i := startInstance(t, testTime)
	const policy = somePolicy + "\n\t" // nothing is trimmed
	set := wantDone[changedPolicy](t, i.run(t, policy, "policy", "set", "sgxenclave", "-", "--json"))
	if set.Result != azattestation.PolicyModificationUpdated || set.AttestationType != "SgxEnclave" || set.Endpoint != i.URL() || set.Signed || set.Signer != nil {
		t.Errorf("set: %+v", set)
	}
	hashed := wantDone[hashedPolicy](t, runAt(t, testTime, policy, "policy", "token-hash", "-", "--json"))
	if hashed.policyDigest != set.policyDigest {
		t.Errorf("token-hash %+v, set %+v: want the same", hashed.policyDigest, set.policyDigest)
	}
	if got := i.run(t, "", "policy", "get", "SgxEnclave"); got.code != exitDone || got.stdout != policy {
		t.Errorf("get: exit code %d, %q, want the policy; %s", got.code, got.stdout, got.stderr)
	}
	got := wantDone[shownPolicy](t, i.run(t, "", "policy", "get", "SgxEnclave", "--json"))
	if got.Policy != policy || got.policyDigest != set.policyDigest {
		t.Errorf("get --json: %+v", got)
	}
	out := filepath.Join(t.TempDir(), "policy.txt")
	if got := i.run(t, "", "policy", "get", "SgxEnclave", "--out", out); got.code != exitDone || got.stdout != "" {
		t.Errorf("get --out: %+v", got)
	}
	if raw, err := os.ReadFile(out); err != nil || string(raw) != policy {
		t.Errorf("%q (%v) in the file, want the policy", raw, err)
	}
	if reset := wantDone[changedPolicy](t, i.run(t, "", "policy", "reset", "SgxEnclave", "--json")); reset.Result != azattestation.PolicyModificationRemoved || reset.PolicyHash != "" {
		t.Errorf("reset: %+v", reset)
	}
	if got := i.run(t, "", "policy", "get", "SgxEnclave"); got.code != exitDone || got.stdout != "" || !strings.Contains(got.stderr, "no policy is set for SgxEnclave") {
		t.Errorf("get after reset: %+v", got)
	}
}

// The hashes are those that the real service reported for these policies.
func TestHashesAreTheServices(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ policy, tokenHash, policyHash string }{
		"set by Microsoft's client for C++": {
			policy:    "version=1.0; authorizationrules{=> permit();}; issuancerules{};",
			tokenHash: "c6sEJQItV50OeP9IrP_bzywAMOVvj5uDPbklA_bwdYQ",
		},
		"default until November 2022": {
			policy:     string(corpus.Read(t, "policies", "default", "sgx-openenclave.v1.0.until-2022-11.txt")),
			policyHash: "bROrN897ZfWmWY2V0FLUlu3uwk5xatGnKYHn3zBbSlw",
		},
		"default since then": {
			policy:     string(corpus.Read(t, "policies", "default", "sgx-openenclave.v1.1.current.txt")),
			policyHash: "ViVGS4BYl70X8eUrgryHg0TtbEk9WtIc6DtTBEFxaWc",
		},
	} {
		got := wantDone[hashedPolicy](t, runAt(t, testTime, test.policy, "policy", "token-hash", "-", "--json"))
		if test.tokenHash != "" && got.PolicyTokenHash != test.tokenHash || test.policyHash != "" && got.PolicyHash != test.policyHash {
			t.Errorf("%s: %+v, want %+v", name, got.policyDigest, test)
		}
		for wire, hexadecimal := range map[string]string{got.PolicyHash: got.PolicyHashHex, got.PolicyTokenHash: got.PolicyTokenHashHex} {
			raw, err := base64.RawURLEncoding.DecodeString(wire)
			if err != nil || hex.EncodeToString(raw) != hexadecimal {
				t.Errorf("%s: %s and %s (%v): want one hash in two forms", name, wire, hexadecimal, err)
			}
		}
	}
	// A token that somebody else made is hashed as it is.
	recorded := corpus.Read(t, "maa", "tokens", "policyapi-request-RS256.jwt")
	got := wantDone[hashedPolicy](t, runAt(t, testTime, string(recorded), "policy", "token-hash", "--policy-token", "-", "--json"))
	if !got.Signed || got.Signer.Subject != "CN=TestSetPolicyCertificate" || got.PolicyToken != strings.TrimSpace(string(recorded)) {
		t.Errorf("recorded token: %+v", got)
	}
}

// An instance in isolated mode takes what was signed, here or elsewhere, and says
// what to do about anything else.
func TestIsolatedInstanceWantsSignedPolicies(t *testing.T) {
	t.Parallel()
	i := startInstance(t, testTime)
	known, stranger := newPolicySigner(t, "known"), newPolicySigner(t, "stranger")
	i.certificates = append(i.certificates, known.certificate)
	file := inFile(t, "policy.txt", somePolicy)

	wantFault(t, i.run(t, "", "policy", "set", "SgxEnclave", file), exitRefused, "Unsigned JWS", "--signing-key", "isolated mode")
	wantFault(t, i.run(t, "", "policy", "reset", "SgxEnclave"), exitRefused, "Unsigned JWS", "--signing-key")
	wantFault(t, i.run(t, "", append([]string{"policy", "set", "SgxEnclave", file}, stranger.flags()...)...), exitRefused, "status 400, InvalidOperation")

	set := wantDone[changedPolicy](t, i.run(t, "", append([]string{"policy", "set", "SgxEnclave", file, "--json"}, known.flags()...)...))
	if !set.Signed || set.Signer == nil || set.Signer.Subject != "CN=known" || set.Signer.Thumbprint != azattestation.Thumbprint(known.certificate) {
		t.Errorf("set: %+v", set)
	}

	// Signed on one machine, sent from another.
	jwt := filepath.Join(t.TempDir(), "policy.jwt")
	hashed := wantDone[hashedPolicy](t, runAt(t, testTime, "", append([]string{"policy", "token-hash", file, "--out", jwt, "--json"}, known.flags()...)...))
	sent := wantDone[changedPolicy](t, i.run(t, "", "policy", "set", "OpenEnclave", "--policy-token", jwt, "--json"))
	if sent.PolicyTokenHash != hashed.PolicyTokenHash || sent.PolicyToken != hashed.PolicyToken || !sent.Signed {
		t.Errorf("sent %+v, hashed %+v", sent, hashed)
	}
	printed := runAt(t, testTime, "", "policy", "token-hash", "--policy-token", jwt, "--out", "-")
	if printed.code != exitDone || strings.TrimSpace(printed.stdout) != hashed.PolicyToken {
		t.Errorf("token-hash --out -: %+v", printed)
	}
	if reset := wantDone[changedPolicy](t, i.run(t, "", append([]string{"policy", "reset", "SgxEnclave", "--json"}, known.flags()...)...)); !reset.Signed {
		t.Errorf("reset: %+v", reset)
	}
	// A token with a policy resets nothing, one without sets nothing.
	wantFault(t, i.run(t, "", "policy", "reset", "OpenEnclave", "--policy-token", jwt), exitUsage, "--policy-token")
	wantFault(t, i.run(t, "eyJhbGciOiJub25lIn0..", "policy", "set", "OpenEnclave", "--policy-token", "-"), exitUsage, "--policy-token")
	if i.policies["OpenEnclave"] == nil {
		t.Error("the policy of OpenEnclave is gone")
	}
}

// A reset that was prepared elsewhere is sent as it is.
func TestResetByAPreparedToken(t *testing.T) {
	t.Parallel()
	i := startInstance(t, testTime)
	wantDone[changedPolicy](t, i.run(t, somePolicy, "policy", "set", "Tpm", "-", "--json"))
	got := i.run(t, "eyJhbGciOiJub25lIn0..\n", "policy", "reset", "Tpm", "--policy-token", "-")
	if got.code != exitDone || !strings.Contains(got.stdout, "Removed") || i.policies["Tpm"] != nil {
		t.Errorf("%+v", got)
	}
	wantFault(t, i.run(t, "", "policy", "reset", "Tpm", "--signing-key", "missing.pem", "--signing-cert", "missing.pem"), exitFailed, "signing key")
}

// A service that reports another change than the one it was asked for is refused.
func TestUnconfirmedChangeIsRefused(t *testing.T) {
	t.Parallel()
	i := startInstance(t, testTime)
	i.lie = true
	wantFault(t, i.run(t, somePolicy, "policy", "set", "SgxEnclave", "-"), exitRefused, "does not confirm", "policy token hash", "hint: it has probably changed something")
}

// What a policy says does not reach the terminal if it could do more than show.
func TestHostilePolicyIsNotPrinted(t *testing.T) {
	t.Parallel()
	i := startInstance(t, testTime)
	const hostile = somePolicy + "// \x1b[2J"
	wantDone[changedPolicy](t, i.run(t, hostile, "policy", "set", "SgxEnclave", "-", "--json"))
	wantFault(t, i.run(t, "", "policy", "get", "SgxEnclave"), exitFailed, "no text", "--out")
	if got := i.run(t, "", "policy", "get", "SgxEnclave", "--json"); strings.Contains(got.stdout, "\x1b") || wantDone[shownPolicy](t, got).Policy != hostile {
		t.Errorf("get --json: %q", got.stdout)
	}
}

// Tokens of the service that do not hold are refused: here it signs as another
// instance, and has a clock of its own.
func TestAnswersThatDoNotHoldAreRefused(t *testing.T) {
	t.Parallel()
	i := startInstance(t, testTime)
	other := startInstance(t, testTime)
	late, err := fake.NewIssuer(i.URL(), &fake.IssuerOptions{Now: func() time.Time { return testTime.AddDate(0, 0, -1) }})
	if err != nil {
		t.Fatal(err)
	}
	answer := func(of, keys *fake.Issuer) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/certs" {
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write(keys.JWKS())
				return
			}
			token, err := of.Token(map[string]string{"x-ms-policy": "eyJhbGciOiJub25lIn0.."})
			if err != nil {
				t.Error(err)
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"token":"` + token + `"}`))
		}
	}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"key of another instance":    {answer(other.Issuer, i.Issuer), "signing key"},
		"another instance's answers": {answer(other.Issuer, other.Issuer), "issuer"},
		"expired":                    {answer(late, late), "expiration"},
	} {
		i.answer = test.answer
		got := i.run(t, "", "policy", "get", "SgxEnclave", "--json")
		t.Log(name)
		if f := wantFailure(t, got, exitRefused); f.Check != test.want || f.Message == "" {
			t.Errorf("%+v, want check %s", f, test.want)
		}
		wantFault(t, i.run(t, "", "policy", "get", "SgxEnclave"), exitRefused, "token does not hold: "+test.want)
	}
}
