package tpm_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-tpm/tpm2"

	collect "github.com/azattest/azattest/collect/tpm"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/testtpm"
)

// The log of a real machine, from where Linux keeps it, is proven by the quote that
// goes along; a second log that grows meanwhile is not in its way.
func TestLogsAreProvenByTheQuote(t *testing.T) {
	t.Parallel()
	raw := corpus.Read(t, "evidence", "tpm-eventlog", "gotpmtools", "ubuntu-2104-no-secure-boot.bin")
	running, opened := start(t)
	l := running.Measure(t, raw)
	root := t.TempDir()
	path := filepath.Join(root, "sys", "kernel", "security", "tpm0", "binary_bios_measurements")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s := startService(t)
	aik := newAIK(t, opened, collect.ECC)
	for name, o := range map[string]*collect.AttestOptions{
		"machine":   {Root: root},
		"given":     {Logs: []collect.Log{must[collect.Log](t)(collect.NewLog(raw))}},
		"two banks": {Root: root, Banks: []tpm.Algorithm{tpm.SHA1, tpm.SHA256}, PCRs: []int{7, 4, 0, 1, 2, 3, 5, 6, 8, 9, 14}},
		"version 1": {Root: root, Version: 1},
	} {
		o.AIK = aik
		must[*collect.Report](t)(collect.Attest(t.Context(), s.client(), opened, o))
		d, q := verifyRequest(t, s, aik)
		sent := d.TPM.BootLog
		if o.Version != 1 {
			if len(d.TPM.Current.Logs) != 1 || d.TPM.Current.Logs[0].Type != "TCG" {
				t.Fatalf("%s: logs %v", name, d.TPM.Current.Logs)
			}
			sent = d.TPM.Current.Logs[0].Log
		}
		if !bytes.Equal(bytesOf(t, sent), raw) {
			t.Errorf("%s: another log", name)
		}
		for _, bank := range q.Banks {
			values := map[int][]byte{}
			for _, p := range bank.PCRs {
				values[p.Index] = p.Digest
			}
			proven := must[*eventlog.Proven](t)(l.Prove(eventlog.Bank(bank.Algorithm), values))
			if len(proven.Events) < 50 {
				t.Errorf("%s: %d events of %d", name, len(proven.Events), len(l.Events))
			}
		}
		if name == "two banks" && (len(q.Banks) != 2 || q.Banks[0].Algorithm != tpm.SHA1 || len(q.Banks[0].PCRs) != 11) {
			t.Errorf("banks %v", q.Banks)
		}
	}
	must[*collect.Report](t)(collect.Attest(t.Context(), s.client(), opened, &collect.AttestOptions{AIK: aik, Root: root, NoLogs: true}))
	if d, _ := verifyRequest(t, s, aik); len(d.TPM.Current.Logs) != 0 {
		t.Error("logs, and there should be none")
	}
}

