package openenclave_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/azattest/azattest/evidence/openenclave"
	"github.com/azattest/azattest/internal/corpus"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add(append([]byte{3, 0, 0, 0}, bytes.Repeat([]byte{0xa3}, 24)...))
	corpus.Seed(f, "evidence/oe/report-azsdk/report.bin", "evidence/negative/oe-host-verify-bad/*.bin", "evidence/sgx-v3/*/quote.bin")
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, parse := range []func([]byte) (*openenclave.Report, error){openenclave.Parse, openenclave.ParseEvidence} {
			r, err := parse(raw)
			if err != nil {
				continue
			}
			if r.Quote == nil || !bytes.Equal(r.Raw(), raw) || r.Claims().Len() == 0 {
				t.Error("a report without its quote, bytes or claims")
			}
		}
	})
}

func FuzzParseCertificate(f *testing.F) {
	f.Add([]byte{0x30, 0})
	corpus.Seed(f, "evidence/oe/*/cert.der", "evidence/negative/oe-host-verify-bad/*.der", "evidence/maa/signing-cert-shareduks-2020/*.cer")
	f.Fuzz(func(t *testing.T, der []byte) {
		r, err := openenclave.ParseCertificate(der)
		if err == nil && (r.Certificate == nil || r.Quote == nil) {
			t.Error("an attested certificate without certificate or quote")
		}
	})
}

func FuzzParseEndorsements(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 2, 0, 0, 0, 36, 0, 0, 0, 9, 0, 0, 0})
	if dir, ok := corpus.Find(); ok {
		raw, err := os.ReadFile(filepath.Join(dir, "evidence", "oe", "evidence-plugin-2022", "endorsements"))
		if err != nil {
			f.Fatal(err)
		}
		_, raw, _ = bytes.Cut(raw, []byte("License.\n"))
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := openenclave.ParseEndorsements(raw)
		if err != nil {
			return
		}
		p := c.Parts()
		if total := len(p.TCBInfo) + len(p.QEIdentity) + len(p.PCKCRL) + len(p.RootCACRL); total > len(raw) {
			t.Errorf("%d bytes of collateral out of %d", total, len(raw))
		}
	})
}
