package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/internal/testport"
)

// served is 'azattest serve' at the tests' time, in this process.
type served struct {
	ready
	t      *testing.T
	dir    string
	now    time.Time
	bearer string
	end    context.CancelFunc
	ended  chan struct{}
	code   int
	log    *safeBuffer
}

// safeBuffer is a buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// startServe runs serve with its data in dir until the test ends or somebody stops
// it, and gives a contributor's bearer.
func startServe(t *testing.T, dir string, args ...string) *served {
	t.Helper()
	return startServeAt(t, testTime, nil, dir, args...)
}

// startServeAt is startServe at another time, in an environment.
func startServeAt(t *testing.T, now time.Time, env map[string]string, dir string, args ...string) *served {
	t.Helper()
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	r := &served{t: t, dir: dir, now: now, end: end, ended: make(chan struct{}), log: new(safeBuffer)}
	file := filepath.Join(t.TempDir(), "ready.json")
	args = append([]string{"serve", "--data-dir", dir, "--ready-file", file}, args...)
	s := Streams{In: strings.NewReader(""), Out: io.Discard, Err: r.log, Now: func() time.Time { return now }, Env: func(name string) string { return env[name] }}
	go func() {
		defer close(r.ended)
		r.code = run(ctx, args, s)
	}()
	t.Cleanup(func() { r.stop() })
	for {
		raw, err := os.ReadFile(file)
		if err == nil {
			if err := json.Unmarshal(raw, &r.ready); err != nil {
				t.Fatal(err)
			}
			break
		}
		select {
		case <-r.ended:
			t.Fatalf("serve ended with %d: %s", r.code, r.log)
		case <-time.After(5 * time.Millisecond):
		}
	}
	r.bearer = r.devToken("contributor")
	return r
}

// startDev runs serve --dev with what is quick to make.
func startDev(t *testing.T, dir string, args ...string) *served {
	t.Helper()
	return startServe(t, dir, append([]string{"--dev", "--listen", "127.0.0.1:0"}, args...)...)
}

// stop ends it as SIGTERM does, and returns its exit code.
func (r *served) stop() int {
	r.end()
	<-r.ended
	return r.code
}

func (r *served) devToken(role string) string {
	r.t.Helper()
	got := runWithAt(r.t, r.now, nil, "dev-token", "--role", role, "--data-dir", r.dir)
	if got.code != exitDone {
		return "" // without --dev
	}
	return strings.TrimSpace(got.stdout)
}

// as runs a command against an instance with a bearer.
func (r *served) as(bearer, endpoint string, args ...string) outcome {
	r.t.Helper()
	args = append(args, "--endpoint", endpoint, "--ca-file", r.CAFile, "--credential", "bearer")
	return runWithAt(r.t, r.now, map[string]string{bearerVariable: bearer}, args...)
}

// on runs a command against an instance as a contributor.
func (r *served) on(endpoint string, args ...string) outcome {
	r.t.Helper()
	return r.as(r.bearer, endpoint, args...)
}

// within asks again until the answer is as wanted, for the second in which a
// service notices what was changed beside it; a loaded machine gets more.
func within(t *testing.T, what string, ask func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ask() {
			return
		}
	}
	t.Fatalf("the service has not noticed: %s", what)
}

// fileOf is the configuration of a service for development, with instances by path.
func configOf(t *testing.T, instances string) string {
	t.Helper()
	return inFile(t, "azattest.yaml", "listen: 127.0.0.1:0\ninstances:\n"+instances)
}

