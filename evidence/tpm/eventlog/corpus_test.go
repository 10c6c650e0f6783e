package eventlog_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"testing"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
	"github.com/azattest/azattest/internal/corpus"
)

// logs are the corpus's, with what its INDEX says of them.
var logs = []struct {
	path   []string
	format eventlog.Format
	events int
	banks  int
}{
	{[]string{"evidence", "tpm-eventlog", "ccel-trustee", "CCEL_data_grub"}, eventlog.FormatCCEL, 37, 1},
	{[]string{"evidence", "tpm-eventlog", "ccel-trustee", "CCEL_data_ovmf"}, eventlog.FormatCCEL, 20, 1},
	{[]string{"evidence", "tpm-eventlog", "goattestation", "ebs_event_missing_eventlog"}, eventlog.FormatSHA1, 38, 1},
	{[]string{"evidence", "tpm-eventlog", "goattestation", "sb_cert_eventlog"}, eventlog.FormatCryptoAgile, 14, 3},
	{[]string{"evidence", "tpm-eventlog", "goattestation", "short_no_action_eventlog"}, eventlog.FormatSHA1, 1, 1},
	{[]string{"evidence", "tpm-eventlog", "gotpmtools", "arch-linux-workstation.bin"}, eventlog.FormatCryptoAgile, 24, 2},
	{[]string{"evidence", "tpm-eventlog", "gotpmtools", "cos-101-amd-sev.bin"}, eventlog.FormatCryptoAgile, 48, 3},
	{[]string{"evidence", "tpm-eventlog", "gotpmtools", "debian-10.bin"}, eventlog.FormatSHA1, 25, 1},
	{[]string{"evidence", "tpm-eventlog", "gotpmtools", "rhel8-uefi.bin"}, eventlog.FormatCryptoAgile, 82, 3},
	{[]string{"evidence", "tpm-eventlog", "gotpmtools", "ubuntu-2104-no-secure-boot.bin"}, eventlog.FormatCryptoAgile, 105, 3},
	{[]string{"evidence", "tdx-v4", "gcp-cos113-00806f-00b2", "ccel_data.dat"}, eventlog.FormatCCEL, 43, 1},
}

func TestLogsOfTheCorpusAreRead(t *testing.T) {
	t.Parallel()
	for _, l := range logs {
		t.Run(l.path[len(l.path)-1], func(t *testing.T) {
			t.Parallel()
			log := parse(t, corpus.Read(t, l.path...))
			if log.Format != l.format || len(log.Events) != l.events || len(log.Banks) != l.banks {
				t.Fatalf("%s, %d events, banks %v; want %s, %d, %d", log.Format, len(log.Events), log.Banks, l.format, l.events, l.banks)
			}
			for _, bank := range log.Banks {
				pcrs, err := log.Replay(bank)
				if err != nil {
					t.Fatal(err)
				}
				p, err := log.Prove(bank, pcrs)
				if err != nil {
					t.Fatalf("a true log is refused by its own PCRs: %v", err)
				}
				checkProofs(t, p)
			}
			for _, e := range log.Events {
				if s := eventlog.Describe(&e); s == "" || len(s) > 2000 {
					t.Errorf("event %d is described as %q", e.Number, s)
				}
			}
		})
	}
}

// checkProofs holds the proofs of true logs against what each type is known to
// hash. Descriptive types are those whose data is never what was hashed.
func checkProofs(t *testing.T, p *eventlog.Proven) {
	t.Helper()
	for _, e := range p.Events {
		var want []eventlog.Proof
		switch e.Type {
		case eventlog.EvSeparator, eventlog.EvEFIVariableDriverConfig, eventlog.EvEFIAction, eventlog.EvSCRTMVersion, eventlog.EvEFIGPTEvent, eventlog.EvNonhostInfo, eventlog.EvCompactHash:
			want = []eventlog.Proof{eventlog.ProofData}
		case eventlog.EvEFIVariableAuthority:
			want = []eventlog.Proof{eventlog.ProofData, eventlog.ProofButLast}
		case eventlog.EvEFIVariableBoot:
			want = []eventlog.Proof{eventlog.ProofData, eventlog.ProofValue}
		case eventlog.EvIPL:
			want = []eventlog.Proof{eventlog.ProofData, eventlog.ProofText, eventlog.ProofDigest}
		case eventlog.EvEventTag:
			want = []eventlog.Proof{eventlog.ProofData, eventlog.ProofDigest}
		default:
			want = []eventlog.Proof{eventlog.ProofDigest}
		}
		if !slices.Contains(want, e.Proof) || e.DataProven != (e.Proof == eventlog.ProofData) {
			t.Errorf("%s: proof %s, want one of %v", eventlog.Describe(e.Event), e.Proof, want)
		}
	}
}

func TestGRUBsCommandsAreProven(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"cos-101-amd-sev.bin", "rhel8-uefi.bin", "ubuntu-2104-no-secure-boot.bin", "arch-linux-workstation.bin"} {
		log := parse(t, corpus.Read(t, "evidence", "tpm-eventlog", "gotpmtools", file))
		pcrs, err := log.Replay(eventlog.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		p, err := log.Prove(eventlog.SHA256, pcrs)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, e := range p.Events {
			if e.PCR != 8 {
				continue
			}
			n++
			if e.Proof != eventlog.ProofText && e.Proof != eventlog.ProofData {
				t.Errorf("%s: %s: %s", file, eventlog.Describe(e.Event), e.Proof)
			}
		}
		if n == 0 {
			t.Errorf("%s: no event of PCR 8", file)
		}
	}
}

