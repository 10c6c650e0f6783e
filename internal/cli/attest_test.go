package cli

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/simulator"
	"github.com/azattest/azattest/token"
)

// ownService is our own service on loopback, and quotes of the platform that it
// trusts.
type ownService struct {
	*running
	dataDir                string
	quote, report, keyFile string
}

// startOwnService starts the service; policy is that of SGX quotes, "" for the
// default.
func startOwnService(t *testing.T, policy string) *ownService {
	t.Helper()
	dir := t.TempDir()
	s := Streams{Now: func() time.Time { return testTime }}
	o := &serveOptions{
		listen: "127.0.0.1:0", dataDir: dir, dev: true, source: sourceFlags{from: collateral.IntelPCS, cache: filepath.Join(dir, "cache")},
		at: new(timeFlag), algorithm: string(token.ES256), tokenLifetime: time.Hour,
	}
	if policy != "" {
		o.policySGX = inFile(t, "policy.txt", policy)
	}
	service, err := startService(t.Context(), s, o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.close)
	platform, err := openSimulator(dir, testTime)
	if err != nil {
		t.Fatal(err)
	}
	const key = `{"key": "of an enclave"}`
	own := &ownService{running: service, dataDir: dir, keyFile: inFile(t, "key.json", key)}
	body := simulator.Report{ISVProdID: 7, ReportData: simulator.Bind([]byte(key))}
	quote, err := platform.Quote(body)
	if err != nil {
		t.Fatal(err)
	}
	report, err := platform.OpenEnclaveReport(body)
	if err != nil {
		t.Fatal(err)
	}
	own.quote, own.report = inFile(t, "quote.bin", string(quote)), inFile(t, "report.bin", string(report))
	return own
}

func (o *ownService) run(t *testing.T, args ...string) outcome {
	t.Helper()
	return runAt(t, testTime, "", append(args, "--endpoint", o.Endpoint, "--ca-file", o.CAFile)...)
}

// shownAttestation is what attest --json prints.
type shownAttestation struct {
	Verified                        bool
	Issuer, KeyID, Algorithm, Token string
	Expires                         time.Time
	Claims                          map[string]any
}

// Evidence goes to the service, a verified token comes back, and that token
// verifies again.
func TestAttestWithOurService(t *testing.T) {
	t.Parallel()
	o := startOwnService(t, "")
	for kind, file := range map[string]string{"sgx": o.quote, "openenclave": o.report} {
		got := wantDone[shownAttestation](t, o.run(t, "attest", kind, file, "--runtime-data", o.keyFile, "--runtime-data-json", "--nonce", "once", "--json"))
		if !got.Verified || got.Issuer != o.Endpoint || got.Algorithm != "ES256" || got.KeyID == "" || !got.Expires.Equal(testTime.Add(time.Hour)) {
			t.Errorf("%s: %+v", kind, got)
		}
		runtime, _ := got.Claims["x-ms-runtime"].(map[string]any)
		if got.Claims["nonce"] != "once" || runtime["key"] != "of an enclave" {
			t.Errorf("%s: claims %v", kind, got.Claims)
		}
	}
	printed := o.run(t, "attest", "sgx", o.quote)
	if printed.code != exitDone || strings.Count(printed.stdout, ".") != 2 || strings.Count(printed.stdout, "\n") != 1 {
		t.Fatalf("%+v, want a token on a line", printed)
	}
	token := inFile(t, "token.jwt", printed.stdout)
	if got := o.run(t, "token", "verify", token); got.code != exitDone {
		t.Errorf("token verify: %+v", got)
	}
	certs := []string{"token", "show", token, "--certs", o.Endpoint + "/certs", "--ca-file", o.CAFile, "--issuer", o.Endpoint}
	if got := runAt(t, testTime, "", certs...); got.code != exitDone || !strings.HasPrefix(got.stdout, "verified: ") {
		t.Errorf("token show: %+v", got)
	}
	// The simulated platform vouches for the key of this service, which stands there
	// under the key ID of tokens and that of TPM reports, and Intel does not.
	if got := o.run(t, "signers", "verify", "--simulator-root", simulatorRoot(o.dataDir)); got.code != exitDone || !strings.Contains(got.stdout, "2 hold") {
		t.Errorf("signers verify: %+v", got)
	}
	if got := o.run(t, "signers", "verify"); got.code != exitRefused || !strings.Contains(got.stdout, "whose key is not trusted") {
		t.Errorf("signers verify: %+v", got)
	}
}

