package cli

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/store"
)

// permitText is a policy that says yes.
const permitText = "version= 1.0;authorizationrules{=> permit();};issuancerules{};"

// runWith runs a command at the tests' time, with an environment.
func runWith(t *testing.T, env map[string]string, args ...string) outcome {
	t.Helper()
	return runWithAt(t, testTime, env, args...)
}

// runWithAt is runWith at another time.
func runWithAt(t *testing.T, now time.Time, env map[string]string, args ...string) outcome {
	t.Helper()
	var out, err bytes.Buffer
	s := Streams{
		In: strings.NewReader(""), Out: &out, Err: &err, Now: func() time.Time { return now },
		Env: func(name string) string { return env[name] },
	}
	code := run(t.Context(), args, s)
	return outcome{code, out.String(), err.String()}
}

// emptyState is the data directory of a service that has run, with no instances.
func emptyState(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	c := config.Default()
	c.DataDir = dir
	records, err := openStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := records.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// signerOf makes a policy signer with a certificate like the template.
func signerOf(t *testing.T, template x509.Certificate) *policySigner {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signerWith(t, key, template)
}

func signerWith(t *testing.T, key crypto.Signer, template x509.Certificate) *policySigner {
	t.Helper()
	template.SerialNumber, template.BasicConstraintsValid = big.NewInt(1), true
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = testTime.Add(-time.Hour), testTime.AddDate(1, 0, 0)
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &policySigner{
		certificate:     c,
		keyFile:         inFile(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))),
		certificateFile: inFile(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
	}
}

// authoritySigner may sign policies where its certificate is listed.
func authoritySigner(t *testing.T, name string) *policySigner {
	t.Helper()
	return signerOf(t, x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true})
}

func TestInstanceCreateRefusesWhatMakesNoInstance(t *testing.T) {
	t.Parallel()
	dir := emptyState(t)
	good := authoritySigner(t, "good")
	leaf := signerOf(t, x509.Certificate{Subject: pkix.Name{CommonName: "leaf"}})
	old := signerOf(t, x509.Certificate{Subject: pkix.Name{CommonName: "old"}, IsCA: true, NotBefore: testTime.AddDate(-2, 0, 0), NotAfter: testTime.AddDate(-1, 0, 0)})
	weakKey, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // what is too weak must be refused
	if err != nil {
		t.Fatal(err)
	}
	weak := signerWith(t, weakKey, x509.Certificate{Subject: pkix.Name{CommonName: "weak"}, IsCA: true})
	const url = "https://a.example"
	if got := runWith(t, nil, "instance", "create", "taken", "--url", "https://taken.example", "--host", "other.example", "--data-dir", dir); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no URL":                      {[]string{"a"}, exitUsage, "--url is missing"},
		"plain HTTP":                  {[]string{"a", "--url", "http://a.example"}, exitUsage, `--url: issuer URL "http://a.example": uses http, want https`},
		"no URL at all":               {[]string{"a", "--url", "a.example"}, exitUsage, "--url: "},
		"name with capitals":          {[]string{"A", "--url", url}, exitUsage, `NAME: "A", want`},
		"unknown mode":                {[]string{"a", "--url", url, "--mode", "open"}, exitUsage, `--mode "open": want aad, isolated or shared`},
		"unknown type":                {[]string{"a", "--url", url, "--types", "Sgx2"}, exitUsage, `attestation type "Sgx2"`},
		"unknown algorithm":           {[]string{"a", "--url", url, "--algorithm", "HS256"}, exitUsage, `--algorithm: "HS256"`},
		"state of no platform":        {[]string{"a", "--url", url, "--accept-tcb-status", "Revoked"}, exitUsage, "--accept-tcb-status: Revoked can never be accepted"},
		"lifetime of nothing":         {[]string{"a", "--url", url, "--token-lifetime", "0s"}, exitUsage, "--token-lifetime 0s: want whole seconds"},
		"lifetime beyond the keys'":   {[]string{"a", "--url", url, "--token-lifetime", "48h"}, exitUsage, "--token-lifetime: 48h0m0s, want at most 24h0m0s"},
		"bad host":                    {[]string{"a", "--url", url, "--host", "a/b"}, exitUsage, `--host: "a/b"`},
		"isolated by nobody":          {[]string{"a", "--url", url, "--mode", "isolated"}, exitUsage, "--policy-cert is missing"},
		"shared with signers":         {[]string{"a", "--url", url, "--mode", "shared", "--policy-cert", good.certificateFile}, exitUsage, "--policy-cert is for --mode isolated, not shared"},
		"name that is taken":          {[]string{"taken", "--url", url}, exitFailed, "name is taken by instance taken"},
		"URL that is taken":           {[]string{"a", "--url", "https://taken.example"}, exitFailed, "taken.example is taken by instance taken"},
		"host that is taken":          {[]string{"a", "--url", "https://other.example"}, exitFailed, "other.example is taken by instance taken"},
		"certificate of no authority": {[]string{"a", "--url", url, "--policy-cert", leaf.certificateFile}, exitRefused, "cannot sign: "},
		"weak key":                    {[]string{"a", "--url", url, "--policy-cert", weak.certificateFile}, exitRefused, "RSA modulus of 1024 bits"},
		"weak key beside a good one":  {[]string{"a", "--url", url, "--policy-cert", good.certificateFile, "--policy-cert", weak.certificateFile}, exitRefused, "RSA modulus of 1024 bits"},
		"expired certificate":         {[]string{"a", "--url", url, "--policy-cert", old.certificateFile}, exitRefused, "want one that is valid now"},
		"certificate twice":           {[]string{"a", "--url", url, "--policy-cert", good.certificateFile, "--policy-cert", good.certificateFile}, exitUsage, "twice"},
		"key for certificate":         {[]string{"a", "--url", url, "--policy-cert", good.keyFile}, exitFailed, "a PEM block PRIVATE KEY, want certificates and nothing else"},
		"no certificate":              {[]string{"a", "--url", url, "--policy-cert", inFile(t, "empty.pem", "")}, exitFailed, "no certificate in PEM"},
		"no file":                     {[]string{"a", "--url", url, "--policy-cert", filepath.Join(dir, "missing")}, exitFailed, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"instance", "create"}, test.args...)
			wantFault(t, runWith(t, nil, append(args, "--data-dir", dir)...), test.code, test.want)
		})
	}
}

