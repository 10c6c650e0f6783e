package cli

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/testlog"
	"github.com/azattest/azattest/internal/testport"
	"github.com/azattest/azattest/internal/testtpm"
)

// machine is a TPM that holds what a real log says, and the log in a file.
type machine struct {
	tpm *testtpm.TPM
	log string
}

// newMachine extends the measurements of a crypto-agile log.
func newMachine(t *testing.T, raw []byte) *machine {
	t.Helper()
	m := &machine{tpm: testtpm.Start(t), log: written(t, raw)}
	m.tpm.Measure(t, raw)
	return m
}

func windowsMachineLog(t *testing.T) []byte {
	t.Helper()
	return testlog.Agile(t, testlog.Windows(t, corpus.Read(t, "evidence", "tpm", "goattestation-windows-gcp", "windows_gcp_shielded_vm.json")))
}

// attest runs 'attest tpm' and returns the claims of the token.
func (m *machine) attest(r *served, endpoint string, args ...string) (outcome, map[string]any) {
	r.t.Helper()
	args = append([]string{"attest", "tpm", "--tpm", m.tpm.Name(), "--log", m.log, "--json"}, args...)
	got := r.on(endpoint, args...)
	var shown struct{ Claims map[string]any }
	if got.code == exitDone {
		if err := json.Unmarshal([]byte(got.stdout), &shown); err != nil {
			r.t.Fatalf("%v: %s", err, got.stdout)
		}
	}
	return got, shown.Claims
}

func setTPMPolicy(t *testing.T, r *served, endpoint, text string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "policy.txt")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := r.on(endpoint, "policy", "set", "Tpm", name); got.code != exitDone {
		t.Fatalf("policy set: %d %s", got.code, got.stderr)
	}
}

func corpusPolicy(t *testing.T, elem ...string) string {
	t.Helper()
	return string(corpus.Read(t, append([]string{"policies"}, elem...)...))
}

// policies are those of the corpus for TPMs that compile, by name, with what they
// make of a healthy Windows machine whose AIK has no certificate.
var tpmPolicies = []struct {
	file    string
	change  func(text string) string
	issues  map[string]any
	refused string // part of the message, where the policy does not permit
}{
	// Version 1.0 has no way to do without a certificate.
	{"docs/46-policy-version-1-0-v10-tpm.txt", nil, nil, "require_valid_aik_cert"},
	{"docs/42-policy-examples-tpm-platformattested.txt", nil, nil, "require_valid_aik_cert"},
	{"docs/47-policy-version-1-1-v11-tpm-configrules.txt", nil, map[string]any{"PlatformAttested": false}, ""},
	{"docs/47-policy-version-1-1-v11-tpm-configrules.txt", allPCRs, map[string]any{"PlatformAttested": false}, ""},
	{"docs/65-tpm-attestation-sample-policies-windows-secureboot-etc.txt", withoutCertificate, map[string]any{"aikValidated": false, "SecureBootEnabled": true, "CodeIntegrityEnabled": true, "BitlockerStatus": false}, ""},
	{"real/healthattestation-csp-tpm-v1.2.txt", withoutCertificate, map[string]any{"secureBootEnabled": true, "notSafeMode": true, "codeIntegrityEnabled": true}, ""},
	{"docs/66-tpm-attestation-sample-policies-pcr-golden.txt", withoutCertificate, nil, "No Permit claim was issued"},
}

func allPCRs(text string) string { return strings.Replace(text, "value = 15", "value = 16777215", 1) }

// withoutCertificate lets a policy of version 1.2 take an AIK without one.
func withoutCertificate(text string) string {
	rule := "configurationrules{ => issueproperty(type=\"require_valid_aik_cert\", value=false); };"
	if i := strings.Index(text, "configurationrules"); i >= 0 {
		j := i + strings.Index(text[i:], "};") + 2
		return text[:i] + rule + text[j:]
	}
	i := strings.Index(text, "authorizationrules")
	return text[:i] + rule + "\n" + text[i:]
}

func TestPoliciesOverATPM(t *testing.T) {
	t.Parallel()
	r := startDev(t, t.TempDir())
	m := newMachine(t, windowsMachineLog(t))
	aik := filepath.Join(t.TempDir(), "aik.json")
	for _, test := range tpmPolicies {
		text := corpusPolicy(t, strings.Split(test.file, "/")...)
		if test.change != nil {
			text = test.change(text)
		}
		setTPMPolicy(t, r, r.Endpoint, text)
		got, claims := m.attest(r, r.Endpoint, "--aik", aik)
		if test.refused != "" {
			if got.code != exitRefused || !strings.Contains(got.stderr, test.refused) {
				t.Errorf("%s: %d %s, want a refusal that speaks of %q", test.file, got.code, got.stderr, test.refused)
			}
			continue
		}
		if got.code != exitDone {
			t.Errorf("%s: %d %s", test.file, got.code, got.stderr)
		}
		for name, want := range test.issues {
			if claims[name] != want {
				t.Errorf("%s: %s = %v, want %v", test.file, name, claims[name], want)
			}
		}
	}
}