func TestBearerManagesPolicies(t *testing.T) {
	t.Parallel()
	s := startDev(t, t.TempDir(), "--algorithm", "ES256")
	signer, file := authoritySigner(t, "signer"), inFile(t, "policy.txt", permitText)

	unsigned := wantDone[changedPolicy](t, s.on(s.Endpoint, "policy", "set", "SgxEnclave", file, "--json"))
	if unsigned.Result != "Updated" || unsigned.Signed {
		t.Errorf("%+v", unsigned)
	}
	if got := s.on(s.Endpoint, "policy", "get", "SgxEnclave"); got.stdout != permitText {
		t.Errorf("%+v", got)
	}
	signed := wantDone[changedPolicy](t, s.on(s.Endpoint, append([]string{"policy", "set", "OpenEnclave", file, "--json"}, signer.flags()...)...))
	if !signed.Signed || signed.PolicyTokenHash == unsigned.PolicyTokenHash {
		t.Errorf("%+v", signed)
	}
	if got := wantDone[changedPolicy](t, s.on(s.Endpoint, "policy", "reset", "SgxEnclave", "--json")); got.Result != "Removed" {
		t.Errorf("%+v", got)
	}

	wantFault(t, s.as(s.devToken("reader"), s.Endpoint, "policy", "set", "SgxEnclave", file), exitFailed, "status 401", "hint: the caller needs the role")
	wantFault(t, s.as("garbage", s.Endpoint, "policy", "get", "SgxEnclave"), exitFailed, "status 401", bearerVariable)
	wantFault(t, s.as("", s.Endpoint, "policy", "get", "SgxEnclave"), exitFailed, "azattest: credential bearer: the environment variable AZATTEST_BEARER is empty", "hint: put a bearer token there: 'azattest dev-token")
	wantFault(t, s.on(s.Endpoint+"/elsewhere", "policy", "get", "SgxEnclave"), exitFailed, "status 404", "azattest instance list")
	wantFault(t, s.on(s.Endpoint, append([]string{"certs", "add", signer.certificateFile}, signer.flags()...)...), exitRefused, "status 400", "hint: only an instance in isolated mode")
	if strings.Contains(s.log.String(), s.bearer) {
		t.Error("the bearer stands in the log")
	}

	history := wantDone[shownHistory](t, runWith(t, nil, "policy", "history", "OpenEnclave", "--data-dir", s.dir, "--json"))
	if v := history.Versions; len(v) != 1 || !v[0].Signed || v[0].Signer.Subject != "CN=signer" || v[0].By != "sub:development@development" || v[0].PolicyHash != signed.PolicyHash {
		t.Errorf("%+v", history)
	}
}

// What an operator does beside a service takes effect without a restart.
func TestServiceNoticesWhatOperatorsDo(t *testing.T) {
	t.Parallel()
	s := startDev(t, t.TempDir(), "--algorithm", "ES256")
	signer, second, file := authoritySigner(t, "first"), authoritySigner(t, "second"), inFile(t, "policy.txt", permitText)
	vault := s.Endpoint + "/vault"
	made := runWith(t, nil, "instance", "create", "vault", "--url", vault, "--algorithm", "ES256", "--policy-cert", signer.certificateFile, "--data-dir", s.dir)
	if made.code != exitDone {
		t.Fatalf("%+v", made)
	}
	within(t, "the new instance", func() bool { return s.on(vault, "certs", "list").code == exitDone })

	wantFault(t, s.on(vault, "policy", "set", "SgxEnclave", file), exitRefused, "Unsigned JWS", "hint: the instance is in isolated mode")
	wantFault(t, s.on(vault, append([]string{"policy", "set", "SgxEnclave", file}, second.flags()...)...), exitRefused, "CN=second", "hint: the certificate of the key that signed is none")
	for _, step := range []struct {
		args   []string
		signer *policySigner
	}{
		{[]string{"policy", "set", "SgxEnclave", file}, signer},
		{[]string{"certs", "add", second.certificateFile}, signer},
		{[]string{"policy", "reset", "SgxEnclave"}, second},
		{[]string{"certs", "remove", signer.certificateFile}, second},
	} {
		if got := s.on(vault, append(step.args, step.signer.flags()...)...); got.code != exitDone {
			t.Fatalf("%v: %+v", step.args, got)
		}
	}
	wantFault(t, s.on(vault, append([]string{"certs", "remove", second.certificateFile}, second.flags()...)...), exitRefused, "last policy management certificate", "hint: ")

	// Nobody goes back to what a removed signer signed.
	wantFault(t, runWith(t, nil, "policy", "rollback", "SgxEnclave", "--to", "1", "--instance", "vault", "--data-dir", s.dir), exitRefused,
		"chains up to no certificate that the instance lists", "hint: sign the policy anew")
	wantFault(t, runWith(t, nil, "policy", "rollback", "SgxEnclave", "--to", "2", "--instance", "vault", "--data-dir", s.dir), exitFailed,
		"a reset, which has no token", "hint: 'azattest policy reset'")
	history := wantDone[shownHistory](t, runWith(t, nil, "policy", "history", "SgxEnclave", "--instance", "vault", "--data-dir", s.dir, "--json"))
	if v := history.Versions; len(v) != 2 || v[1].Action != "reset" || v[1].Signer == nil || v[1].Signer.Subject != "CN=second" {
		t.Errorf("%+v, want who signed the reset", history)
	}

	s.rotates(t)

	if got := runWith(t, nil, "instance", "delete", "vault", "--yes", "--data-dir", s.dir); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	within(t, "that the instance is gone", func() bool { return s.on(vault, "certs", "list").code == exitFailed })
	if code := s.stop(); code != exitDone {
		t.Errorf("exit code %d after the end, want %d: %s", code, exitDone, s.log)
	}
}

