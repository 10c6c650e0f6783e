package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/simulator"
)

// testTime is when test platforms are issued.
var testTime = time.Date(2026, time.January, 31, 12, 0, 0, 0, time.UTC)

// testPlatform returns a platform whose keys are the same in every run.
func testPlatform(tb testing.TB) *simulator.Platform {
	tb.Helper()
	p, err := simulator.New(simulator.Config{Seed: simulator.Seed("internal/cli"), Now: testTime})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func testQuote(tb testing.TB) []byte {
	tb.Helper()
	raw, err := testPlatform(tb).Quote(simulator.Report{ISVProdID: 1, ReportData: simulator.Bind([]byte("key"))})
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// asEvidence wraps a quote in the header of Open Enclave evidence: version 3,
// the UUID of SGX ECDSA, the size.
func asEvidence(quote []byte) []byte {
	header := binary.LittleEndian.AppendUint32(nil, 3)
	header = append(header, 0xa3, 0xa2, 0x1e, 0x87, 0x1b, 0x4d, 0x40, 0x14, 0xb7, 0x0a, 0xa1, 0x25, 0xd2, 0xfb, 0xcd, 0x8c)
	header = binary.LittleEndian.AppendUint64(header, uint64(len(quote)))
	return append(header, quote...)
}

// textForms are the forms in which text carries bytes, by name.
func textForms(raw []byte) map[string]string {
	wrapped := func(s string) string {
		var b strings.Builder
		for line := range slices.Chunk([]byte(s), 64) {
			b.Write(line)
			b.WriteString("\r\n")
		}
		return b.String()
	}
	return map[string]string{
		"bytes":                  string(raw),
		"hexadecimal":            hex.EncodeToString(raw),
		"hexadecimal, prefixed":  "0x" + strings.ToUpper(hex.EncodeToString(raw)) + "\n",
		"hexadecimal, wrapped":   wrapped(hex.EncodeToString(raw)),
		"base64":                 base64.StdEncoding.EncodeToString(raw),
		"base64, unpadded":       base64.RawStdEncoding.EncodeToString(raw) + "\n",
		"base64, wrapped":        wrapped(base64.StdEncoding.EncodeToString(raw)),
		"base64url":              base64.RawURLEncoding.EncodeToString(raw),
		"base64url, padded":      base64.URLEncoding.EncodeToString(raw),
		"base64url, with spaces": "  " + base64.RawURLEncoding.EncodeToString(raw) + "\t\n",
	}
}

func TestEvidenceIsReadInEveryForm(t *testing.T) {
	t.Parallel()
	quote := testQuote(t)
	report, err := testPlatform(t).OpenEnclaveReport(simulator.Report{})
	if err != nil {
		t.Fatal(err)
	}
	for format, raw := range map[string][]byte{formatQuote: quote, formatReport: report, formatEvidence: asEvidence(quote)} {
		for name, text := range textForms(raw) {
			t.Run(format+"/"+name, func(t *testing.T) {
				t.Parallel()
				e, err := loadEvidence(Streams{In: strings.NewReader(text)}, "-")
				if err != nil {
					t.Fatal(err)
				}
				if e.format != format || !bytes.Equal(e.raw, raw) {
					t.Errorf("read %d bytes of format %s, want %d of %s", len(e.raw), e.format, len(raw), format)
				}
				p, err := e.parse()
				if err != nil {
					t.Fatal(err)
				}
				if p.quote == nil || (p.report == nil) != (format == formatQuote) {
					t.Errorf("quote %v, report %v: do not fit format %s", p.quote, p.report, format)
				}
			})
		}
	}
}

func TestCertificatesAreReadInEveryForm(t *testing.T) {
	t.Parallel()
	der := corpus.Read(t, "evidence", "oe", "tls-cert-client-2019", "cert.der")
	forms := textForms(der)
	forms["PEM"] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	for name, text := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := loadEvidence(Streams{In: strings.NewReader(text)}, "-")
			if err != nil {
				t.Fatal(err)
			}
			if e.format != formatCertificate || !bytes.Equal(e.raw, der) {
				t.Fatalf("read %d bytes of format %s, want %d of a certificate", len(e.raw), e.format, len(der))
			}
			p, err := e.parse()
			if err != nil {
				t.Fatal(err)
			}
			if p.report == nil || p.report.Certificate == nil {
				t.Error("no certificate in what was parsed")
			}
		})
	}
}

func TestWhatIsNoEvidenceIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: testChain(t)})
	for name, test := range map[string]struct {
		input []byte
		code  evidence.Code
	}{
		"nothing":                    {nil, evidence.CodeTruncated},
		"white space":                {[]byte(" \n"), evidence.CodeTruncated},
		"prose":                      {[]byte("hello, world"), evidence.CodeMalformed},
		"odd number of digits":       {[]byte("030002f"), evidence.CodeMalformed},
		"base64 cut off":             {[]byte("AwACA"), evidence.CodeMalformed},
		"JSON":                       {[]byte(`{"quote":"AwACAA"}`), evidence.CodeMalformed},
		"PEM of something else":      {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte{1}}), evidence.CodeMalformed},
		"two certificates":           {append(bytes.Clone(certificate), certificate...), evidence.CodeMalformed},
		"certificate without report": {certificate, evidence.CodeMissing},
		"DER of nothing":             {[]byte{0x30, 0x82}, evidence.CodeMalformed},
		"report of nothing":          {[]byte{1, 0, 0, 0}, evidence.CodeTruncated},
		"evidence of nothing":        {[]byte{3, 0, 0, 0}, evidence.CodeTruncated},
		"quote of another version":   {[]byte{4, 0, 2, 0}, evidence.CodeUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := loadEvidence(Streams{In: bytes.NewReader(test.input)}, "-")
			if err == nil {
				_, err = e.parse()
			}
			refused, ok := errors.AsType[*evidence.Error](err)
			if !ok {
				t.Fatalf("error %v, want an *evidence.Error", err)
			}
			if refused.Stage != evidence.StageParse || refused.Code != test.code {
				t.Errorf("refused at %s for %s (%v), want parse, %s", refused.Stage, refused.Code, err, test.code)
			}
		})
	}
}

// testChain returns the DER of a certificate that is self-signed and carries no
// evidence.
func testChain(tb testing.TB) []byte {
	tb.Helper()
	block, _ := pem.Decode(testPlatform(tb).RootCertificatePEM())
	if block == nil {
		tb.Fatal("the simulated root is no PEM")
	}
	return block.Bytes
}

func TestWhatStandsAroundAQuoteIsShown(t *testing.T) {
	t.Parallel()
	quote := testQuote(t)
	got := runAt(t, testTime, string(asEvidence(append(bytes.Clone(quote), "claims"...))), "quote", "show", "-")
	if got.code != exitDone || !strings.Contains(got.stdout, "custom claims") || !strings.Contains(got.stdout, hex.EncodeToString([]byte("claims"))) {
		t.Errorf("exit code %d, want the custom claims in\n%s%s", got.code, got.stdout, got.stderr)
	}
	padded := runAt(t, testTime, string(append(quote, 0, 0, 0)), "quote", "show", "-")
	if !strings.Contains(padded.stdout, "followed by 3 of padding") {
		t.Errorf("want 3 bytes of padding in\n%s", padded.stdout)
	}
}

func TestTextForTheTerminalIsClean(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                 "",
		"Übergrößenträger": "Übergrößenträger",
		"a b":              "a b",
		"\x1b[31mred":      `"\x1b[31mred"`,
		"two\nlines":       `"two\nlines"`,
		"left\u202eright":  `"left\u202eright"`,
		"\xff":             `"\xff"`,
	} {
		if got := clean(text); got != want {
			t.Errorf("%q is shown as %s, want %s", text, got, want)
		}
	}
}

func TestAttributeFlagsHaveNames(t *testing.T) {
	t.Parallel()
	for flags, want := range map[uint64][]string{
		0:                   {},
		0x5:                 {"INIT", "MODE64BIT"},
		0xf7 | 1<<10:        {"INIT", "DEBUG", "MODE64BIT", "PROVISIONKEY", "EINITTOKEN_KEY", "CET", "KSS", "AEXNOTIFY"},
		1<<3 | 1<<63 | 1<<1: {"DEBUG", "bit 3", "bit 63"},
	} {
		if got := flagNames(flags); !slices.Equal(got, want) {
			t.Errorf("flags %#x are %q, want %q", flags, got, want)
		}
	}
}

// FuzzShowQuote feeds bytes to everything that reads evidence before anybody has
// verified it: nothing may panic, and what is shown is never called verified.
func FuzzShowQuote(f *testing.F) {
	quote := testQuote(f)
	for _, raw := range [][]byte{quote, asEvidence(quote), testChain(f), quote[:500]} {
		for _, text := range textForms(raw) {
			f.Add([]byte(text))
		}
	}
	for _, fault := range simulator.Faults() {
		if fault.Artifact() != simulator.ArtifactQuote {
			continue
		}
		p, err := testPlatform(f).With(fault)
		if err != nil {
			f.Fatal(err)
		}
		raw, err := p.Quote(simulator.Report{})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	if dir, ok := corpus.Find(); ok {
		quotes, _ := filepath.Glob(filepath.Join(dir, "evidence", "sgx-v3*", "*", "quote.bin"))
		for _, name := range quotes {
			raw, err := readInput(Streams{}, name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		var out bytes.Buffer
		q, err := showQuote(Streams{In: bytes.NewReader(input)}, "-")
		if err != nil {
			if _, ok := reasonOf(err); !ok {
				t.Fatalf("no reason in %v", err)
			}
			return
		}
		if err := q.print(&out); err != nil {
			t.Fatal(err)
		}
		if err := printJSON(&out, q); err != nil {
			t.Fatal(err)
		}
		if q.Verified || q.Platform == nil && q.PlatformError == nil {
			t.Fatalf("shown as %+v", q)
		}
		for _, c := range out.Bytes() {
			if c < ' ' && c != '\n' || c == 0x7f {
				t.Fatalf("control character %#x reaches the terminal", c)
			}
		}
	})
}
