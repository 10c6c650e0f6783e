package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/simulator"
)

// azureSigner is the MRSIGNER of Azure Attestation's own enclaves, in every
// recorded answer.
const azureSigner = "74ba5fba208571cf99e1f7158e6536a05bbb6ce7807eef8f6a97f64a7af64b83"

// shownSignersVerdict is what signers verify --json prints.
type shownSignersVerdict struct {
	Verified, TCBJudged, IdentityDemanded       bool
	Holding, Failed, Unsupported, WithoutReport int
	Signers                                     []struct {
		KeyID, TCBStatus    string
		Report              *string
		Verified, Simulated bool
		Identity            *struct {
			MRENCLAVE, MRSIGNER string
			ISVProdID, ISVSVN   int
			Debug               bool
		}
		Error *struct {
			Check, Message, Expected, Found string
			Evidence                        *struct{ Code, Stage string }
		}
	}
}

func signersVerdictOf(t *testing.T, got outcome) shownSignersVerdict {
	t.Helper()
	var v shownSignersVerdict
	if err := json.Unmarshal([]byte(got.stdout), &v); err != nil {
		t.Fatalf("%v in %q; %s", err, got.stdout, got.stderr)
	}
	return v
}

// signersTally counts over many answers.
type signersTally struct{ Answers, Done, Holding, Failed, WithoutReport, Debug int }

func (c *signersTally) add(got outcome, v shownSignersVerdict) {
	c.Answers++
	if got.code == exitDone {
		c.Done++
	}
	c.Holding, c.Failed, c.WithoutReport = c.Holding+v.Holding, c.Failed+v.Failed, c.WithoutReport+v.WithoutReport
	for _, k := range v.Signers {
		if k.Identity != nil && k.Identity.Debug {
			c.Debug++
		}
	}
}

// Every recorded answer of the real service holds, for Azure's enclave; with more
// demanded than they were, they fail.
func TestRecordedSigners(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join(corpus.Dir(t), "maa", "certs", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		flags []string
		want  signersTally
	}{
		"Azure's":        {[]string{"--mrsigner", azureSigner, "--product-id", "1", "--min-svn", "1"}, signersTally{57, 57, 94, 0, 114, 86}},
		"not debuggable": {[]string{"--no-debug"}, signersTally{57, 8, 8, 86, 114, 86}},
		"of a later SVN": {[]string{"--mrsigner", azureSigner, "--min-svn", "2"}, signersTally{57, 0, 0, 94, 114, 86}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tally signersTally
			for _, path := range paths {
				got := runAt(t, testTime, "", append([]string{"signers", "verify", "--json", "--jwks", path, "--at", "2023-01-01"}, test.flags...)...)
				v := signersVerdictOf(t, got)
				if v.Verified != (got.code == exitDone) || v.TCBJudged || got.stderr != "" {
					t.Errorf("%s: exit code %d, %+v", path, got.code, v)
				}
				tally.add(got, v)
			}
			if diff := cmp.Diff(test.want, tally); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// signingEnclave is an enclave that signs tokens.
type signingEnclave struct {
	root     string // file
	platform *simulator.Platform
	report   simulator.Report
}

func newSigningEnclave(t *testing.T) *signingEnclave {
	t.Helper()
	p, err := simulator.New(simulator.Config{Seed: simulator.Seed("signers"), Now: testTime})
	if err != nil {
		t.Fatal(err)
	}
	return &signingEnclave{
		root: inFile(t, "root.pem", string(p.RootCertificatePEM())), platform: p,
		report: simulator.Report{MRENCLAVE: [32]byte{0xe1}, MRSIGNER: [32]byte{0x51}, ISVProdID: 1, ISVSVN: 4},
	}
}

// published is an entry of GET /certs.
type published struct {
	X5C [][]byte `json:"x5c"`
	KID string   `json:"kid"`
	KTY string   `json:"kty"`
}

// publish makes a key and its certificate, with the report in an extension, or
// without a report if there is no OID.
func (e *signingEnclave) publish(t *testing.T, oid asn1.ObjectIdentifier) published {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	bound := append(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}), 0)
	hash := sha256.Sum256(bound)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "https://attest.example"},
		NotBefore: testTime.Add(-time.Hour), NotAfter: testTime.AddDate(1, 0, 0),
	}
	if oid != nil {
		report := e.report
		report.ReportData = simulator.Bind(bound)
		raw, err := e.platform.OpenEnclaveReport(report)
		if err != nil {
			t.Fatal(err)
		}
		template.ExtraExtensions = []pkix.Extension{{Id: oid, Value: raw}}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return published{X5C: [][]byte{der}, KID: base64.StdEncoding.EncodeToString(hash[:]), KTY: "EC"}
}

func jwksOf(t *testing.T, keys ...published) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

