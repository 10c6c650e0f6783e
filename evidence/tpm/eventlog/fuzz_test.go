package eventlog_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
	"github.com/azattest/azattest/internal/corpus"
)

// whatever reads a log of any origin, proves it by its own PCRs, and holds the
// package to what it promises of all logs.
func whatever(t *testing.T, raw []byte, format eventlog.Format) {
	t.Helper()
	log, err := eventlog.ParseAs(raw, format)
	if err != nil {
		_ = asError(t, err)
		return
	}
	for i, e := range log.Events {
		if e.Number != i+1 || e.Offset < 0 || e.Offset >= len(raw) {
			t.Fatalf("event %d has number %d and offset %d", i, e.Number, e.Offset)
		}
		_, _ = e.Decode()
		if s := eventlog.Describe(&e); len(s) == 0 || len(s) > 4000 {
			t.Fatalf("a description of %d bytes", len(s))
		}
	}
	for _, bank := range []eventlog.Bank{eventlog.SHA1, eventlog.SHA256, eventlog.SHA384} {
		pcrs, err := log.Replay(bank)
		if err != nil {
			_ = asError(t, err)
			continue
		}
		p, err := log.Prove(bank, pcrs)
		if err != nil {
			_ = asError(t, err)
			continue
		}
		if document := eventlog.Document(p); !json.Valid(document) || !utf8.Valid(document) {
			t.Fatalf("no document: %s", document)
		}
		_, _ = p.SecureBoot()
		for _, index := range p.PCRs {
			pcrs[index] = bytes.Clone(pcrs[index])
			pcrs[index][0] ^= 1
			if _, err := log.Prove(bank, pcrs); err == nil {
				t.Fatalf("another PCR %d is proven too", index)
			}
			break
		}
	}
}

func FuzzParse(f *testing.F) {
	corpus.Seed(f, "evidence/tpm-eventlog/*/*", "evidence/tdx-v4/gcp-cos113-*/ccel_data.dat")
	f.Add(imaBinary(imaSample...))
	f.Add(imaASCII(imaSample...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if format, err := eventlog.Detect(raw); err == nil {
			whatever(t, raw, format)
		}
	})
}

func FuzzCryptoAgile(f *testing.F) {
	corpus.Seed(f, "evidence/tpm-eventlog/gotpmtools/*", "evidence/tpm-eventlog/goattestation/sb*")
	f.Add(agile(append(secureBoot(1), windowsBoot()...)...))
	f.Fuzz(func(t *testing.T, raw []byte) { whatever(t, raw, eventlog.FormatCryptoAgile) })
}

func FuzzSHA1(f *testing.F) {
	corpus.Seed(f, "evidence/tpm-eventlog/gotpmtools/debian*", "evidence/tpm-eventlog/goattestation/*")
	f.Add(old(append(secureBoot(1), windowsBoot()...)...))
	f.Fuzz(func(t *testing.T, raw []byte) { whatever(t, raw, eventlog.FormatSHA1) })
}

func FuzzCCEL(f *testing.F) {
	corpus.Seed(f, "evidence/tpm-eventlog/ccel-trustee/CCEL_data_ovmf", "evidence/tdx-v4/gcp-cos113-*/ccel_data.dat")
	f.Fuzz(func(t *testing.T, raw []byte) { whatever(t, raw, eventlog.FormatCCEL) })
}

func FuzzIMABinary(f *testing.F) {
	f.Add(imaBinary(imaSample...))
	f.Fuzz(func(t *testing.T, raw []byte) { whatever(t, raw, eventlog.FormatIMABinary) })
}

func FuzzIMAASCII(f *testing.F) {
	f.Add(imaASCII(imaSample...))
	f.Fuzz(func(t *testing.T, raw []byte) { whatever(t, raw, eventlog.FormatIMAASCII) })
}

// FuzzData reads data as that of an event of any type.
func FuzzData(f *testing.F) {
	for _, e := range append(secureBoot(1), windowsBoot()...) {
		f.Add(uint32(e.kind), e.data)
	}
	f.Add(uint32(eventlog.EvEFIBootServicesDriver), append(append(make([]byte, 24), le.AppendUint64(nil, 4)...), pathEnd...))
	f.Fuzz(func(t *testing.T, kind uint32, data []byte) {
		for pcr := range 24 {
			raw := old(entry{uint32(pcr), eventlog.EventType(kind), data, nil})
			whatever(t, raw, eventlog.FormatSHA1)
		}
	})
}

func FuzzDevicePath(f *testing.F) {
	f.Add(join(nodeOf(1, 1, 2, 3), nodeOf(4, 4, wide(`\a`)...), pathEnd))
	f.Fuzz(func(t *testing.T, path []byte) {
		text, err := eventlog.DevicePath(path)
		if err != nil && text != "" {
			t.Fatal("text with an error")
		}
		if len(text) > 100+40*len(path) {
			t.Fatalf("%d bytes of text for %d", len(text), len(path))
		}
	})
}

func FuzzSignatures(f *testing.F) {
	f.Add(list(globalGUID, 0, 17, append(globalGUID, 1)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		v := &eventlog.Variable{Data: data}
		all, err := v.Signatures()
		if err != nil {
			_ = asError(t, err)
		}
		if len(all) > len(data) {
			t.Fatalf("%d entries in %d bytes", len(all), len(data))
		}
		_, _ = v.Authority()
		_, _ = v.LoadOption()
	})
}
