package eventlog_test

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-attestation/attest"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
	"github.com/azattest/azattest/internal/corpus"
)

// go-attestation's parser is the oracle: another reading of the same logs.

func asError(t *testing.T, err error) *eventlog.Error {
	t.Helper()
	var e *eventlog.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *eventlog.Error", err)
	}
	return e
}

var oracleHashes = map[eventlog.Bank]struct {
	alg  attest.HashAlg
	hash crypto.Hash
}{
	eventlog.SHA1:   {attest.HashSHA1, crypto.SHA1},
	eventlog.SHA256: {attest.HashSHA256, crypto.SHA256},
	eventlog.SHA384: {attest.HashSHA384, crypto.SHA384},
}

// firmwareLogs are those of TPMs, with the Windows log of a quote.
func firmwareLogs(t *testing.T) map[string][]byte {
	t.Helper()
	raw := map[string][]byte{"windows": windows(t).raw}
	for _, l := range logs {
		if l.format == eventlog.FormatCryptoAgile || l.format == eventlog.FormatSHA1 {
			raw[l.path[len(l.path)-1]] = corpus.Read(t, l.path...)
		}
	}
	return raw
}

func TestEventsAreThoseOfTheOracle(t *testing.T) {
	t.Parallel()
	for name, raw := range firmwareLogs(t) {
		ours, theirs := parse(t, raw), oracle(t, raw)
		if theirs == nil {
			t.Logf("%s: the oracle cannot read it", name)
			continue
		}
		for _, bank := range ours.Banks {
			o := theirs.Events(oracleHashes[bank].alg)
			if len(o) != len(ours.Events) {
				t.Fatalf("%s: %d events, the oracle has %d", name, len(ours.Events), len(o))
			}
			for i, e := range ours.Events {
				if e.PCR != o[i].Index || uint32(e.Type) != uint32(o[i].Type) || !bytes.Equal(e.Data, o[i].Data) || !bytes.Equal(e.Digest(bank), o[i].Digest) {
					t.Errorf("%s, event %d differs: %s", name, e.Number, eventlog.Describe(&e))
				}
			}
		}
	}
}

func TestReplayIsThatOfTheOracle(t *testing.T) {
	t.Parallel()
	for name, raw := range firmwareLogs(t) {
		ours, theirs := parse(t, raw), oracle(t, raw)
		if theirs == nil {
			continue
		}
		for _, bank := range ours.Banks {
			pcrs, err := ours.Replay(bank)
			if err != nil {
				t.Fatal(err)
			}
			p, err := ours.Prove(bank, pcrs)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			verified, err := theirs.Verify(oraclePCRs(bank, pcrs))
			if err != nil {
				t.Fatalf("%s, %s: the oracle does not verify our PCRs: %v", name, bank, err)
			}
			if len(verified) != len(p.Events) {
				t.Errorf("%s, %s: %d events, the oracle %d", name, bank, len(p.Events), len(verified))
			}
			compareSecureBoot(t, name, p, verified)
			for index := range pcrs {
				pcrs[index][0] ^= 1
				if _, err := theirs.Verify(oraclePCRs(bank, pcrs)); err == nil {
					t.Errorf("%s: the oracle verifies another PCR %d", name, index)
				}
				if _, err := ours.Prove(bank, pcrs); pcrOf(t, err) != index {
					t.Errorf("%s: another PCR %d: %v", name, index, err)
				}
				pcrs[index][0] ^= 1
			}
		}
	}
}

func oracle(t *testing.T, raw []byte) *attest.EventLog {
	t.Helper()
	l, err := attest.ParseEventLog(raw)
	if err != nil {
		return nil
	}
	return l
}

func oraclePCRs(bank eventlog.Bank, pcrs map[int][]byte) []attest.PCR {
	out := make([]attest.PCR, 0, len(pcrs))
	for index, value := range pcrs {
		out = append(out, attest.PCR{Index: index, Digest: value, DigestAlg: oracleHashes[bank].hash})
	}
	return out
}

func compareSecureBoot(t *testing.T, name string, p *eventlog.Proven, verified []attest.Event) {
	t.Helper()
	if p.Bank == eventlog.SHA384 {
		return // the oracle cannot compare its digests
	}
	ours, err := p.SecureBoot()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	theirs, err := attest.ParseSecurebootState(verified)
	if err != nil {
		t.Logf("%s: the oracle cannot tell the state of Secure Boot: %v", name, err)
		return
	}
	if ours == nil {
		if theirs.Enabled || len(theirs.PlatformKeys) > 0 {
			t.Errorf("%s: no state of Secure Boot, the oracle has one", name)
		}
		return
	}
	if ours.IsEnabled != theirs.Enabled {
		t.Errorf("%s: Secure Boot %t, the oracle says %t", name, ours.IsEnabled, theirs.Enabled)
	}
	compareSignatures(t, name+" PK", ours.PK, len(theirs.PlatformKeys), theirs.PlatformKeyHashes)
	compareSignatures(t, name+" KEK", ours.KEK, len(theirs.ExchangeKeys), theirs.ExchangeKeyHashes)
	compareSignatures(t, name+" db", ours.DB, len(theirs.PermittedKeys), theirs.PermittedHashes)
	compareSignatures(t, name+" dbx", ours.DBX, len(theirs.ForbiddenKeys), theirs.ForbiddenHashes)
}

