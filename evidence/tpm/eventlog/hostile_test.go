package eventlog_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
	"github.com/azattest/azattest/internal/corpus"
)

func TestLogsThatEndAnywhereAreRefusedOrShorter(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string][]byte{
		"agile": agile(append(secureBoot(1), wbcl())...), "old": old(secureBoot(1)...),
		"ima": imaBinary(imaSample...), "ascii": imaASCII(imaSample...),
	} {
		whole := len(parse(t, raw).Events)
		for n := range raw {
			log, err := eventlog.Parse(raw[:n])
			if err == nil && len(log.Events) >= whole {
				t.Errorf("%s: %d of %d bytes have all events", name, n, len(raw))
			}
			if err != nil {
				if e := asError(t, err); e.Offset > n || e.Part == "" || e.Code == "" {
					t.Errorf("%s, %d bytes: %v", name, n, err)
				}
			}
		}
	}
}

// Each field that counts or measures, at its worst.
func TestHostileFieldsAreRefused(t *testing.T) {
	t.Parallel()
	raw := agile(separator(0))
	const spec, first = 32, 32 + 37
	for _, tt := range []struct {
		name string
		at   int
		to   []byte
		part string
		code eventlog.Code
	}{
		{"the header's size", 28, []byte{0xff, 0xff, 0xff, 0xff}, "event", eventlog.CodeTooLarge},
		{"the header's version", spec + 21, []byte{3}, "header: version", eventlog.CodeUnsupported},
		{"no algorithms", spec + 24, []byte{0, 0, 0, 0}, "header: numberOfAlgorithms", eventlog.CodeMalformed},
		{"2^32-1 algorithms", spec + 24, []byte{0xff, 0xff, 0xff, 0xff}, "header: numberOfAlgorithms", eventlog.CodeMalformed},
		{"more algorithms than there are", spec + 24, []byte{8, 0, 0, 0}, "header: algorithmId", eventlog.CodeTruncated},
		{"an algorithm twice", spec + 32, []byte{4, 0, 20, 0}, "header: algorithmId", eventlog.CodeMalformed},
		{"SHA-256 of 20 bytes", spec + 34, []byte{20, 0}, "header: digestSize of SHA256", eventlog.CodeMalformed},
		{"an unknown algorithm of 0 bytes", spec + 32, []byte{0x77, 0, 0, 0}, "header: digestSize of algorithm 0x0077", eventlog.CodeMalformed},
		{"an unknown algorithm of 65 bytes", spec + 32, []byte{0x77, 0, 65, 0}, "header: digestSize of algorithm 0x0077", eventlog.CodeMalformed},
		{"more vendor info than there is", spec + 36, []byte{9}, "header: vendorInfo", eventlog.CodeTruncated},
		{"PCR 32", first, []byte{32}, "pcrIndex", eventlog.CodeMalformed},
		{"PCR 2^32-1", first, []byte{0xff, 0xff, 0xff, 0xff}, "pcrIndex", eventlog.CodeMalformed},
		{"2^32-1 digests", first + 8, []byte{0xff, 0xff, 0xff, 0xff}, "digests.count", eventlog.CodeMalformed},
		{"three digests", first + 8, []byte{3}, "digests.count", eventlog.CodeMalformed},
		{"an algorithm that the header has not", first + 12, []byte{0x0c, 0}, "digests.hashAlg", eventlog.CodeMalformed},
		{"a digest twice", first + 34, []byte{4, 0}, "digests.hashAlg", eventlog.CodeMalformed},
		{"an event of 2^32-1 bytes", first + 68, []byte{0xff, 0xff, 0xff, 0xff}, "event", eventlog.CodeTooLarge},
		{"an event of 5 bytes", first + 68, []byte{5, 0, 0, 0}, "event", eventlog.CodeTruncated},
	} {
		changed := bytes.Clone(raw)
		copy(changed[tt.at:], tt.to)
		_, err := eventlog.Parse(changed)
		if e := asError(t, err); e.Part != tt.part || e.Code != tt.code || tt.at >= first && e.Event != 1 {
			t.Errorf("%s: %v (%s), want %s, %s", tt.name, err, e.Code, tt.part, tt.code)
		}
	}
}

func TestUnknownAlgorithmsAreReadAndNotProven(t *testing.T) {
	t.Parallel()
	raw := agile(separator(0))
	le.PutUint16(raw[32+32:], 0x77)    // the header's second
	le.PutUint16(raw[32+37+34:], 0x77) // the event's second
	log := parse(t, raw)
	if log.Banks[1] != 0x77 || len(log.Events[0].Digest(0x77)) != 32 || log.Events[0].Digest(eventlog.SHA256) != nil {
		t.Errorf("banks %v", log.Banks)
	}
	if _, err := log.Prove(0x77, nil); asError(t, err).Code != eventlog.CodeUnsupported {
		t.Error(err)
	}
	if _, err := log.Prove(eventlog.SHA1, nil); err != nil {
		t.Error(err)
	}
}

func TestWhatIsTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := eventlog.Parse(make([]byte, 64<<20)); asError(t, err).Code != eventlog.CodeTooLarge {
		t.Errorf("64 MiB: %v", err)
	}
	// Ten million events would take 300 MB; what fits is cut off at its bound.
	for name, raw := range map[string][]byte{
		"old":   bytes.Repeat(append(head(0, eventlog.EvSeparator), make([]byte, 24)...), 300_000),
		"agile": append(agile(), bytes.Repeat(append(head(0, eventlog.EvSeparator), make([]byte, 8)...), 300_000)...),
		"ima":   bytes.Repeat(imaBinary(imaSample[1]), 140_000),
	} {
		_, err := eventlog.Parse(raw)
		if e := asError(t, err); e.Code != eventlog.CodeTooLarge || !strings.Contains(err.Error(), "131072") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTrailingBytesAreRefusedOutsideOfCCEL(t *testing.T) {
	t.Parallel()
	for _, pad := range []byte{0, 0xff} {
		for name, raw := range map[string][]byte{"agile": agile(secureBoot(1)...), "old": old(secureBoot(1)...)} {
			if _, err := eventlog.Parse(append(raw, bytes.Repeat([]byte{pad}, 33)...)); err == nil {
				t.Errorf("%s padded with %x", name, pad)
			}
		}
		ccel := agile(separator(1))
		ccel[0] = 1
		if log := parse(t, append(bytes.Clone(ccel), bytes.Repeat([]byte{pad}, 33)...)); log.Format != eventlog.FormatCCEL || len(log.Events) != 1 {
			t.Errorf("%s, %d events", log.Format, len(log.Events))
		}
		if _, err := eventlog.Parse(append(append(ccel, bytes.Repeat([]byte{pad}, 33)...), 7)); err == nil {
			t.Error("a CCEL with something behind its padding")
		}
	}
}

func TestWindowsOwnHeaderIsUnderstood(t *testing.T) {
	t.Parallel()
	body := old(secureBoot(1)...)
	header := func(version, entries, length int) []byte {
		b := []byte("WBCL")
		for _, n := range []int{version, entries, length} {
			b = le.AppendUint32(b, uint32(n))
		}
		return append(b, body...)
	}
	for _, raw := range [][]byte{header(1, 6, len(body)), header(1, 6, len(body)+16)} {
		if log := parse(t, raw); log.Format != eventlog.FormatSHA1 || len(log.Events) != 6 || log.Events[0].Offset != 16 {
			t.Errorf("%s, %d events", log.Format, len(log.Events))
		}
	}
	for part, raw := range map[string][]byte{
		"WBCL_LogHdr.version": header(2, 6, len(body)), "WBCL_LogHdr.entries": header(1, 5, len(body)), "WBCL_LogHdr.length": header(1, 6, len(body)-1),
	} {
		if _, err := eventlog.Parse(raw); asError(t, err).Part != part {
			t.Errorf("%s: %v", part, err)
		}
	}
}

func TestOtherFilesAreNoLogs(t *testing.T) {
	t.Parallel()
	for _, raw := range [][]byte{nil, {1}, []byte("<html>"), []byte(`{"Events":[]} and some more text to fill it`), bytes.Repeat([]byte{0xff}, 64)} {
		if log, err := eventlog.Parse(raw); err == nil {
			t.Errorf("%q is read as %s", raw, log.Format)
		}
	}
	if _, err := eventlog.ParseAs(nil, 77); asError(t, err).Code != eventlog.CodeUnsupported {
		t.Error(err)
	}
}

// Every byte of a true log, changed: what is still read is proven by its PCRs
// only if the change is in what no PCR proves.
func TestChangedBytesNeverAddProof(t *testing.T) {
	t.Parallel()
	raw := corpus.Read(t, "evidence", "tpm-eventlog", "gotpmtools", "cos-101-amd-sev.bin")
	log := parse(t, raw)
	pcrs, err := log.Replay(eventlog.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	before, err := log.Prove(eventlog.SHA256, pcrs)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(raw); at += 17 {
		changed := bytes.Clone(raw)
		changed[at] ^= 0x20
		l, err := eventlog.Parse(changed)
		if err != nil {
			continue
		}
		p, err := l.Prove(eventlog.SHA256, pcrs)
		if err != nil {
			continue
		}
		if len(p.Events) != len(before.Events) {
			t.Fatalf("byte %d: %d events are proven, not %d", at, len(p.Events), len(before.Events))
		}
		for i, e := range p.Events {
			if e.Proof == eventlog.ProofData && !bytes.Equal(e.Data, before.Events[i].Data) {
				t.Fatalf("byte %d: other data is proven: %s", at, eventlog.Describe(e.Event))
			}
		}
	}
}