// rotates has the service sign with another key, and tokens of the one before
// verify still.
func (r *served) rotates(t *testing.T) {
	t.Helper()
	before := wantDone[listedKeys](t, runWith(t, nil, "keys", "list", "--data-dir", r.dir, "--json"))
	old := wantDone[changedPolicy](t, r.on(r.Endpoint, "policy", "reset", "SgxEnclave", "--json")).Token
	rotated := wantDone[listedKeys](t, runWith(t, nil, "keys", "rotate", "--algorithm", "ES256", "--announce", "0s", "--data-dir", r.dir, "--json"))
	if len(rotated.Keys) != 1 || rotated.Keys[0].State != keyring.StateActive || rotated.Keys[0].ID == before.Keys[0].ID {
		t.Fatalf("%+v after %+v", rotated, before)
	}
	isKnown := func(kid string) bool {
		got := runWith(t, nil, "signers", "list", "--endpoint", r.Endpoint, "--ca-file", r.CAFile)
		return got.code == exitDone && strings.Contains(got.stdout, kid)
	}
	within(t, "the new key", func() bool { return isKnown(rotated.Keys[0].ID) })
	if got := runWith(t, nil, "token", "verify", inFile(t, "token", old), "--endpoint", r.Endpoint, "--ca-file", r.CAFile); got.code != exitDone {
		t.Errorf("token of the key before: %+v", got)
	}
	wantFault(t, runWith(t, nil, "keys", "revoke", before.Keys[0].ID, "--data-dir", r.dir), exitUsage, "--yes is missing")
	if got := runWith(t, nil, "keys", "revoke", before.Keys[0].ID, "--yes", "--data-dir", r.dir); got.code != exitDone || !strings.Contains(got.stdout, "revoked") {
		t.Errorf("%+v", got)
	}
	within(t, "that a key is revoked", func() bool { return !isKnown(before.Keys[0].ID) })
}

func TestSimulatedSignersOfServeVerify(t *testing.T) {
	t.Parallel()
	s := startDev(t, t.TempDir(), "--algorithm", "ES256")
	got := runWith(t, nil, "signers", "verify", "--simulator-root", filepath.Join(s.dir, "simulator", "root.pem"),
		"--endpoint", s.Endpoint, "--ca-file", s.CAFile, "--json")
	// One key, under the key ID of tokens and that of TPM reports.
	if v := wantDone[verifiedSigners](t, got); !v.Verified || v.Holding != 2 || !v.Signers[0].Simulated || !v.Signers[1].Simulated {
		t.Errorf("%+v", v)
	}
}

