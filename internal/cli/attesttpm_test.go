package cli

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/testtpm"
)

// bench is a TPM, an instance, and a folder for keys.
type bench struct {
	*remoteInstance
	tpm *testtpm.TPM
	dir string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return &bench{startInstance(t, testTime), testtpm.Start(t), t.TempDir()}
}

func (b *bench) file(name string) string { return filepath.Join(b.dir, name) }

// run runs a command with the TPM, the AIK and the instance.
func (b *bench) run(t *testing.T, args ...string) outcome {
	t.Helper()
	common := []string{"--tpm", b.tpm.Name(), "--aik", b.file("aik.json"), "--endpoint", b.URL(), "--ca-file", b.caFile, "--credential", "none"}
	return runAt(t, testTime, "", slices.Concat(args[:2], common, args[2:])...)
}

// sent returns the last request.
func (b *bench) sent() *sentToTPM {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sentToTPM
}

func TestAttestTPM(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := wantDone[shownAttestation](t, b.run(t, "attest", "tpm", "--json", "--nonce", "4711", "--rp-id", "https://rp.example",
		"--claim", "name=value=x", "--claim", "level:integer=3", "--claim", "ready:boolean=true", "--bank", "sha256,sha1", "--pcrs", "0-2,7"))
	if !got.Verified || got.Issuer != b.URL() || got.Claims["nonce"] != "NDcxMQ" || got.Claims["fromTPM"] != true {
		t.Errorf("%+v", got)
	}
	sent := b.sent()
	if sent.header != `{"alg":"PS256","typ":"attReqV2"}` || sent.data.RPID != "https://rp.example" || sent.data.RPData != "NDcxMQ" {
		t.Errorf("sent %+v", sent)
	}
	if c := sent.data.CustomClaims; len(c) != 3 || c[0].Value != "value=x" || c[0].ValueType != "String" || c[1].ValueType != "Integer" || c[2].ValueType != "Boolean" {
		t.Errorf("claims %+v", c)
	}
	if p := sent.data.TPM.Current.PCRs; len(p) != 2 || p[0].Algorithm != 0x0b || p[1].Algorithm != 4 || len(p[0].Values) != 4 || p[1].Values[3].Index != 7 {
		t.Errorf("PCRs %+v", p)
	}
	if len(sent.data.TPM.Current.Logs) != 0 {
		t.Error("logs of this machine for another TPM")
	}
	printed := b.run(t, "attest", "tpm")
	if printed.code != exitDone || strings.Count(printed.stdout, ".") != 2 || strings.Count(printed.stdout, "\n") != 1 || printed.stderr != "" {
		t.Errorf("%+v, want a token on a line", printed)
	}
	if got := b.run(t, "attest", "tpm", "--protocol", "1"); got.code != exitDone || b.sent().header != `{"alg":"PS256","typ":"attReq"}` {
		t.Errorf("%+v", got)
	}
}