func compareSignatures(t *testing.T, name string, ours []eventlog.Signature, certs int, hashes [][]byte) {
	t.Helper()
	n, ourHashes := 0, [][]byte{}
	for _, s := range ours {
		switch s.Type {
		case "X509":
			n++
		case "SHA256":
			ourHashes = append(ourHashes, s.Data)
		default:
			t.Errorf("%s: type %s", name, s.Type)
		}
	}
	if n != certs || !slices.EqualFunc(ourHashes, hashes, bytes.Equal) {
		t.Errorf("%s: %d certificates and %d hashes, the oracle has %d and %d", name, n, len(ourHashes), certs, len(hashes))
	}
}

// windowsLog is the evidence of a Windows machine on GCP.
type windowsLog struct {
	raw  []byte
	pcrs map[eventlog.Bank]map[int][]byte
}

func windows(tb testing.TB) windowsLog {
	tb.Helper()
	var file struct {
		Log struct {
			PCRs []struct {
				Index     int
				Digest    []byte
				DigestAlg crypto.Hash
			}
			Raw []byte
		}
	}
	if err := json.Unmarshal(corpus.Read(tb, "evidence", "tpm", "goattestation-windows-gcp", "windows_gcp_shielded_vm.json"), &file); err != nil {
		tb.Fatal(err)
	}
	w := windowsLog{raw: file.Log.Raw, pcrs: map[eventlog.Bank]map[int][]byte{eventlog.SHA1: {}}}
	for _, p := range file.Log.PCRs {
		if p.DigestAlg == crypto.SHA1 {
			w.pcrs[eventlog.SHA1][p.Index] = p.Digest
		}
	}
	return w
}

func TestWindowsTagsAreThoseOfTheOracle(t *testing.T) {
	t.Parallel()
	w := windows(t)
	ours := parse(t, w.raw)
	p, err := ours.Prove(eventlog.SHA1, w.pcrs[eventlog.SHA1])
	if err != nil {
		t.Fatalf("the quoted PCRs do not prove the log: %v", err)
	}
	if !p.IsWindows || len(p.Unexplained) != 0 {
		t.Fatalf("Windows %t, unexplained PCRs %v", p.IsWindows, p.Unexplained)
	}
	verified, err := oracle(t, w.raw).Verify(oraclePCRs(eventlog.SHA1, w.pcrs[eventlog.SHA1]))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := attest.ParseWinEvents(verified)
	if err != nil {
		t.Fatal(err)
	}
	events := documentOf(t, p)
	var unlocks []attest.BitlockerStatus
	modules := map[string]bool{}
	for _, e := range events {
		boundary, _ := e.ProcessedData["EVENT_TRUSTBOUNDARY"].(map[string]any)
		for name, want := range map[string]bool{
			"EVENT_BOOTDEBUGGING": theirs.BootDebuggingEnabled, "EVENT_OSKERNELDEBUG": theirs.KernelDebugEnabled,
			"EVENT_TESTSIGNING": theirs.TestSigningEnabled, "EVENT_CODEINTEGRITY": theirs.CodeIntegrityEnabled == attest.TernaryTrue,
		} {
			if got, ok := boundary[name]; ok && got != want {
				t.Errorf("%s is %v, the oracle says %t", name, got, want)
			}
		}
		if u, ok := boundary["EVENT_BITLOCKER_UNLOCK"].(map[string]any); ok && e.PcrIndex == 12 {
			unlocks = append(unlocks, attest.BitlockerStatus(u["Value"].(float64)))
		}
		list, _ := boundary["EVENT_LOADEDMODULE_AGGREGATION"].([]any)
		for _, m := range list {
			hash, _ := m.(map[string]any)["EVENT_AUTHENTICODEHASH"].(map[string]any)
			raw, err := base64.RawURLEncoding.DecodeString(hash["RawData"].(string))
			if err != nil {
				t.Fatal(err)
			}
			key := string(raw)
			modules[key] = true
			module := theirs.LoadedModules[hexOf(raw)]
			if path, ok := m.(map[string]any)["EVENT_FILEPATH"]; ok && module.FilePath != "" && path != module.FilePath {
				t.Errorf("module %x: path %v, the oracle has %s", raw, path, module.FilePath)
			}
		}
	}
	if len(modules) != len(theirs.LoadedModules) {
		t.Errorf("%d modules, the oracle has %d", len(modules), len(theirs.LoadedModules))
	}
	if !reflect.DeepEqual(unlocks, theirs.BitlockerUnlocks) {
		t.Errorf("BitLocker %v, the oracle has %v", unlocks, theirs.BitlockerUnlocks)
	}
}
