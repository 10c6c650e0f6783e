package conformance_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/testattest"
	"github.com/azattest/azattest/policy"
)

// guidePolicy returns a policy of docs/tpm.md by its name, without faults.
func guidePolicy(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile("../docs/tpm.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(raw), "<!-- policy "+name+" -->\n```maa Tpm\n")
	text, _, isClosed := strings.Cut(after, "```\n")
	if !ok || !isClosed {
		t.Fatalf("docs/tpm.md has no policy %s", name)
	}
	if found := policy.Check(text, policy.CheckOptions{Type: "Tpm"}); len(found) > 0 {
		t.Errorf("policy %s: %v", name, found)
	}
	return text
}

// linuxLog is the log of a real machine that runs Linux.
func linuxLog(t *testing.T, name string) []byte {
	t.Helper()
	return corpus.Read(t, "evidence", "tpm-eventlog", "gotpmtools", name)
}

// boots puts another log in the place of the machine's.
func (m *machine) boots(t *testing.T, log []byte) {
	t.Helper()
	m.log, m.pcrs = log, testattest.Replay(t, log, tpm.SHA256)
}

// authorities are those of a log as the guide's policies name them.
func authorities(t *testing.T, log []byte, pcrs tpm.Bank) (all []string) {
	t.Helper()
	parsed, err := eventlog.Parse(log)
	if err != nil {
		t.Fatal(err)
	}
	values := map[int][]byte{}
	for _, p := range pcrs.PCRs {
		values[p.Index] = p.Digest
	}
	proven, err := parsed.Prove(eventlog.SHA256, values)
	if err != nil {
		t.Fatal(err)
	}
	boot, err := proven.SecureBoot()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range boot.Authorities {
		all = append(all, a.Name+":"+b64(a.Data))
	}
	return all
}

// filled replaces what the guide leaves open.
func filled(t *testing.T, text string, values ...string) string {
	t.Helper()
	for _, v := range values {
		name, _, _ := strings.Cut(v, ":")
		open := `"` + name + `:…"`
		if !strings.Contains(text, open) {
			t.Fatalf("the policy has no %s", open)
		}
		text = strings.Replace(text, open, `"`+v+`"`, 1)
	}
	return text
}

// Each policy of the guide permits the machine that it is for, and denies those that
// differ in what it asks for.
func TestPoliciesOfTheGuide(t *testing.T) {
	t.Parallel()
	type change = func(t *testing.T, m *machine, r *testattest.Request)
	bare := func(_ *testing.T, _ *machine, r *testattest.Request) { r.Certificate = nil }
	noSecureBoot := func(t *testing.T, m *machine, r *testattest.Request) {
		t.Helper()
		m.boots(t, linuxLog(t, "ubuntu-2104-no-secure-boot.bin"))
		r.Log, r.Banks = m.log, []tpm.Bank{m.pcrs}
	}
	linux := func(t *testing.T, m *machine, r *testattest.Request) {
		t.Helper()
		m.boots(t, linuxLog(t, "rhel8-uefi.bin"))
		r.Log, r.Banks = m.log, []tpm.Bank{m.pcrs}
	}
	resident := func(attributes tpm.Attributes) change {
		return func(_ *testing.T, _ *machine, r *testattest.Request) {
			r.Public = testattest.Public(&requestKey().PublicKey, attributes)
		}
	}
	const keyOfOurs = tpm.FixedTPM | tpm.FixedParent | tpm.SensitiveDataOrigin | tpm.UserWithAuth | tpm.NoDA | tpm.Sign
	ima := func(entries ...[]byte) change {
		return func(t *testing.T, m *machine, r *testattest.Request) {
			t.Helper()
			linux(t, m, r)
			addIMA(t, m, r, entries...)
		}
	}
	known, ours := imaBuffer("kernel_version", []byte("6.1.0-13-amd64")), imaBuffer(".ima", certificateOf(t, "Example IMA"))
	for name, test := range map[string]struct {
		policy string
		fill   func(t *testing.T, text string, m *machine) string // nil for none
		boot   change                                             // before the policy is filled; nil: Windows
		edit   change                                             // of what is sent; nil for none
		code   string                                             // of the refusal, "" for none
		issues map[string]any
	}{
		"Windows 1.0":                       {policy: "windows-1.0", issues: map[string]any{"secureBootEnabled": true, "vbsEnabled": false}},
		"Windows 1.0, no certificate":       {policy: "windows-1.0", edit: bare, code: "InvalidQuote"},
		"Windows 1.0, Linux":                {policy: "windows-1.0", edit: linux, code: "PolicyEvaluationError"},
		"Windows 1.0, no Secure Boot":       {policy: "windows-1.0", edit: noSecureBoot, code: "PolicyEvaluationError"},
		"Windows 1.2":                       {policy: "windows-1.2", fill: trusted},
		"Windows 1.2, unknown authorities":  {policy: "windows-1.2", code: "PolicyEvaluationError"},
		"Windows 1.2, Linux":                {policy: "windows-1.2", fill: trusted, edit: linux, code: "PolicyEvaluationError"},
		"Windows 1.2, PCR 12 not quoted":    {policy: "windows-1.2", fill: trusted, edit: quoting(4, 7, 13, 14), code: "InvalidQuote"},
		"Linux":                             {policy: "linux", fill: trusted, boot: linux, edit: linux},
		"Linux, to learn its authorities":   {policy: "linux", fill: learning, boot: linux, edit: linux},
		"Linux, unknown authorities":        {policy: "linux", edit: linux, code: "PolicyEvaluationError"},
		"Linux, no Secure Boot":             {policy: "linux", fill: trusted, boot: linux, edit: noSecureBoot, code: "PolicyEvaluationError"},
		"Linux, Windows":                    {policy: "linux", fill: trusted, boot: linux, code: "PolicyEvaluationError"},
		"golden PCRs":                       {policy: "golden", fill: golden},
		"golden PCRs, another machine":      {policy: "golden", fill: golden, edit: linux, code: "PolicyEvaluationError"},
		"golden PCRs, not quoted":           {policy: "golden", fill: golden, edit: quoting(1), code: "InvalidQuote"},
		"golden PCRs, those that are asked": {policy: "golden", fill: golden, edit: quoting(0, 4, 7)},
		"IMA":                               {policy: "ima", edit: ima(known, ours)},
		"IMA, the kernel twice":             {policy: "ima", edit: ima(known, ours, known)},
		"IMA, another kernel":               {policy: "ima", edit: ima(imaBuffer("kernel_version", []byte("6.1.0-12-amd64")), ours), code: "PolicyEvaluationError"},
		"IMA, and then another kernel": {
			policy: "ima", edit: ima(known, ours, imaBuffer("kernel_version", []byte("6.1.0-12-amd64"))), code: "PolicyEvaluationError",
		},
		"IMA, another key too":        {policy: "ima", edit: ima(known, ours, imaBuffer(".ima", certificateOf(t, "somebody"))), code: "PolicyEvaluationError"},
		"IMA, our key elsewhere":      {policy: "ima", edit: ima(known, imaBuffer(".blacklist", certificateOf(t, "Example IMA"))), code: "PolicyEvaluationError"},
		"IMA, no log of it":           {policy: "ima", edit: linux, code: "PolicyEvaluationError"},
		"keys":                        {policy: "keys", edit: resident(keyOfOurs)},
		"keys, bound by the quote":    {policy: "keys", code: "PolicyEvaluationError"},
		"keys that can leave the TPM": {policy: "keys", edit: resident(keyOfOurs &^ tpm.FixedTPM), code: "InvalidQuote"},
		"keys as Microsoft's samples": {policy: "keys", edit: resident(tpm.FixedTPM | tpm.FixedParent | tpm.SensitiveDataOrigin), code: "PolicyEvaluationError"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, &deployment{})
			text := guidePolicy(t, test.policy)
			if test.fill != nil {
				like := *m
				if test.boot != nil {
					test.boot(t, &like, new(testattest.Request))
				}
				text = test.fill(t, text, &like)
			}
			m.setPolicy(t, text)
			request := m.challenged(t)
			if test.edit != nil {
				test.edit(t, m, request)
			}
			if test.code != "" {
				w := m.answer(t, request.V2(t))
				says := ""
				if test.code == "PolicyEvaluationError" {
					says = "No Permit claim was issued" // and not a rule that cannot be carried out
				}
				wantRefusal(t, w.Code, w.Body.Bytes(), http.StatusBadRequest, test.code, says)
				return
			}
			_, claims := m.report(t, request.V2(t))
			for name, want := range test.issues {
				if claims[name] != want {
					t.Errorf("%s = %v, want %v", name, claims[name], want)
				}
			}
			if name == "Linux, to learn its authorities" {
				if got, want := fmt.Sprint(claims["ran"]), fmt.Sprint(authorities(t, m.log, m.pcrs)); got != want {
					t.Errorf("authorities %s, want %s", got, want)
				}
			}
			if lines := fmt.Sprint(claims["commandLine"]); test.policy == "linux" && !strings.Contains(lines, "vmlinuz-4.18.0-240.22.1.el8_3.x86_64 root=UUID=") {
				t.Errorf("command line %s", lines)
			}
		})
	}
}