func TestInstancesAreShownWithTheirDefaults(t *testing.T) {
	t.Parallel()
	dir := emptyState(t)
	signer := authoritySigner(t, "signer")
	made := wantDone[shownInstance](t, runWith(t, nil, "instance", "create", "vault", "--url", "https://vault.example", "--policy-cert", signer.certificateFile,
		"--types", "SgxEnclave", "--token-lifetime", "90m", "--attest-needs-reader", "--data-dir", dir, "--json"))
	if made.Mode != "Isolated" || made.TokenLifetime != "1h30m0s" || made.Algorithm != "RS256" || len(made.AcceptedTCB) != 2 || !made.AttestationNeedsReader {
		t.Errorf("%+v", made)
	}
	if len(made.Certificates) != 1 || made.Certificates[0].Thumbprint != policytoken.Thumbprint(signer.certificate) || !strings.HasPrefix(made.Certificates[0].AddedBy, "operator") {
		t.Errorf("certificates %+v", made.Certificates)
	}
	if p := made.Policies[0]; p.Type != "SgxEnclave" || p.Source != "default" || p.Hash == "" {
		t.Errorf("policies %+v", made.Policies)
	}
	if got := runWith(t, nil, "instance", "create", "plain", "--url", "https://plain.example", "--data-dir", dir); got.code != exitDone || !strings.Contains(got.stdout, "token lifetime         8h0m0s\n") {
		t.Errorf("%+v", got)
	}
	list := runWith(t, nil, "instance", "list", "--data-dir", dir, "--json")
	if listed := wantDone[listedInstances](t, list); len(listed.Instances) != 2 || listed.Instances[0].Name != "plain" || listed.Instances[0].TokenLifetime != "8h0m0s" {
		t.Errorf("%+v", listed)
	}
	if strings.Contains(list.stdout, "null") {
		t.Errorf("null in %s", list.stdout)
	}
	wantFault(t, runWith(t, nil, "instance", "show", "vaults", "--data-dir", dir), exitFailed, "no such instance: vaults", "hint: 'azattest instance list'")
	wantFault(t, runWith(t, nil, "instance", "delete", "vault", "--data-dir", dir), exitUsage, "--yes is missing")
	if gone := wantDone[deletedInstance](t, runWith(t, nil, "instance", "delete", "vault", "--yes", "--data-dir", dir, "--json")); gone.Deleted != "vault" {
		t.Errorf("%+v", gone)
	}
	wantFault(t, runWith(t, nil, "instance", "delete", "vault", "--yes", "--data-dir", dir), exitFailed, "no such instance")
}

// No command makes a store: it may run as somebody else than the service.
func TestCommandsMakeNoState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := inFile(t, "azattest.yaml", "dataDir: "+dir+"\n")
	for _, at := range [][]string{{"--data-dir", dir}, {"--config", file}} {
		for _, args := range [][]string{{"instance", "list"}, {"keys", "list"}, {"policy", "history", "SgxEnclave"}, {"backup", "--out", filepath.Join(dir, "out")}} {
			wantFault(t, runWith(t, nil, append(args, at...)...), exitFailed, "store: ", "hint: start the service once")
		}
	}
	memory := inFile(t, "azattest.yaml", "store: {driver: memory}\n")
	wantFault(t, runWith(t, nil, "instance", "list", "--config", memory), exitFailed, "no command reaches it")
	if got := runWith(t, nil, "instance", "list", "--config", inFile(t, "azattest.yaml", "store: {driver: files}\n")); got.code != exitRefused || !strings.Contains(got.stderr, "store.driver") {
		t.Errorf("%+v, want the fault of the configuration", got)
	}
	// A folder beside a configuration takes the place of the one in it, as of serve.
	if got := runWith(t, nil, "instance", "list", "--config", file, "--data-dir", emptyState(t)); got.code != exitDone {
		t.Errorf("%+v", got)
	}
}

