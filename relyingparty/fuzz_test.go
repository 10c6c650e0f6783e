package relyingparty_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"testing"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/relyingparty"
)

// FuzzVerifySigningCertificate changes certificates and expects that nothing
// verifies whose key has not the hash that the report says, that every refusal says
// by which check, and that only enclaves that are recorded pass as Azure's.
func FuzzVerifySigningCertificate(f *testing.F) {
	f.Add([]byte{0x30, 0})
	s := newService(f)
	f.Add(s.certificate(f).Raw)
	corpus.Seed(f, "evidence/oe/*/cert.der", "evidence/negative/oe-host-verify-bad/*.der")
	enclaves := map[[32]byte]bool{}
	azure := relyingparty.SigningCertificateOptions{At: recordedAt, Identity: isAzures}
	if _, ok := corpus.Find(); ok {
		for i, k := range attestedKeys(f) {
			r, err := relyingparty.VerifySigningCertificate(f.Context(), parse(f, k.X5C[0]), azure)
			if err != nil {
				f.Fatal(err)
			}
			enclaves[r.Identity.MRENCLAVE] = true
			if i%10 == 0 {
				f.Add(k.X5C[0])
			}
		}
	}
	trusts := map[string]relyingparty.SigningCertificateOptions{"simulator": s.options(), "Intel": azure}
	f.Fuzz(func(t *testing.T, der []byte) {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return
		}
		for trust, o := range trusts {
			got, err := relyingparty.VerifySigningCertificate(t.Context(), cert, o)
			if err != nil {
				if _, ok := errors.AsType[*relyingparty.SigningCertificateError](err); !ok || got != nil {
					t.Errorf("%s: result %v, error %v; want a *SigningCertificateError alone", trust, got, err)
				}
				continue
			}
			text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: cert.RawSubjectPublicKeyInfo})
			hash := sha256.Sum256(append(text, 0))
			if got.KeyID != base64.StdEncoding.EncodeToString(hash[:]) || !bytes.Equal(got.Report.Quote.Report.ReportData[:32], hash[:]) {
				t.Errorf("%s: verified with a report about another key: %x", trust, der)
			}
			if got.Simulated != (trust == "simulator") || got.TCBJudged {
				t.Errorf("%s: simulated %t, judged %t", trust, got.Simulated, got.TCBJudged)
			}
			if trust == "Intel" && !enclaves[got.Identity.MRENCLAVE] {
				t.Errorf("an enclave %x that no recorded certificate is of", got.Identity.MRENCLAVE)
			}
		}
	})
}