// A quote of Intel's and the log of the same trust domain: RTMR 0 to 3 are in
// the quote's report.
func TestQuotedRTMRsProveTheLog(t *testing.T) {
	t.Parallel()
	log := parse(t, corpus.Read(t, "evidence", "tdx-v4", "gcp-cos113-00806f-00b2", "ccel_data.dat"))
	quote := corpus.Read(t, "evidence", "tdx-v4", "gcp-cos113-00806f-00b2", "quote.bin")
	const rtmr0 = 48 + 328
	quoted := map[int][]byte{}
	for i := range 4 {
		quoted[i+1] = quote[rtmr0+48*i : rtmr0+48*(i+1)]
	}
	p, err := log.Prove(eventlog.SHA384, quoted)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Events) != 43 || len(p.PCRs) != 3 || len(p.Unexplained) != 0 {
		t.Fatalf("%d events of %v are proven, unexplained %v", len(p.Events), p.PCRs, p.Unexplained)
	}
	quoted[2] = bytes.Repeat([]byte{7}, 48)
	if _, err := log.Prove(eventlog.SHA384, quoted); pcrOf(t, err) != 2 {
		t.Fatalf("another RTMR 1: %v", err)
	}
}

// A log that ends before firmware's services did, and the PCR 5 that upstream has
// for it, in which their end was measured.
func TestTheEndOfFirmwaresServicesMayBeMissing(t *testing.T) {
	t.Parallel()
	log := parse(t, corpus.Read(t, "evidence", "tpm-eventlog", "goattestation", "ebs_event_missing_eventlog"))
	quoted, err := hex.DecodeString("31245808d6d35849bc394f6343f2b3ff908ed5e3")
	if err != nil {
		t.Fatal(err)
	}
	p, err := log.Prove(eventlog.SHA1, map[int][]byte{5: quoted})
	if err != nil || len(p.Events) != 3 {
		t.Fatalf("%+v, %v", p, err)
	}
	for _, other := range []int{4, 7} {
		pcrs, err := log.Replay(eventlog.SHA1)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"Exit Boot Services Invocation", "Exit Boot Services Returned with Success"} {
			digest := sha1.Sum([]byte(text))
			pcrs[other] = extendWith(eventlog.SHA1, pcrs[other], digest[:])
		}
		if _, err := log.Prove(eventlog.SHA1, pcrs); pcrOf(t, err) != other {
			t.Errorf("in PCR %d: %v", other, err)
		}
	}
}

// upstream's own reading of the same log
func TestCCELIsReadAsUpstreamReadsIt(t *testing.T) {
	t.Parallel()
	log := parse(t, corpus.Read(t, "evidence", "tpm-eventlog", "ccel-trustee", "CCEL_data_grub"))
	var want struct {
		Events []struct {
			Details struct {
				Name  string `json:"unicode_name"`
				Value string `json:"variable_data"`
			} `json:"details"`
			Matches bool `json:"digest_matches_event"`
			Digests []struct {
				Digest string `json:"digest"`
			} `json:"digests"`
			Event string `json:"event"`
			Index int    `json:"index"`
			Type  string `json:"type_name"`
		} `json:"uefi_event_logs"`
	}
	if err := json.Unmarshal(corpus.Read(t, "evidence", "tpm-eventlog", "ccel-trustee", "CCEL_data_grub_out.json"), &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Events) != len(log.Events) {
		t.Fatalf("%d events, upstream has %d", len(log.Events), len(want.Events))
	}
	pcrs, err := log.Replay(eventlog.SHA384)
	if err != nil {
		t.Fatal(err)
	}
	p, err := log.Prove(eventlog.SHA384, pcrs)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range want.Events {
		e := p.Events[i]
		data, err := base64.StdEncoding.DecodeString(w.Event)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, e.Data) || w.Index != e.PCR || w.Digests[0].Digest != hex.EncodeToString(e.Extended) {
			t.Errorf("event %d differs: %s", i, eventlog.Describe(e.Event))
		}
		if w.Type != e.Type.String() {
			t.Errorf("event %d: type %s, upstream %s", i, e.Type, w.Type)
		}
		if w.Matches && !e.DataProven {
			t.Errorf("event %d: upstream finds the digest to be the data's: %s", i, eventlog.Describe(e.Event))
		}
		if v, ok := decode(t, e.Event).(*eventlog.Variable); ok && w.Details.Name != "" {
			if v.Name != w.Details.Name || base64.StdEncoding.EncodeToString(v.Data) != w.Details.Value {
				t.Errorf("event %d: variable %s, upstream %s", i, v.Name, w.Details.Name)
			}
		}
	}
}

func decode(t *testing.T, e *eventlog.Event) any {
	t.Helper()
	v, err := e.Decode()
	if err != nil {
		return nil
	}
	return v
}

func parse(t *testing.T, raw []byte) *eventlog.Log {
	t.Helper()
	log, err := eventlog.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func pcrOf(t *testing.T, err error) int {
	t.Helper()
	return asError(t, err).PCR
}