func TestConfiguredInstancesAreServedByPath(t *testing.T) {
	t.Parallel()
	dir, signer := t.TempDir(), authoritySigner(t, "signer")
	port := testport.Free(t)
	const quick = "algorithm: ES256"
	instances := func(mode string) string {
		return fmt.Sprintf(`  - {name: a, url: "https://127.0.0.1:%[1]d/a", %[2]s, tokenLifetime: 1h, mode: %[3]s}
  - {name: b, url: "https://127.0.0.1:%[1]d/b", %[2]s, mode: isolated, policyCertificateFiles: [%[4]s]}
  - {name: c, url: "https://127.0.0.1:%[1]d/c", %[2]s, policies: {SgxEnclave: %[5]s}}
`, port, quick, mode, signer.certificateFile, inFile(t, "fixed.txt", permitText))
	}
	listen := fmt.Sprintf("127.0.0.1:%d", port)
	file := configOf(t, instances("aad"))
	s := startServe(t, dir, "--dev", "--config", file, "--listen", listen)
	if len(s.Instances) != 3 || s.Endpoint != s.Instances["a"] || s.CAFile == "" {
		t.Errorf("ready file %+v", s.ready)
	}
	policy := inFile(t, "policy.txt", permitText+"// more")
	if got := s.on(s.Instances["a"], "policy", "set", "SgxEnclave", policy); got.code != exitDone {
		t.Errorf("%+v", got)
	}
	wantFault(t, s.on(s.Instances["b"], "policy", "set", "SgxEnclave", policy), exitRefused, "Unsigned JWS")
	wantFault(t, s.on(s.Instances["c"], "policy", "set", "SgxEnclave", policy), exitRefused, "fixed by the service's configuration", "hint: whoever runs the service")
	if got := s.on(s.Instances["c"], "policy", "get", "SgxEnclave"); got.stdout != permitText {
		t.Errorf("%+v", got)
	}
	// The operator cannot do either what the configuration forbids.
	shown := wantDone[shownInstance](t, runWith(t, nil, "instance", "show", "c", "--config", file, "--data-dir", dir, "--json"))
	if shown.Policies[0].Source != "configuration" {
		t.Errorf("%+v", shown.Policies[0])
	}
	if got := s.on(s.Instances["a"], "policy", "set", "SgxEnclave", inFile(t, "policy.txt", permitText)); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	back := func(args ...string) outcome {
		return runWith(t, nil, append([]string{"policy", "rollback", "SgxEnclave", "--config", file, "--data-dir", dir}, args...)...)
	}
	if made := wantDone[shownHistory](t, back("--instance", "a", "--to", "1", "--json")); made.Versions[0].Version != 3 || !strings.HasPrefix(made.Versions[0].By, "operator") {
		t.Errorf("%+v", made)
	}
	within(t, "the rollback", func() bool {
		return strings.HasSuffix(s.on(s.Instances["a"], "policy", "get", "SgxEnclave").stdout, "// more")
	})
	if again := back("--instance", "a", "--to", "1"); again.code != exitDone || !strings.Contains(again.stderr, "nothing to do: version 3") {
		t.Errorf("%+v", again)
	}
	wantFault(t, back("--instance", "a", "--to", "9"), exitFailed, "no version 9", "hint: 'azattest policy history'")
	wantFault(t, back("--instance", "a", "--to", "0"), exitUsage, "--to 0: want a version, from 1")
	wantFault(t, back("--instance", "a"), exitUsage, "--to is missing")
	wantFault(t, back("--to", "1"), exitFailed, "no such instance: default", "hint: name one with --instance")
	wantFault(t, runWith(t, nil, "policy", "history", "Sgx2", "--data-dir", dir), exitUsage, `attestation type "Sgx2"`)
	// Nobody else serves from here.
	wantFault(t, runWith(t, nil, "serve", "--dev", "--config", file, "--data-dir", dir, "--listen", "127.0.0.1:0"), exitFailed, "in use by another process", "hint: another azattest serves from it")
	if code := s.stop(); code != exitDone {
		t.Fatalf("exit code %d: %s", code, s.log)
	}
	// A mode is for ever.
	wantFault(t, runWith(t, nil, "serve", "--dev", "--config", configOf(t, instances("shared")), "--data-dir", dir, "--listen", "127.0.0.1:0"), exitRefused,
		"Mode: Shared, want AAD as it was made", "hint: the store has this instance already")
}

// Without a URL the instance is where the service listens, and moves with it.
func TestDevelopmentInstanceMovesWithItsPort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startDev(t, dir, "--algorithm", "ES256")
	set := first.on(first.Endpoint, "policy", "set", "SgxEnclave", inFile(t, "policy.txt", permitText))
	if set.code != exitDone || first.stop() != exitDone {
		t.Fatalf("%+v: %s", set, first.log)
	}
	second := startServe(t, dir, "--dev", "--listen", fmt.Sprintf("127.0.0.1:%d", testport.Free(t)), "--algorithm", "ES256")
	if second.Endpoint == first.Endpoint || second.CAFile != first.CAFile {
		t.Errorf("%+v after %+v", second.ready, first.ready)
	}
	if got := second.on(second.Endpoint, "policy", "get", "SgxEnclave"); got.stdout != permitText {
		t.Errorf("%+v", got)
	}
	if list := runWith(t, nil, "instance", "list", "--data-dir", dir); !strings.Contains(list.stdout, second.Endpoint+"\n") {
		t.Errorf("%+v", list)
	}
}