func TestBackupIsRestoredElsewhere(t *testing.T) {
	t.Parallel()
	from, to, backup := emptyState(t), t.TempDir(), filepath.Join(t.TempDir(), "backup")
	if got := runWith(t, nil, "instance", "create", "a", "--url", "https://a.example", "--data-dir", from); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	made := wantDone[shownBackup](t, runWith(t, nil, "backup", "--out", backup, "--data-dir", from, "--json"))
	if made.Records == 0 || made.SHA256 == "" {
		t.Errorf("%+v", made)
	}
	wantFault(t, runWith(t, nil, "backup", "--out", backup, "--data-dir", from), exitFailed, "file exists", "hint: choose another name")
	wantFault(t, runWith(t, nil, "backup", "--data-dir", from), exitUsage, "--out is missing")
	wantFault(t, runWith(t, nil, "backup", "--out", "-", "--json", "--data-dir", from), exitUsage, "both want standard output")
	piped := runWith(t, nil, "backup", "--out", "-", "--data-dir", from)
	raw, err := readFile(backup)
	if err != nil || piped.stdout != string(raw) || !strings.HasPrefix(piped.stderr, "backed up: ") {
		t.Errorf("standard output differs from the file (%v), stderr %q", err, piped.stderr)
	}
	if checked := wantDone[shownBackup](t, runWith(t, nil, "restore", backup, "--check", "--json")); checked != made {
		t.Errorf("checked %+v, want %+v", checked, made)
	}
	if restored := wantDone[shownBackup](t, runWith(t, nil, "restore", backup, "--data-dir", to, "--json")); restored != made {
		t.Errorf("restored %+v, want %+v", restored, made)
	}
	if list := runWith(t, nil, "instance", "list", "--data-dir", to); !strings.Contains(list.stdout, "https://a.example") {
		t.Errorf("%+v", list)
	}
	wantFault(t, runWith(t, nil, "restore", backup, "--data-dir", to), exitFailed, "not empty", "hint: name another --data-dir")
	wantFault(t, runWith(t, nil, "restore", filepath.Join(to, "missing"), "--data-dir", to), exitFailed, "no such file")
	wantFault(t, runWith(t, nil, "restore", "-", "--data-dir", to), exitUsage, "give it as a file")
}

func TestDamagedBackupIsRefused(t *testing.T) {
	t.Parallel()
	from, backup := emptyState(t), filepath.Join(t.TempDir(), "backup")
	if got := runWith(t, nil, "instance", "create", "a", "--url", "https://a.example", "--data-dir", from); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	if got := runWith(t, nil, "backup", "--out", backup, "--data-dir", from); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	raw, err := readFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	whole := string(raw)
	for name, text := range map[string]string{
		"cut short": whole[:len(whole)/2], "a letter changed": strings.Replace(whole, "instances/a", "instances/b", 1),
		"a line twice": strings.Replace(whole, "\n", "\n"+strings.SplitN(whole, "\n", 3)[1]+"\n", 1), "something else": "hello\n", "nothing": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, to := inFile(t, "damaged", text), t.TempDir()
			wantFault(t, runWith(t, nil, "restore", file, "--check"), exitRefused, "backup: line ", "hint: take another backup")
			wantFault(t, runWith(t, nil, "restore", file, "--data-dir", to), exitRefused, "backup: line ")
			// Nothing was written.
			if got := runWith(t, nil, "restore", backup, "--data-dir", to); got.code != exitDone {
				t.Errorf("restore of the whole one: %+v", got)
			}
		})
	}
}

// A store that cannot be read is not served, and says what to do.
func TestUnreadableStoresAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := writeFile(filepath.Join(dir, "store.db"), []byte("this is no database, but text that stands in its place")); err != nil {
		t.Fatal(err)
	}
	wantFault(t, runWith(t, nil, "instance", "list", "--data-dir", dir), exitFailed, "no SQLite database")
	wantFault(t, runWith(t, nil, "serve", "--dev", "--listen", "127.0.0.1:0", "--data-dir", dir), exitFailed, "no SQLite database")

	cut := emptyState(t)
	c := config.Default()
	c.DataDir = cut
	records, err := openStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := records.Commit(t.Context(), store.Put("instances/a", []byte("no JSON"), 0)); err != nil {
		t.Fatal(err)
	}
	if err := records.Close(); err != nil {
		t.Fatal(err)
	}
	wantFault(t, runWith(t, nil, "instance", "list", "--data-dir", cut), exitFailed, "record instances/a cannot be read")
}