// Every kind of key, in both versions of the protocol.
func TestAttestTPMWithEveryKey(t *testing.T) {
	t.Parallel()
	r := startDev(t, t.TempDir())
	m := newMachine(t, windowsMachineLog(t))
	dir := t.TempDir()
	setTPMPolicy(t, r, r.Endpoint, withoutCertificate("version=1.2;\n"+keysPolicy))
	for _, aik := range []string{"rsa", "rsa-pss", "ecc"} {
		for _, test := range []struct {
			args []string
			kty  string
			info string // member of the request key's info, "" for none
		}{
			{[]string{"--protocol", "1"}, "RSA", ""},
			{[]string{"--protocol", "1", "--request-key", "tpm", "--request-key-algorithm", "ecc"}, "EC", ""},
			{[]string{"--request-key-algorithm", "rsa"}, "RSA", "tpm_quote"},
			{[]string{"--request-key-algorithm", "ecc"}, "EC", "tpm_quote"},
			{[]string{"--request-key", "tpm", "--request-key-algorithm", "rsa"}, "RSA", "tpm_certify"},
			{[]string{"--request-key", "tpm", "--request-key-algorithm", "ecc"}, "EC", "tpm_certify"},
			{[]string{"--request-key", "none"}, "", ""},
		} {
			name := aik + " " + strings.Join(test.args, " ")
			args := append([]string{"--aik", filepath.Join(dir, aik+".json"), "--aik-algorithm", aik, "--nonce", "AQIDBA", "--claim", "site=north"}, test.args...)
			got, claims := m.attest(r, r.Endpoint, args...)
			if got.code != exitDone {
				t.Errorf("%s: %d %s", name, got.code, got.stderr)
				continue
			}
			var cnf struct{ JWK struct{ Kty string } }
			decodeAgain(t, claims["cnf"], &cnf)
			var key struct{ Info map[string]any }
			decodeAgain(t, claims["x-ms-tpm-request-key"], &key)
			if cnf.JWK.Kty != test.kty || (test.info == "") != (len(key.Info) == 0) || test.info != "" && key.Info[test.info] == nil {
				t.Errorf("%s: cnf %v, request key %v", name, claims["cnf"], claims["x-ms-tpm-request-key"])
			}
			if claims["site"] != "north" || claims["secureBootEnabled"] != true {
				t.Errorf("%s: site %v, secureBootEnabled %v", name, claims["site"], claims["secureBootEnabled"])
			}
		}
	}
}

// keysPolicy shows a custom claim and one of the boot.
const keysPolicy = `authorizationrules{ => permit(); };
issuancerules{
  c:[issuer=="CustomClaim"] => issue(type="site", value=c.value);
  c:[type=="secureBootEnabled", issuer=="AttestationService"] => issue(type=c.type, value=c.value);
};`

// decodeAgain reads a part of a document as something else.
func decodeAgain(t *testing.T, part, into any) {
	t.Helper()
	raw, err := json.Marshal(part)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What Microsoft's sample for keys wants of them: a request key by tpm_certify whose
// attributes are as it says, which no key that signs can have, is not permitted.
func TestPolicyForKeys(t *testing.T) {
	t.Parallel()
	r := startDev(t, t.TempDir())
	m := newMachine(t, windowsMachineLog(t))
	dir := t.TempDir()
	aik, key, other := filepath.Join(dir, "aik.json"), filepath.Join(dir, "key.json"), filepath.Join(dir, "other.json")
	setTPMPolicy(t, r, r.Endpoint, withoutCertificate(corpusPolicy(t, "docs", "55-tpm-attestation-concepts-tpm-key-attestation.txt")))
	base := []string{"--aik", aik, "--request-key", "tpm"}
	if got, _ := m.attest(r, r.Endpoint, append(base, "--request-key-file", other)...); got.code != exitDone {
		t.Fatalf("%d %s", got.code, got.stderr)
	}
	got, claims := m.attest(r, r.Endpoint, append(base, "--request-key-file", key, "--other-key", other)...)
	if got.code != exitDone {
		t.Fatalf("%d %s", got.code, got.stderr)
	}
	for name, want := range map[string]any{
		"requestKeyType": "RSA", "otherKeysTypes": "RSA", "requestKeyCertifyNameAlg": 11.0, "otherKeysCertifyNameAlgs": 11.0, "requestKeyQuoteHashAlg": nil,
	} {
		if claims[name] != want {
			t.Errorf("%s = %v, want %v", name, claims[name], want)
		}
	}
	got, claims = m.attest(r, r.Endpoint, "--aik", aik)
	if got.code != exitDone || claims["requestKeyQuoteHashAlg"] != "sha-256" || claims["requestKeyCertifyNameAlg"] != nil {
		t.Errorf("bound by the quote: %d %s %v", got.code, got.stderr, claims)
	}
}

// A TPM that was enrolled once has a validated AIK, without Azure.
func TestEnrolledTPM(t *testing.T) {
	t.Parallel()
	m := newMachine(t, windowsMachineLog(t))
	root, intermediate := m.tpm.Roots(t)
	roots := written(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}))
	between := written(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: intermediate.Raw}))
	// The vendor's certificates of this TPM are of today.
	r := startServeAt(t, time.Now(), nil, t.TempDir(), "--dev", "--listen", "127.0.0.1:0", "--tpm-ek-root", roots)
	setTPMPolicy(t, r, r.Endpoint, corpusPolicy(t, "docs", "46-policy-version-1-0-v10-tpm.txt"))
	for _, test := range []struct{ aik, ek string }{{"rsa", "rsa"}, {"ecc", "ecc"}, {"ecc", "rsa"}} {
		aik := filepath.Join(t.TempDir(), "aik.json")
		args := []string{"tpm", "enroll", "--tpm", m.tpm.Name(), "--aik", aik, "--aik-algorithm", test.aik, "--ek", test.ek, "--ek-certificates", between, "--json"}
		if got := r.on(r.Endpoint, args...); got.code != exitDone {
			t.Fatalf("%v: enroll: %d %s", test, got.code, got.stderr)
		}
		for _, protocol := range []string{"1", "2"} {
			got, claims := m.attest(r, r.Endpoint, "--aik", aik, "--protocol", protocol)
			if got.code != exitDone || claims["PlatformAttested"] != true {
				t.Errorf("%v, version %s: %d %s %v", test, protocol, got.code, got.stderr, claims)
			}
		}
	}
}