func TestKeysAreSealedByTheWrappingKey(t *testing.T) {
	t.Parallel()
	dir, folder := t.TempDir(), t.TempDir()
	first, second := filepath.Join(folder, "first"), filepath.Join(folder, "second")
	for _, name := range []string{first, second} {
		if got := runWith(t, nil, "keys", "wrapping-key", "--out", name); got.code != exitDone || got.stdout != "" {
			t.Fatalf("%+v", got)
		}
	}
	if info, err := os.Stat(first); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v (%v), want it readable by its owner alone", info, err)
	}
	wantFault(t, runWith(t, nil, "keys", "wrapping-key", "--out", first), exitFailed, "file exists")
	if got := runWith(t, nil, "keys", "wrapping-key", "--out", "-"); len(got.stdout) != 45 {
		t.Errorf("%+v", got)
	}

	with := func(keys string) string {
		return inFile(t, "azattest.yaml", "dataDir: "+dir+"\nlisten: 127.0.0.1:0\nbehindProxy: true\nkeys: {"+keys+"}\ninstances: [{name: a, url: 'https://a.example', algorithm: ES256}]\n")
	}
	one := with("wrappingKeyFile: " + first)
	s := startServe(t, dir, "--config", one)
	if s.CAFile != "" || s.Endpoint != "https://a.example" {
		t.Errorf("%+v", s.ready)
	}
	listed := wantDone[listedKeys](t, runWith(t, nil, "keys", "list", "--config", one, "--json"))
	if len(listed.Keys) != 1 || listed.Keys[0].WrappedWith == "" || listed.Keys[0].Attested {
		t.Errorf("%+v", listed)
	}
	if s.stop() != exitDone {
		t.Fatal(s.log)
	}

	other := with("wrappingKeyFile: " + second)
	for _, args := range [][]string{{"serve"}, {"keys", "list"}, {"keys", "rewrap"}, {"keys", "rotate", "--algorithm", "ES256"}} {
		wantFault(t, runWith(t, nil, append(args, "--config", other)...), exitFailed, "sealed with the wrapping key "+listed.Keys[0].WrappedWith, "hint: give the wrapping key as the service has it")
	}
	wantFault(t, runWith(t, nil, "keys", "rotate", "--algorithm", "ES256", "--data-dir", dir), exitFailed, "none is given")
	wantFault(t, runWith(t, nil, "keys", "list", "--config", with("bits: 2048")), exitFailed, "no wrapping key is configured", "hint: give it as the service has it")
	wantFault(t, runWith(t, nil, "serve", "--config", with("wrappingKeyFile: "+filepath.Join(folder, "missing"))), exitFailed, "no such file", "hint: make one with azattest keys wrapping-key")
	if got := runWith(t, nil, "serve", "--config", with("bits: 2048")); got.code != exitRefused || !strings.Contains(got.stderr, "keys.wrappingKeyFile: missing") {
		t.Errorf("%+v", got)
	}

	change := with("wrappingKeyFile: " + second + ", previousWrappingKeyFiles: [" + first + "]")
	if got := runWith(t, nil, "keys", "rewrap", "--config", change); got.stdout != "rewrapped 1 key\n" {
		t.Errorf("%+v", got)
	}
	if got := wantDone[rewrappedKeys](t, runWith(t, nil, "keys", "rewrap", "--config", change, "--json")); got.Rewrapped != 0 {
		t.Errorf("%+v, want nothing left to do", got)
	}
	if got := wantDone[listedKeys](t, runWith(t, nil, "keys", "list", "--config", other, "--json")); len(got.Keys) != 1 || got.Keys[0].ID != listed.Keys[0].ID {
		t.Errorf("%+v", got)
	}
	wantFault(t, runWith(t, nil, "keys", "list", "--config", one), exitFailed, "sealed with the wrapping key")
}

func TestKeysRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	dir := emptyState(t)
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"unknown algorithm": {[]string{"rotate", "--algorithm", "HS256"}, exitUsage, `--algorithm "HS256"`},
		"time before now":   {[]string{"rotate", "--announce", "-1h"}, exitUsage, "--announce -1h0m0s"},
		"unknown key":       {[]string{"revoke", "nobody's", "--yes"}, exitFailed, "hint: 'azattest keys list'"},
		"unknown record":    {[]string{"discard", "nobody's", "--yes"}, exitFailed, "nobody's"},
		"unsure":            {[]string{"discard", "nobody's"}, exitUsage, "--yes is missing"},
		"nothing to wrap":   {[]string{"rewrap"}, exitFailed, "no wrapping key is configured"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append(append([]string{"keys"}, test.args...), "--data-dir", dir)
			wantFault(t, runWith(t, nil, args...), test.code, test.want)
		})
	}
	if got := runWith(t, nil, "keys", "list", "--data-dir", dir, "--json"); got.stdout != "{\n  \"keys\": []\n}\n" {
		t.Errorf("%+v", got)
	}
}

// What keeps a service from starting is said in one line, with what to do.
func TestServeRefusesWhatItCannotServe(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() }) // the parts of this test outlast it
	instance := `  - {name: a, url: "https://localhost:1/a", algorithm: ES256}` + "\n"
	plainFile := inFile(t, "file", "")
	for name, test := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"audit folder that is a file":  {[]string{"--dev", "--config", configOf(t, instance+"audit: {dir: "+plainFile+"}\n")}, exitFailed, []string{"audit.dir: ", "hint: name a folder"}},
		"metrics port that is taken":   {[]string{"--dev", "--config", configOf(t, instance+"telemetry: {metricsListen: "+taken.Addr().String()+"}\n")}, exitFailed, []string{"telemetry.metricsListen: ", "address already in use", "hint: choose another address"}},
		"port that is taken":           {[]string{"--dev", "--listen", taken.Addr().String()}, exitFailed, []string{"address already in use", "hint: choose another --listen"}},
		"flag beside a configuration":  {[]string{"--dev", "--config", configOf(t, instance), "--algorithm", "ES256"}, exitUsage, []string{"--algorithm stands beside --config: say it in the file"}},
		"TLS of a development service": {[]string{"--dev", "--config", configOf(t, instance+"tls: {certificateFile: a.pem, keyFile: b.pem}\n")}, exitUsage, []string{"--dev makes its own certificate"}},
		"development for others":       {[]string{"--dev", "--config", inFile(t, "azattest.yaml", "listen: 0.0.0.0:0\n")}, exitUsage, []string{"--dev serves loopback only"}},
		"no configuration":             {[]string{"--config", filepath.Join(t.TempDir(), "missing.yaml")}, exitFailed, []string{"configuration: ", "no such file"}},
		"lifetime beyond the keys'":    {[]string{"--dev", "--listen", "127.0.0.1:0", "--algorithm", "ES256", "--token-lifetime", "48h"}, exitUsage, []string{"azattest: --token-lifetime: 48h0m0s, want at most 24h0m0s", "hint: run 'azattest serve --help'"}},
		"fixed policy that is none":    {[]string{"--dev", "--listen", "127.0.0.1:0", "--algorithm", "ES256", "--policy-sgx", plainFile}, exitUsage, []string{"policy of SgxEnclave"}},
		"fixed policy that is missing": {[]string{"--dev", "--listen", "127.0.0.1:0", "--algorithm", "ES256", "--policy-sgx", plainFile + "x"}, exitFailed, []string{"policy of SgxEnclave", "no such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runWith(t, nil, append([]string{"serve", "--data-dir", t.TempDir()}, test.args...)...)
			// The log may have begun before.
			if at := strings.Index(got.stderr, "azattest: "); at > 0 && strings.HasPrefix(got.stderr, "time=") {
				got.stderr = got.stderr[at:]
			}
			wantFault(t, got, test.code, test.want...)
		})
	}
}

// The environment stands above the file.
func TestServeReadsTheEnvironment(t *testing.T) {
	t.Parallel()
	file := configOf(t, `  - {name: a, url: "https://localhost:1/a"}`+"\n")
	got := runWith(t, map[string]string{"AZATTEST_LISTEN": "0.0.0.0:0"}, "serve", "--dev", "--config", file, "--data-dir", t.TempDir())
	wantFault(t, got, exitUsage, `--dev serves loopback only, not "0.0.0.0:0"`)
	got = runWith(t, map[string]string{"AZATTEST_KEYS_BITS": "many"}, "serve", "--dev", "--config", file, "--data-dir", t.TempDir())
	if got.code != exitRefused || !strings.Contains(got.stderr, "AZATTEST_KEYS_BITS: keys.bits: want a whole number") {
		t.Errorf("%+v", got)
	}
}
