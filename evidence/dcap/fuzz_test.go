package dcap_test

import (
	"bytes"
	"testing"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/internal/corpus"
)

func FuzzParseQuote(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{3, 0, 2, 0})
	corpus.Seed(f, "evidence/sgx-v3*/*/quote.bin", "evidence/tdx-*/*/quote.bin", "evidence/negative*/share/sgx-v3*/quote.bin", "evidence/negative/*/quote.bin")
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
	corpus.Seed(f, "evidence/sgx-v3/*/collateral/*/*.pem", "evidence/negative/*/*.pem", "evidence/synthetic-pki/*/*.pem")
	f.Fuzz(func(t *testing.T, raw []byte) {
		certs, err := dcap.ParseCertificates(raw)
		if (err == nil) != (len(certs) > 0) {
			t.Errorf("%d certificates with error %v", len(certs), err)
		}
	})
}

func FuzzParseTCBInfo(f *testing.F) {
	f.Add([]byte(`{"tcbInfo":{"version":3},"signature":""}`))
	corpus.Seed(f, "evidence/pcs-collateral/*/tcb_info/*", "evidence/negative/oe-json-parser/report__*")
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
	corpus.Seed(f, "evidence/pcs-collateral/*/qe_identity/*", "evidence/negative/oe-json-parser/qeidentity__*")
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
	corpus.Seed(f, "evidence/pcs-collateral/*/crl/*", "evidence/negative/*/crl.der")
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := dcap.ParseCRL(raw)
		if (err == nil) != (list != nil) {
			t.Errorf("list %v with error %v", list, err)
		}
	})
}