func TestReadLogs(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if logs := must[[]collect.Log](t)(collect.ReadLogs(root)); len(logs) != 0 {
		t.Errorf("logs %v", logs)
	}
	for path, text := range map[string]string{"tpm0/binary_bios_measurements": "firmware's", "ima/binary_runtime_measurements": "IMA's"} {
		path = filepath.Join(root, "sys", "kernel", "security", path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	logs := must[[]collect.Log](t)(collect.ReadLogs(root))
	if len(logs) != 2 || logs[0].Type != collect.LogTCG || string(logs[0].Bytes) != "firmware's" || logs[1].Type != collect.LogIMA || string(logs[1].Bytes) != "IMA's" {
		t.Errorf("logs %v", logs)
	}
	if err := os.Truncate(filepath.Join(root, "sys", "kernel", "security", "tpm0", "binary_bios_measurements"), 17<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := collect.ReadLogs(root); err == nil || !strings.Contains(err.Error(), "more than 16777216 bytes") {
		t.Errorf("%v, want that it is too long", err)
	}
	for _, raw := range [][]byte{nil, []byte("10 text"), make([]byte, 17<<20)} {
		if l, err := collect.NewLog(raw); err == nil {
			t.Errorf("a log of %d bytes is %s", len(raw), l.Type)
		}
	}
}

// The bank that is quoted is one that the log has.
func TestDefaultBank(t *testing.T) {
	t.Parallel()
	_, opened := start(t)
	s := startService(t)
	aik := newAIK(t, opened, collect.ECC)
	for name, want := range map[string]tpm.Algorithm{"debian-10.bin": tpm.SHA384, "arch-linux-workstation.bin": tpm.SHA256, "rhel8-uefi.bin": tpm.SHA384} {
		log := must[collect.Log](t)(collect.NewLog(corpus.Read(t, "evidence", "tpm-eventlog", "gotpmtools", name)))
		must[*collect.Report](t)(collect.Attest(t.Context(), s.client(), opened, &collect.AttestOptions{AIK: aik, Logs: []collect.Log{log}}))
		if _, q := verifyRequest(t, s, aik); len(q.Banks) != 1 || q.Banks[0].Algorithm != want {
			t.Errorf("%s: %s, want %s", name, q.Banks[0].Algorithm, want)
		}
	}
}

// A PCR that is extended between a quote and the reading is no reason to fail, if it
// is not always so.
func TestQuoteWhilePCRsChange(t *testing.T) {
	t.Parallel()
	running := testtpm.Start(t)
	left := 0
	p := startProxy(t, running, func(cc tpm2.TPMCC, _ []byte) []byte {
		if cc == tpm2.TPMCCPCRRead && left > 0 {
			left--
			running.Extend(t, 10, eventlog.Digest{Bank: eventlog.SHA384, Value: bytes.Repeat([]byte{byte(left)}, 48)})
		}
		return nil
	})
	opened := must[*collect.TPM](t)(collect.Open(t.Context(), p.name))
	s := startService(t)
	aik := newAIK(t, opened, collect.ECC)
	for name, test := range map[string]struct {
		changes int
		want    string
	}{"sometimes": {5, ""}, "always": {1000, "something extends them all the time"}} {
		p.mu.Lock()
		left = test.changes
		p.mu.Unlock()
		_, err := collect.Attest(t.Context(), s.client(), opened, &collect.AttestOptions{AIK: aik})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	// A quote that does not hold is not sent.
	p.set(func(cc tpm2.TPMCC, command []byte) []byte {
		if cc != tpm2.TPMCCQuote {
			return nil
		}
		answer := must[[]byte](t)(running.Send(command))
		answer[len(answer)-20] ^= 1 // in the signature
		return answer
	})
	_, err := collect.Attest(t.Context(), s.client(), opened, &collect.AttestOptions{AIK: aik})
	if err == nil || !strings.Contains(err.Error(), "driver or the TPM is at fault") {
		t.Errorf("%v, want that the quote does not hold", err)
	}
}

func TestOtherKeysAndClaims(t *testing.T) {
	t.Parallel()
	_, opened := start(t)
	s := startService(t)
	aik := newAIK(t, opened, collect.RSA)
	public := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)).Public()
	o := &collect.AttestOptions{
		AIK: aik, RequestKey: must[*collect.Key](t)(opened.NewKey(t.Context(), collect.ECC)),
		OtherKeys: []collect.OtherKey{{Key: must[*collect.Key](t)(opened.NewKey(t.Context(), collect.RSA))}, {Public: public}},
		CustomClaims: []collect.CustomClaim{
			{Name: "text", Value: `"<&>"`, ValueType: collect.ClaimString},
			{Name: "number", Value: "-7", ValueType: collect.ClaimInteger},
			{Name: "flag", Value: "true", ValueType: collect.ClaimBoolean},
		},
	}
	r := must[*collect.Report](t)(collect.Attest(t.Context(), s.client(), opened, o))
	if r.Result.Nonce != nil || r.RequestKey != o.RequestKey {
		t.Errorf("report %+v", r)
	}
	d, _ := verifyRequest(t, s, aik)
	if len(d.OtherKeys) != 2 || d.OtherKeys[0].Info.Certify == nil || d.OtherKeys[1].Info.Certify != nil || d.OtherKeys[1].Info.Quote != nil {
		t.Fatalf("other keys %+v", d.OtherKeys)
	}
	if key := must[crypto.PublicKey](t)(tpm.ParseJWK(d.OtherKeys[1].JWK)); !key.(*ecdsa.PublicKey).Equal(public) {
		t.Error("another public key")
	}
	want := `[{"name":"text","type":"String","value":"\"<&>\""},{"name":"number","type":"Integer","value":"-7"},{"name":"flag","type":"Boolean","value":"true"}]`
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	list := make([]map[string]any, 0, len(d.CustomClaims))
	for _, c := range d.CustomClaims {
		list = append(list, map[string]any{"name": c["name"], "value": c["value"], "type": c["value_type"]})
	}
	if err := enc.Encode(list); err != nil || strings.TrimSpace(got.String()) != want {
		t.Errorf("claims %s, %v", got.String(), err)
	}
}

// An enclave vouches for the very bytes of the rest.
func TestEnclaveVouchesForTheRequest(t *testing.T) {
	t.Parallel()
	_, opened := start(t)
	s := startService(t)
	aik := newAIK(t, opened, collect.ECC)
	for version, wrap := range map[int]string{1: `"%"`, 2: `{"enclave":{"report":"%"}}`} {
		var vouched []byte
		o := &collect.AttestOptions{AIK: aik, Version: version, RPID: "https://rp.example/?a&<b>", VSMReport: func(_ context.Context, reportSigned []byte) ([]byte, error) {
			vouched = slices.Clone(reportSigned)
			return []byte("a report"), nil
		}}
		must[*collect.Report](t)(collect.Attest(t.Context(), s.client(), opened, o))
		verifyRequest(t, s, aik)
		payload := bytesOf(t, strings.Split(s.lastRequest(), ".")[1])
		report := strings.ReplaceAll(wrap, "%", base64.RawURLEncoding.EncodeToString([]byte("a report")))
		if want := `{"att_type":"vbs","att_data":{"report_signed":` + string(vouched) + `,"vsm_report":` + report + `}}`; string(payload) != want {
			t.Errorf("payload %s\nwant %s", payload, want)
		}
		for _, failing := range []func(context.Context, []byte) ([]byte, error){
			func(context.Context, []byte) ([]byte, error) { return nil, nil },
			func(context.Context, []byte) ([]byte, error) { return nil, errors.New("no enclave") },
		} {
			o.VSMReport = failing
			if _, err := collect.Attest(t.Context(), s.client(), opened, o); err == nil || !strings.Contains(err.Error(), "report of the enclave") {
				t.Errorf("%v, want that the enclave gives no report", err)
			}
		}
	}
}