// Machines with Linux, whose logs are real as they are.
func TestLinuxMachines(t *testing.T) {
	t.Parallel()
	r := startDev(t, t.TempDir())
	setTPMPolicy(t, r, r.Endpoint, withoutCertificate("version=1.2;\n"+`authorizationrules{ => permit(); };
issuancerules{
  c:[type=="secureBootEnabled", issuer=="AttestationService"] => issue(type="secureBoot", value=c.value);
  c:[type=="notSafeMode"] => issue(type="notSafeMode", value=c.value);
  c:[type=="events"] => issue(type="loaders", value=JsonToClaimValue(JmesPath(c.value, "Events[?EventTypeString == 'EV_EFI_BOOT_SERVICES_APPLICATION'] | length(@)")));
};`))
	for name, secureBoot := range map[string]bool{
		"rhel8-uefi.bin": true, "ubuntu-2104-no-secure-boot.bin": false, "cos-101-amd-sev.bin": true, "arch-linux-workstation.bin": false,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, corpus.Read(t, "evidence", "tpm-eventlog", "gotpmtools", name))
			got, claims := m.attest(r, r.Endpoint, "--aik", filepath.Join(t.TempDir(), "aik.json"))
			if got.code != exitDone {
				t.Fatalf("%d %s", got.code, got.stderr)
			}
			// What is not Windows is not said to be out of its safe mode.
			if loaders, _ := claims["loaders"].(float64); claims["secureBoot"] != secureBoot || claims["notSafeMode"] != false || loaders == 0 {
				t.Errorf("claims %v", claims)
			}
		})
	}
}

// A log of SHA-1 alone proves nothing, unless the operator says otherwise.
func TestMachineOfSHA1(t *testing.T) {
	t.Parallel()
	m := newMachine(t, corpus.Read(t, "evidence", "tpm-eventlog", "gotpmtools", "debian-10.bin"))
	strict := startDev(t, t.TempDir())
	at := fmt.Sprintf("127.0.0.1:%d", testport.Free(t))
	file := configOf(t, fmt.Sprintf("  - {name: a, url: \"https://%s/a\"}\n", at))
	lenient := startServeAt(t, testTime, map[string]string{"AZATTEST_TPM_ACCEPT_SHA1": "true"}, t.TempDir(), "--dev", "--config", file, "--listen", at)
	for _, r := range []*served{strict, lenient} {
		setTPMPolicy(t, r, r.Endpoint, withoutCertificate("version=1.2;\n"+keysPolicy))
	}
	aik := filepath.Join(t.TempDir(), "aik.json")
	if got, _ := m.attest(strict, strict.Endpoint, "--aik", aik, "--bank", "sha1"); got.code != exitRefused || !strings.Contains(got.stderr, "the bank of SHA-1 does not count") {
		t.Errorf("%d %s", got.code, got.stderr)
	}
	if got, claims := m.attest(lenient, lenient.Endpoint, "--aik", aik, "--bank", "sha1"); got.code != exitDone || claims["secureBootEnabled"] != true {
		t.Errorf("%d %s %v", got.code, got.stderr, claims)
	}
}