var oidOpenEnclave = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 105, 1}

// What is demanded of a key decides, and each refusal names the check that failed.
func TestSignersVerify(t *testing.T) {
	t.Parallel()
	e := newSigningEnclave(t)
	attested, plain, snp := e.publish(t, oidOpenEnclave), e.publish(t, nil), e.publish(t, oidSEVSNP)
	renamed := attested
	renamed.KID = plain.KID
	swapped := e.publish(t, oidOpenEnclave)
	swapped.X5C = [][]byte{bitFlipped(swapped.X5C[0], len(swapped.X5C[0])-8)}
	set := filepath.Join(t.TempDir(), "set")
	outdated, err := e.platform.Collateral(simulator.CollateralOptions{IssueDate: testTime, Status: "OutOfDate"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := collateral.WriteSet(set, outdated); err != nil {
		t.Fatal(err)
	}
	trust := []string{"--simulator-root", e.root}
	with := func(flags ...string) []string { return append(trust[:1:1], append([]string{e.root}, flags...)...) }
	for name, test := range map[string]struct {
		jwks  []byte
		flags []string
		code  int
		check relyingparty.Check // that the first key fails
	}{
		"the enclave":               {jwksOf(t, attested, plain), with("--mrsigner", hexOf(0x51), "--mrenclave", hexOf(0xe1), "--product-id", "1", "--min-svn", "4", "--no-debug"), exitDone, ""},
		"one of several enclaves":   {jwksOf(t, attested), with("--mrenclave", hexOf(0xe0)+","+hexOf(0xe1)), exitDone, ""},
		"any enclave":               {jwksOf(t, attested), trust, exitDone, ""},
		"another signer":            {jwksOf(t, attested), with("--mrsigner", hexOf(0x52)), exitRefused, relyingparty.CheckIdentity},
		"another enclave":           {jwksOf(t, attested), with("--mrenclave", hexOf(0xe2)), exitRefused, relyingparty.CheckIdentity},
		"another product":           {jwksOf(t, attested), with("--mrsigner", hexOf(0x51), "--product-id", "0"), exitRefused, relyingparty.CheckIdentity},
		"an old version":            {jwksOf(t, attested), with("--mrsigner", hexOf(0x51), "--min-svn", "5"), exitRefused, relyingparty.CheckIdentity},
		"no root":                   {jwksOf(t, attested), nil, exitRefused, relyingparty.CheckQuote},
		"another kid":               {jwksOf(t, renamed), trust, exitRefused, relyingparty.CheckKeyID},
		"a bit of the certificate":  {jwksOf(t, swapped), trust, exitRefused, relyingparty.CheckSelfSignature},
		"years later":               {jwksOf(t, attested), with("--at", "2030-01-01"), exitRefused, relyingparty.CheckValidity},
		"one good, one bad":         {jwksOf(t, renamed, attested), trust, exitRefused, relyingparty.CheckKeyID},
		"no report":                 {jwksOf(t, plain), trust, exitRefused, ""},
		"a report of another kind":  {jwksOf(t, snp, attested), trust, exitFailed, relyingparty.CheckReport},
		"the key of a token":        {jwksOf(t, renamed, attested), with("--kid", attested.KID), exitDone, ""},
		"a key without a report":    {jwksOf(t, plain, attested), with("--kid", plain.KID), exitRefused, ""},
		"with collateral":           {jwksOf(t, attested), with("--collateral", set, "--at", "2026-02-01"), exitDone, ""},
		"a TCB that is good enough": {jwksOf(t, attested), with("--collateral", set, "--at", "2026-02-01", "--require-tcb", "UpToDate,OutOfDate"), exitDone, ""},
		"a TCB that is not":         {jwksOf(t, attested), with("--collateral", set, "--at", "2026-02-01", "--require-tcb", "UpToDate"), exitRefused, "tcb-status"},
		"stale collateral":          {jwksOf(t, attested), with("--collateral", set, "--at", "2026-06-01"), exitRefused, relyingparty.CheckQuote},
		"stale and accepted":        {jwksOf(t, attested), with("--collateral", set, "--at", "2026-06-01", "--accept-stale-collateral"), exitDone, ""},
		"identity with collateral":  {jwksOf(t, attested), with("--collateral", set, "--at", "2026-02-01", "--mrsigner", hexOf(0x52)), exitRefused, relyingparty.CheckIdentity},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"signers", "verify", "--jwks", "-"}, test.flags...)
			got := runAt(t, testTime, string(test.jwks), append(args, "--json")...)
			v := signersVerdictOf(t, got)
			if got.code != test.code || v.Verified != (test.code == exitDone) || got.stderr != "" {
				t.Fatalf("exit code %d, want %d; %s%s", got.code, test.code, got.stdout, got.stderr)
			}
			var check relyingparty.Check
			if len(v.Signers) > 0 && v.Signers[0].Error != nil {
				check = relyingparty.Check(v.Signers[0].Error.Check)
			}
			if check != test.check {
				t.Errorf("failed check %q, want %q; %s", check, test.check, got.stdout)
			}
			if text := runAt(t, testTime, string(test.jwks), args...); text.code != test.code || (text.stderr == "") != (test.code == exitDone) {
				t.Errorf("without --json: %+v", text)
			}
		})
	}
}

