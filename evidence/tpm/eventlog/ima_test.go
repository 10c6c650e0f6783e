package eventlog_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// imaEntry is an entry of IMA to write, in both forms.
type imaEntry struct {
	template, alg, name string
	digest, tail        []byte // tail: the signature or the buffer
	violation           bool
}

func (e imaEntry) fields() [][]byte {
	if e.template == "ima" {
		return nil
	}
	f := [][]byte{append([]byte(e.alg+":\x00"), e.digest...), []byte(e.name + "\x00")}
	if e.template != "ima-ng" && e.template != "ima-ngv2" {
		f = append(f, e.tail)
	}
	return f
}

// hashed is what the kernel hashes of an entry.
func (e imaEntry) hashed() []byte {
	if e.template == "ima" {
		return append(append([]byte{}, e.digest...), append([]byte(e.name), make([]byte, 256-len(e.name))...)...)
	}
	var b []byte
	for _, f := range e.fields() {
		b = sized(b, f)
	}
	return b
}

func (e imaEntry) hash() []byte {
	if e.violation {
		return make([]byte, 20)
	}
	s := sha1.Sum(e.hashed())
	return s[:]
}

func imaBinary(entries ...imaEntry) []byte {
	var b []byte
	for _, e := range entries {
		b = append(le.AppendUint32(b, 10), e.hash()...)
		b = sized(b, []byte(e.template))
		if e.template == "ima" {
			b = sized(append(b, e.digest...), []byte(e.name))
			continue
		}
		b = sized(b, e.hashed())
	}
	return b
}

func imaASCII(entries ...imaEntry) []byte {
	var b strings.Builder
	for _, e := range entries {
		digest := hex.EncodeToString(e.digest)
		if e.template != "ima" {
			digest = e.alg + ":" + digest
		}
		fmt.Fprintf(&b, "10 %x %s %s %s", e.hash(), e.template, digest, e.name)
		if len(e.fields()) == 3 {
			fmt.Fprintf(&b, " %x", e.tail)
		}
		b.WriteString("\n")
	}
	return []byte(b.String())
}

func digestOf(b []byte) []byte { s := sha256.Sum256(b); return s[:] }

var imaSample = []imaEntry{
	{"ima-ng", "sha256", "boot_aggregate", bytes.Repeat([]byte{1}, 32), nil, false},
	{"ima", "sha1", "/bin/with space", bytes.Repeat([]byte{2}, 20), nil, false},
	{"ima-sig", "sha256", "/usr/bin/a b", bytes.Repeat([]byte{3}, 32), []byte{3, 2, 4}, false},
	{"ima-sig", "sha256", "/usr/bin/unsigned", bytes.Repeat([]byte{4}, 32), nil, false},
	{"ima-ngv2", "verity:sha256", "/usr/bin/verity", bytes.Repeat([]byte{6}, 32), nil, false},
	{"ima-buf", "sha256", "kernel_version", digestOf([]byte("6.1.0-13-amd64")), []byte("6.1.0-13-amd64"), false},
	{"ima-ng", "sha256", "/var/log/open", bytes.Repeat([]byte{0}, 32), nil, true},
}

// imaPCR replays the sample as kernels do in a bank.
func imaPCR(bank eventlog.Bank, padded bool, entries ...imaEntry) []byte {
	pcr := make([]byte, bank.Size())
	for _, e := range entries {
		digest := make([]byte, bank.Size())
		native := sha256.Sum256(e.hashed())
		switch {
		case e.violation:
			digest = bytes.Repeat([]byte{0xff}, bank.Size())
		case padded || bank == eventlog.SHA1:
			copy(digest, e.hash())
		default:
			copy(digest, native[:])
		}
		pcr = extendWith(bank, pcr, digest)
	}
	return pcr
}

func TestIMAIsProvenAsKernelsExtendIt(t *testing.T) {
	t.Parallel()
	for format, raw := range map[eventlog.Format][]byte{eventlog.FormatIMABinary: imaBinary(imaSample...), eventlog.FormatIMAASCII: imaASCII(imaSample...)} {
		log := parse(t, raw)
		if log.Format != format || len(log.Events) != len(imaSample) {
			t.Fatalf("%s with %d entries, want %s", log.Format, len(log.Events), format)
		}
		for i, e := range log.Events {
			m := decode(t, &e).(*eventlog.IMA)
			want := imaSample[i]
			alg := strings.TrimPrefix(want.alg, "verity:")
			if m.Name != want.name || !bytes.Equal(m.FileDigest, want.digest) || m.Template != want.template || m.Algorithm != alg || m.IsViolation != want.violation {
				t.Errorf("%s, entry %d: %+v", format, i, m)
			}
			if want.template == "ima-sig" && !bytes.Equal(m.Signature, want.tail) || want.template == "ima-buf" && !bytes.Equal(m.Buffer, want.tail) {
				t.Errorf("%s, entry %d: signature %x, buffer %x", format, i, m.Signature, m.Buffer)
			}
		}
		for _, padded := range []bool{true, false} {
			for _, bank := range []eventlog.Bank{eventlog.SHA1, eventlog.SHA256} {
				// PCR 0 is another log's to explain.
				p, err := log.Prove(bank, map[int][]byte{10: imaPCR(bank, padded, imaSample...), 0: bytes.Repeat([]byte{1}, bank.Size())})
				if err != nil {
					t.Fatalf("%s, %s, padded %t: %v", format, bank, padded, err)
				}
				for i, e := range p.Events {
					if e.DataProven == imaSample[i].violation {
						t.Errorf("%s, %s, entry %d: proven %t", format, bank, i, e.DataProven)
					}
				}
				if len(p.Events) != len(imaSample) || p.Later != 0 {
					t.Errorf("%d events, %d later", len(p.Events), p.Later)
				}
			}
		}
	}
}