func TestDraftPolicyGivesATokenThatNobodySigned(t *testing.T) {
	t.Parallel()
	o := startOwnService(t, "")
	draft := inFile(t, "draft.txt", `version= 1.0;authorizationrules{=> permit();};issuancerules{=> issue(type="tried", value=true);};`)
	answer := o.run(t, "attest", "sgx", o.quote, "--draft-policy", draft, "--json")
	got := wantDone[shownAttestation](t, answer)
	if !strings.Contains(answer.stderr, "not signed: it proves nothing") {
		t.Errorf("stderr %q, want a warning", answer.stderr)
	}
	if got := o.run(t, "attest", "sgx", o.quote); got.stderr != "" {
		t.Errorf("stderr %q of a token that is signed", got.stderr)
	}
	if got.Verified || got.Algorithm != "none" || got.Issuer != "" || got.KeyID != "" || got.Claims["tried"] != true {
		t.Errorf("%+v", got)
	}
}

func TestRefusedEvidence(t *testing.T) {
	t.Parallel()
	o := startOwnService(t, "version= 1.0;authorizationrules{[type==\"x-ms-sgx-product-id\", value==8] => permit();};issuancerules{};")
	other := inFile(t, "other.json", `{"key": "of somebody else"}`)
	permit := inFile(t, "permit.txt", somePolicy)
	wantFault(t, o.run(t, "attest", "sgx", o.quote), exitRefused, "status 400, PolicyEvaluationError", "hint: the evidence holds, the policy says no")
	wantFault(t, o.run(t, "attest", "sgx", o.quote, "--draft-policy", inFile(t, "bad.txt", "version= 1.0;nonsense")), exitRefused, "status 400")
	wantFault(t, o.run(t, "attest", "sgx", o.quote, "--draft-policy", permit, "--runtime-data", other), exitRefused, "status 400")
	wantFault(t, o.run(t, "attest", "openenclave", o.quote), exitRefused, "status 400")
	wantFault(t, o.run(t, "attest", "sgx", o.quote, "--nonce", "once", "--api-version", "2020-10-01"), exitUsage, "--api-version", "2022-08-01 or later for a nonce")
	wantFault(t, runAt(t, testTime, "", "attest", "sgx", o.quote, "--endpoint", o.Endpoint), exitFailed, "certificate", "hint: name the CA")
	wantFault(t, runAt(t, testTime, "", "attest", "sgx", o.quote), exitUsage, "--endpoint is missing")
	wantFault(t, o.run(t, "attest", "sgx", "missing.bin"), exitFailed, "missing.bin")
}

// The demo tells its story, or prints it as one document.
func TestDemo(t *testing.T) {
	t.Parallel()
	type shownDemo struct {
		shownAttestation
		Endpoint, Evidence  string
		Simulated, Verified bool
	}
	got := wantDone[shownDemo](t, runAt(t, testTime, "", "demo", "--json"))
	if !got.Verified || !got.Simulated || got.Issuer != got.Endpoint || got.Evidence != "simulated SGX quote" || got.Claims["x-azattest-simulated"] != true {
		t.Errorf("%+v", got)
	}
	told := runAt(t, testTime, "", "demo")
	for _, want := range []string{"4. attest: evidence in, token out", "5. fetch the signing keys", "6. verify the token", "7. read the claims"} {
		if told.code != exitDone || !strings.Contains(told.stdout, want) {
			t.Errorf("exit code %d; %q does not stand in %s%s", told.code, want, told.stdout, told.stderr)
		}
	}
}
