package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/testlog"
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
	for _, one := range testlog.Digests(t, raw) {
		into := []testtpm.Measurement{{Algorithm: uint16(tpm.SHA256), Digest: one.Digests[eventlog.SHA256]}}
		if sha1 := one.Digests[eventlog.SHA1]; sha1 != nil {
			into = append(into, testtpm.Measurement{Algorithm: uint16(tpm.SHA1), Digest: sha1})
		}
		m.tpm.Extend(t, one.PCR, into...)
	}
	return m
}

func windowsMachineLog(t *testing.T) []byte {
	t.Helper()
	return testlog.Agile(t, testlog.Windows(t, corpus.Read(t, "evidence", "tpm", "goattestation-windows-gcp", "windows_gcp_shielded_vm.json")))
}

// attest runs 'attest tpm' and returns the claims of the token.
func (m *machine) attest(r *served, endpoint string, args ...string) (outcome, map[string]any) {
	r.t.Helper()
	args = append([]string{"attest", "tpm", "--tpm", m.tpm.Name(), "--log", m.log, "--json", "--bank", "sha256"}, args...)
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

func TestAttestTPMAgainstServe(t *testing.T) {
	t.Parallel()
	r := startDev(t, t.TempDir())
	endpoint := r.Endpoint
	m := newMachine(t, windowsMachineLog(t))
	setTPMPolicy(t, r, endpoint, strings.Replace(corpusPolicy(t, "docs", "47-policy-version-1-1-v11-tpm-configrules.txt"), "value = 15", "value = 16777215", 1))
	got, claims := m.attest(r, endpoint, "--aik", filepath.Join(t.TempDir(), "aik.json"), "--nonce", "AQIDBA")
	if got.code != exitDone {
		t.Fatalf("%d %s\n%s", got.code, got.stderr, r.log)
	}
	t.Log(claims)
}