func trusted(t *testing.T, text string, m *machine) string {
	t.Helper()
	return filled(t, text, authorities(t, m.log, m.pcrs)...)
}

// learning issues the authorities, as the guide says how to come by them, and
// permits whichever they are.
func learning(t *testing.T, text string, _ *machine) string {
	t.Helper()
	text = strings.Replace(text, `[type=="onlyTrusted", value==true, issuer=="AttestationPolicy"] =>`, `[type=="onlyTrusted"] =>`, 1)
	return strings.Replace(text, "issuancerules\n{", "issuancerules\n{\n    c:[type==\"ran\"] => issue(claim=c);", 1)
}

func golden(t *testing.T, text string, m *machine) string {
	t.Helper()
	for _, i := range []int{0, 4, 7} {
		text = filled(t, text, strconv.Itoa(i)+":"+b64(m.pcrs.PCRs[i].Digest))
	}
	return text
}

// quoting leaves out the PCRs that are not listed.
func quoting(pcrs ...int) func(*testing.T, *machine, *testattest.Request) {
	return func(_ *testing.T, m *machine, r *testattest.Request) {
		some := tpm.Bank{Algorithm: tpm.SHA256}
		for _, i := range pcrs {
			some.PCRs = append(some.PCRs, m.pcrs.PCRs[i])
		}
		r.Banks = []tpm.Bank{some}
	}
}