func hexOf(first byte) string {
	var m measurementsFlag = make([][32]byte, 1)
	m[0][0] = first
	return m.String()
}

func bitFlipped(raw []byte, i int) []byte {
	flipped := append([]byte{}, raw...)
	flipped[i] ^= 1
	return flipped
}

// What was not judged is said.
func TestSignersVerifySaysWhatItDidNotCheck(t *testing.T) {
	t.Parallel()
	e := newSigningEnclave(t)
	jwks := string(jwksOf(t, e.publish(t, oidOpenEnclave)))
	got := runAt(t, testTime, jwks, "signers", "verify", "--jwks", "-", "--simulator-root", e.root)
	for _, want := range []string{"NOT JUDGED: the TCB", "ANY ENCLAVE PASSED", "SIMULATED", "1 hold, 0 fail, 0 carry no report"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%q does not stand in %s", want, got.stdout)
		}
	}
	got = runAt(t, testTime, jwks, "signers", "verify", "--jwks", "-", "--simulator-root", e.root, "--mrsigner", hexOf(0x51))
	if strings.Contains(got.stdout, "ANY ENCLAVE PASSED") {
		t.Errorf("an enclave was demanded: %s", got.stdout)
	}
}

// Collateral that cannot be had decides nothing, collateral that is not there
// refuses; and a live endpoint is read as a saved answer is.
func TestSignersOfALiveEndpoint(t *testing.T) {
	t.Parallel()
	e := newSigningEnclave(t)
	i := startInstance(t, testTime)
	jwks := jwksOf(t, e.publish(t, oidOpenEnclave), e.publish(t, nil))
	i.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(jwks)
	}
	list := wantDone[listedSigners](t, i.run(t, "", "signers", "list", "--json"))
	if len(list.Signers) != 2 || list.Signers[0].Report == nil || *list.Signers[0].Report != reportSGX || list.Signers[1].Report != nil || list.Endpoint != i.URL() {
		t.Errorf("list: %+v", list)
	}
	saved := wantDone[listedSigners](t, runAt(t, testTime, string(jwks), "signers", "list", "--jwks", "-", "--json"))
	if diff := cmp.Diff(list.Signers, saved.Signers, cmp.AllowUnexported(shownSigner{}, publicCertificate{})); diff != "" {
		t.Errorf("saved and live differ:\n%s", diff)
	}
	if got := i.run(t, "", "signers", "verify", "--simulator-root", e.root); got.code != exitDone {
		t.Errorf("verify: %+v", got)
	}
	got := i.run(t, "", "signers", "verify", "--simulator-root", e.root, "--collateral", t.TempDir(), "--json")
	if f := wantFailure(t, got, exitFailed); !strings.Contains(f.Message, "no set in it") {
		t.Errorf("an empty folder: %+v", f)
	}
	wantFault(t, i.run(t, "", "signers", "verify", "--simulator-root", e.root, "--collateral", "http://127.0.0.1:1"), exitFailed, "collateral")
	i.answer = func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusForbidden, "Forbidden", "no") }
	wantFault(t, i.run(t, "", "signers", "verify"), exitFailed, "403")
}

func TestSignersUsage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args   []string
		code   int
		stderr string
	}{
		{[]string{"list"}, exitUsage, "--endpoint is missing"},
		{[]string{"verify", "--jwks", "-", "--endpoint", "https://attest.example"}, exitUsage, "--jwks excludes"},
		{[]string{"verify", "--jwks", "-", "--require-tcb", "UpToDate"}, exitUsage, "go with --collateral"},
		{[]string{"verify", "--jwks", "-", "--min-svn", "1"}, exitUsage, "go with --mrsigner"},
		{[]string{"verify", "--jwks", "-", "--mrsigner", "51"}, exitUsage, "1 bytes, want 32"},
		{[]string{"verify", "--jwks", "-", "--product-id", "65536", "--mrsigner", azureSigner}, exitUsage, "want 0 to 65535"},
		{[]string{"verify", "--jwks", "-"}, exitFailed, "want a saved answer to GET /certs"},
		{[]string{"list", "--jwks", "missing.json"}, exitFailed, "missing.json"},
	} {
		wantFault(t, runAt(t, testTime, `{"nonsense": []}`, append([]string{"signers"}, test.args...)...), test.code, test.stderr)
	}
}