func TestIMAEntriesAfterTheQuoteAreNotProven(t *testing.T) {
	t.Parallel()
	log := parse(t, imaBinary(imaSample...))
	p, err := log.Prove(eventlog.SHA256, map[int][]byte{10: imaPCR(eventlog.SHA256, false, imaSample[:4]...)})
	if err != nil || len(p.Events) != 4 || p.Later != 3 {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := log.Prove(eventlog.SHA256, map[int][]byte{10: imaPCR(eventlog.SHA256, false, imaSample[1:]...)}); pcrOf(t, err) != 10 {
		t.Fatal(err)
	}
}

func TestIMAEntriesWhoseDataWasChangedAreNotProven(t *testing.T) {
	t.Parallel()
	raw := imaBinary(imaSample...)
	changed := bytes.Replace(raw, []byte("/usr/bin/a b"), []byte("/usr/bin/a c"), 1)
	p, err := parse(t, changed).Prove(eventlog.SHA1, map[int][]byte{10: imaPCR(eventlog.SHA1, true, imaSample...)})
	if err != nil || p.Events[2].DataProven || !p.Events[3].DataProven {
		t.Fatalf("%v: an entry whose hash is not that of its data", err)
	}
	if events := documentOf(t, p); len(events[2].ProcessedData) != 0 {
		t.Errorf("the document shows %v", events[2].ProcessedData)
	}
	if _, err := parse(t, changed).Prove(eventlog.SHA256, map[int][]byte{10: imaPCR(eventlog.SHA256, false, imaSample...)}); pcrOf(t, err) != 10 {
		t.Fatal(err)
	}
}

func TestMalformedIMAIsRefused(t *testing.T) {
	t.Parallel()
	good := "10 " + strings.Repeat("ab", 20) + " ima-ng sha256:" + strings.Repeat("00", 32) + " /bin/sh"
	for name, tt := range map[string]struct {
		raw  string
		part string
	}{
		"no line break":          {good, "line"},
		"a template of nobody's": {strings.Replace(good, "ima-ng", "ima-no", 1) + "\n", ""},
		"one in a later line":    {good + "\n" + strings.Replace(good, "ima-ng", "evm-sig", 1) + "\n", "template name"},
		"PCR 32":                 {good + "\n" + "32" + good[2:] + "\n", "PCR"},
		"half a hash":            {good + "\n" + "10 abcd" + good[43:] + "\n", "template hash"},
		"no name":                {good[:len(good)-8] + "\n", "line"},
		"no digest":              {strings.Replace(good, "sha256:00", "sha256:0g", 1) + "\n", "file digest"},
		"a long name":            {"10 " + strings.Repeat("ab", 20) + " ima " + strings.Repeat("00", 20) + " " + strings.Repeat("x", 256) + "\n", "d and n"},
		"an empty line":          {good + "\n\n", "PCR"},
	} {
		_, err := eventlog.Parse([]byte(tt.raw))
		if e := asError(t, err); tt.part != "" && e.Part != tt.part {
			t.Errorf("%s: refused for %v, want %s", name, err, tt.part)
		}
	}
	one := imaBinary(imaSample[0])
	for name, tt := range map[string]struct {
		at   int
		to   uint32
		part string
	}{
		"PCR":                       {len(one), 32, "PCR"},
		"a long template name":      {len(one) + 24, 33, "template name"},
		"a length of 2^32-1":        {len(one) + 34, 0xffffffff, "template data"},
		"a field longer than all":   {len(one) + 38, 0xfffffff0, "d-ng"},
		"a field shorter than both": {len(one) + 38, 3, "d-ng"},
	} {
		raw := append(bytes.Clone(one), one...)
		le.PutUint32(raw[tt.at:], tt.to)
		_, err := eventlog.Parse(raw)
		if e := asError(t, err); e.Part != tt.part || e.Event != 2 {
			t.Errorf("%s: refused for %v, want %s", name, err, tt.part)
		}
	}
}