// addIMA sends a log of IMA's along, and quotes its PCR 10.
func addIMA(t *testing.T, m *machine, r *testattest.Request, entries ...[]byte) {
	t.Helper()
	value := make([]byte, sha256.Size)
	var log []byte
	for _, e := range entries {
		sum, old := sha256.Sum256(e), sha1.Sum(e)
		all := sha256.Sum256(append(value, sum[:]...))
		value = all[:]
		log = append(binary.LittleEndian.AppendUint32(log, 10), old[:]...)
		log = imaField(imaField(log, []byte("ima-buf")), e)
	}
	bank := tpm.Bank{Algorithm: tpm.SHA256, PCRs: append([]tpm.PCR{}, m.pcrs.PCRs...)}
	bank.PCRs[10].Digest = value
	r.Banks = []tpm.Bank{bank}
	r.Edit = func(data map[string]any) {
		current := data["tpm_att_data"].(map[string]any)["current_attestation"].(map[string]any)
		current["logs"] = append(current["logs"].([]any), map[string]any{"type": "IMA", "log": b64(log)})
	}
}

// imaBuffer is the data of an entry of template ima-buf.
func imaBuffer(name string, data []byte) []byte {
	sum := sha256.Sum256(data)
	b := imaField(nil, append([]byte("sha256:\x00"), sum[:]...))
	return imaField(imaField(b, []byte(name+"\x00")), data)
}

func imaField(b, field []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(field))), field...)
}

// certificateOf is the certificate of a key that the kernel may load.
func certificateOf(t *testing.T, name string) []byte {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(nil, c, c, &aikKey().PublicKey, aikKey())
	if err != nil {
		t.Fatal(err)
	}
	return der
}