// Keys are made once, kept, and named by the token.
func TestAttestTPMWithKeysThatAreKept(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var first string
	for range 2 {
		got := wantDone[shownAttestation](t, b.run(t, "attest", "tpm", "--json", "--request-key", "tpm", "--request-key-algorithm", "ecc", "--request-key-file", b.file("key.json")))
		named := string(b.sent().data.RequestKey.JWK)
		if first == "" {
			first = named
		}
		if named != first || b.sent().data.RequestKey.Info["tpm_certify"] == nil || b.sent().header != `{"alg":"ES256","typ":"attReqV2"}` || got.Claims["cnf"] == nil {
			t.Errorf("sent %+v", b.sent())
		}
	}
	for range 2 {
		wantDone[shownAttestation](t, b.run(t, "attest", "tpm", "--json", "--request-key-file", b.file("key.pem"), "--request-key-algorithm", "ecc-p384",
			"--other-key", b.file("key.json"), "--other-key", inFile(t, "jwk", first)))
	}
	sent := b.sent().data
	if len(sent.OtherKeys) != 2 || sent.OtherKeys[0].Info["tpm_certify"] == nil || sent.OtherKeys[1].Info != nil || string(sent.OtherKeys[1].JWK) != first {
		t.Errorf("other keys %+v", sent.OtherKeys)
	}
	if string(sent.RequestKey.Info["tpm_quote"]) != `{"hash_alg":"sha-384"}` {
		t.Errorf("request key %+v", sent.RequestKey)
	}
	for _, name := range []string{"aik.json", "key.json", "key.pem"} {
		if info, err := os.Stat(b.file(name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	// A key of another kind than it is said to be.
	wantFault(t, b.run(t, "attest", "tpm", "--request-key-file", b.file("key.json")), exitFailed, "no PEM inside", "--request-key tpm")
	wantFault(t, b.run(t, "attest", "tpm", "--request-key", "tpm", "--request-key-file", b.file("aik.json")), exitFailed, "an AIK")
	wantFault(t, b.run(t, "attest", "tpm", "--other-key", b.caFile+"x"), exitFailed, "no such file")
	wantFault(t, b.run(t, "attest", "tpm", "--other-key", inFile(t, "nothing", "nothing")), exitFailed, "want a public key")
	if got := b.run(t, "attest", "tpm", "--other-key", b.caFile); got.code != exitDone {
		t.Errorf("a certificate: %+v", got)
	}
}

func TestAttestTPMWithLogs(t *testing.T) {
	t.Parallel()
	log := filepath.Join(corpus.Dir(t), "evidence", "tpm-eventlog", "gotpmtools", "debian-10.bin")
	b := newBench(t)
	if got := b.run(t, "attest", "tpm", "--log", log); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	if logs := b.sent().data.TPM.Current.Logs; len(logs) != 1 || logs[0].Type != "TCG" {
		t.Errorf("logs %+v", logs)
	}
	wantFault(t, b.run(t, "attest", "tpm", "--log", b.caFile), exitFailed, "want a TCG log")
}

func TestEnrollTPM(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, intermediate := b.tpm.Roots(t)
	issuers := inFile(t, "issuers.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: intermediate.Raw})))
	for _, ek := range []string{"rsa", "ecc"} {
		got := wantDone[enrolledAIK](t, b.run(t, "tpm", "enroll", "--json", "--ek", ek, "--ek-certificates", issuers))
		if got.AIK != b.file("aik.json") || got.Algorithm != "rsa" || len(got.Certificates) != 1 || got.Certificates[0].Issuer != "CN=AIK CA" || got.Endpoint != b.URL() {
			t.Errorf("%+v", got)
		}
	}
	if got := b.run(t, "tpm", "enroll", "--ek-certificates", issuers); got.code != exitDone || !strings.Contains(got.stdout, "CN=AIK CA") || strings.Contains(got.stdout, "\x1b") {
		t.Errorf("%+v", got)
	}
	// The certificate goes along from now on.
	if got := b.run(t, "attest", "tpm"); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	der, err := base64.RawURLEncoding.DecodeString(b.sent().data.TPM.Current.AIKCert)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := x509.ParseCertificate(der); err != nil || c.Issuer.CommonName != "AIK CA" {
		t.Errorf("%v, %v", c, err)
	}
	wantFault(t, b.run(t, "tpm", "enroll"), exitRefused, "InvalidParameter") // the issuer is missing
	wantFault(t, b.run(t, "tpm", "enroll", "--ek-certificates", b.file("aik.json")), exitFailed, "aik.json")
}

func TestTPMThatDoesNotWork(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	other := testtpm.Start(t)
	if got := b.run(t, "attest", "tpm"); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	for name, test := range map[string]struct {
		args   []string
		code   int
		stderr []string
	}{
		"no TPM":            {[]string{"--tpm", "unix:" + b.file("nobody")}, exitFailed, []string{"nobody", "is the TPM running there?"}},
		"no device":         {[]string{"--tpm", b.file("device")}, exitFailed, []string{"device", "no such file"}},
		"no name":           {[]string{"--tpm", "tpm0"}, exitFailed, []string{"unix:PATH"}},
		"another TPM":       {[]string{"--tpm", other.Name()}, exitFailed, []string{"made by another TPM"}},
		"another algorithm": {[]string{"--aik-algorithm", "ecc"}, exitFailed, []string{"AIK: rsa, want ecc"}},
		"no AIK's file":     {[]string{"--aik", b.caFile}, exitFailed, []string{"want a JSON object"}},
		"no bank":           {[]string{"--bank", "md5"}, exitUsage, []string{"sha512"}},
		"no PCR":            {[]string{"--pcrs", "7-24"}, exitUsage, []string{"0 to 23"}},
		"PCRs backwards":    {[]string{"--pcrs", "7-0"}, exitUsage, []string{"0 to 23"}},
		"no claim":          {[]string{"--claim", "name"}, exitUsage, []string{"name=value"}},
		"no integer":        {[]string{"--claim", "a:integer=b"}, exitUsage, []string{"name:integer=7"}},
		"no type":           {[]string{"--claim", "a:date=b"}, exitUsage, []string{"name:integer=7"}},
		"protocol":          {[]string{"--protocol", "3"}, exitUsage, []string{"want 1 or 2"}},
		"protocol 1":        {[]string{"--protocol", "1", "--pcrs", "1"}, exitUsage, []string{"no room"}},
		"logs":              {[]string{"--log", "x", "--no-log"}, exitUsage, []string{"exclude each other"}},
		"handle":            {[]string{"--aik-handle", "0x80000001"}, exitUsage, []string{"0x81000000"}},
		"request key":       {[]string{"--request-key", "disk"}, exitUsage, []string{"memory, tpm or none"}},
		"key algorithm":     {[]string{"--request-key-algorithm", "dsa"}, exitUsage, []string{"want one of rsa"}},
		"PSS in memory":     {[]string{"--request-key-algorithm", "rsa-pss"}, exitUsage, []string{"want rsa"}},
		"AIK algorithm":     {[]string{"--aik-algorithm", "dsa"}, exitUsage, []string{"want one of rsa"}},
		"three keys":        {[]string{"--other-key", "a", "--other-key", "b", "--other-key", "c"}, exitUsage, []string{"at most 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantFault(t, b.run(t, append([]string{"attest", "tpm"}, test.args...)...), test.code, test.stderr...)
		})
	}
	wantFault(t, b.run(t, "tpm", "enroll", "--ek", "dsa"), exitUsage, "rsa or ecc")
	wantFault(t, runAt(t, testTime, "", "tpm", "enroll", "--aik-handle", "0x81010010"), exitUsage, "--aik is missing")
}

// A report that answers somebody else is refused, however well it is signed.
func TestAttestTPMRefusesAReportOfAnotherRequest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.mu.Lock()
	b.lie = true
	b.mu.Unlock()
	wantFault(t, b.run(t, "attest", "tpm", "--nonce", "4711"), exitRefused, "claim nonce", "hint: ")
}
