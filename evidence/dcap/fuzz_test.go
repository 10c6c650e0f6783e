package dcap_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/internal/corpus"
)

// seed adds every file of the corpus that matches, if there is a corpus.
func seed(f *testing.F, patterns ...string) {
	f.Helper()
	dir, ok := corpus.Find()
	if !ok {
		return
	}
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(dir, "evidence", filepath.FromSlash(pattern)))
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			raw, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw)
		}
	}
}

func FuzzParseQuote(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{3, 0, 2, 0})
	seed(f, "sgx-v3*/*/quote.bin", "tdx-*/*/quote.bin", "negative*/share/sgx-v3*/quote.bin", "negative/*/quote.bin")
	f.Fuzz(func(t *testing.T, raw []byte) {
		q, err := dcap.ParseQuote(raw)
		if err != nil {
			return
		}
		if q.Size() > len(raw) || !bytes.Equal(q.Raw(), raw) {
			t.Errorf("a quote of %d bytes out of %d", q.Size(), len(raw))
		}
		if len(bytes.Trim(raw[q.Size():], "\x00")) > 0 {
			t.Error("accepted what follows the quote")
		}
		if size, err := dcap.QuoteSize(raw); err != nil || size != q.Size() {
			t.Errorf("size %d (%v), want %d", size, err, q.Size())
		}
		if _, err := dcap.ParseEnclaveReport(q.QEReport); err != nil {
			t.Errorf("QE report: %v", err)
		}
		q.CertificationData.Identifier()
		// Whatever the chain is: it names a platform or says why not.
		if p, err := q.Platform(); err == nil && p.CA == "" {
			t.Error("platform without a CA")
		}
	})
}

func FuzzParseCertificates(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"))
	seed(f, "sgx-v3/*/collateral/*/*.pem", "negative/*/*.pem", "synthetic-pki/*/*.pem")
	f.Fuzz(func(t *testing.T, raw []byte) {
		certs, err := dcap.ParseCertificates(raw)
		if (err == nil) != (len(certs) > 0) {
			t.Errorf("%d certificates with error %v", len(certs), err)
		}
	})
}

func FuzzParseTCBInfo(f *testing.F) {
	f.Add([]byte(`{"tcbInfo":{"version":3},"signature":""}`))
	seed(f, "pcs-collateral/*/tcb_info/*", "negative/oe-json-parser/report__*")
	f.Fuzz(func(t *testing.T, raw []byte) {
		info, err := dcap.ParseTCBInfo(raw)
		if err != nil {
			return
		}
		if len(info.Levels) == 0 || info.Version < 2 || info.Version > 3 {
			t.Errorf("version %d with %d levels", info.Version, len(info.Levels))
		}
		for i := 1; i < len(info.Levels); i++ {
			if bytes.Compare(info.Levels[i-1].Components[:], info.Levels[i].Components[:]) < 0 {
				t.Errorf("level %d stands above level %d", i, i-1)
			}
		}
	})
}

func FuzzParseQEIdentity(f *testing.F) {
	f.Add([]byte(`{"enclaveIdentity":{"version":2},"signature":""}`))
	seed(f, "pcs-collateral/*/qe_identity/*", "negative/oe-json-parser/qeidentity__*")
	f.Fuzz(func(t *testing.T, raw []byte) {
		id, err := dcap.ParseQEIdentity(raw)
		if err == nil && (id.ID == "" || len(id.Levels) == 0) {
			t.Errorf("identity %q with %d levels", id.ID, len(id.Levels))
		}
	})
}

func FuzzParseCRL(f *testing.F) {
	f.Add([]byte("30820122"))
	f.Add([]byte("-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----"))
	seed(f, "pcs-collateral/*/crl/*", "negative/*/crl.der")
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := dcap.ParseCRL(raw)
		if (err == nil) != (list != nil) {
			t.Errorf("list %v with error %v", list, err)
		}
	})
}
