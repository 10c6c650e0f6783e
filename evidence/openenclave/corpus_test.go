package openenclave_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/openenclave"
	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/internal/corpus"
)

// collateral2022 is the only complete set of the corpus for the platform family
// of Azure's own machines (FMSPC 00906ed50000) in 2022.
func collateral2022(t testing.TB) (*dcap.Collateral, time.Time) {
	t.Helper()
	return collateralSet(t, "maa-cert-sharedwus-2022", "2022-05-09-e12-tcbv2"), time.Date(2022, 5, 18, 9, 47, 34, 0, time.UTC)
}

func collateralSet(t testing.TB, quote, set string) *dcap.Collateral {
	t.Helper()
	read := func(name string) []byte {
		return corpus.Read(t, "evidence", "sgx-v3", quote, "collateral", set, name)
	}
	chain := read("tcb_signing_chain.pem")
	return dcap.NewCollateral(dcap.CollateralParts{
		TCBInfo: read("tcb_info.json"), TCBInfoIssuerChain: chain,
		QEIdentity: read("qe_identity.json"), QEIdentityIssuerChain: chain,
		PCKCRL: read("pck_crl.der"), PCKCRLIssuerChain: read("pck_crl_issuer_chain.pem"),
		RootCACRL: read("root_ca_crl.der"),
	})
}

func newVerifier(t testing.TB) *openenclave.Verifier {
	t.Helper()
	v, err := openenclave.NewVerifier(sgx.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// plugin reads a file of the Open Enclave SDK's own test data, which begins with
// two lines of comment.
func plugin(t testing.TB, name string) []byte {
	t.Helper()
	raw := corpus.Read(t, "evidence", "oe", "evidence-plugin-2022", name)
	for bytes.HasPrefix(raw, []byte("# ")) {
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	return raw
}

func TestRealReportVerifies(t *testing.T) {
	t.Parallel()
	r, err := openenclave.Parse(corpus.Read(t, "evidence", "oe", "report-azsdk", "report.bin"))
	if err != nil {
		t.Fatal(err)
	}
	set, at := collateral2022(t)
	got, err := newVerifier(t).Verify(t.Context(), r, sgx.Options{Collateral: set, At: at})
	if err != nil {
		t.Fatal(err)
	}
	const want = "28542e44fe7e73f6610f6b31ae7576925f09ccdbb4c5646583ecc1561337a8ff"
	if v, _ := got.Claims.First("x-ms-sgx-report-data"); !strings.HasPrefix(v.String(), want) {
		t.Errorf("report data %s, want %s…", v, want)
	}
}

func TestRealEvidenceVerifiesWithItsOwnEndorsements(t *testing.T) {
	t.Parallel()
	set, err := openenclave.ParseEndorsements(plugin(t, "endorsements"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := openenclave.ParseEvidence(plugin(t, "evidence"))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2022, 4, 27, 12, 0, 0, 0, time.UTC)
	got, err := newVerifier(t).Verify(t.Context(), r, sgx.Options{Collateral: set, At: at})
	if err != nil {
		t.Fatal(err)
	}
	if got.TCB.Platform != evidence.TCBSWHardeningNeeded || got.TCB.EvaluationDataNumber != 12 {
		t.Errorf("platform %s by evaluation %d, want SWHardeningNeeded by 12", got.TCB.Platform, got.TCB.EvaluationDataNumber)
	}
}

func TestRealTLSCertificateIsBoundToItsReport(t *testing.T) {
	t.Parallel()
	r, err := openenclave.ParseCertificate(corpus.Read(t, "evidence", "oe", "tls-cert-client-2019", "cert.der"))
	if err != nil {
		t.Fatal(err)
	}
	// The certificate is of 2019, and the corpus has no collateral of that date:
	// everything that the quote itself carries is shown by judging it later.
	o := sgx.Options{
		Collateral: collateralSet(t, "integritee-00906ea1", "2022-10-18-e12-tcbv2"),
		At:         time.Date(2022, 11, 2, 0, 0, 0, 0, time.UTC),
	}
	if _, err := newVerifier(t).Verify(t.Context(), r, o); err != nil {
		t.Fatal(err)
	}
}

// TestSigningCertificatesOfTheServiceVerify takes the enclave certificates out
// of every recorded /certs answer: real enclaves, real keys, both object
// identifiers.
func TestSigningCertificatesOfTheServiceVerify(t *testing.T) {
	t.Parallel()
	answers, err := filepath.Glob(filepath.Join(corpus.Dir(t), "maa", "certs", "*.json"))
	if err != nil || len(answers) == 0 {
		t.Fatalf("found %d answers (%v), want some", len(answers), err)
	}
	v := newVerifier(t)
	// Some were made on machines certified after the window of the collateral.
	set, _ := collateral2022(t)
	at := time.Date(2023, 6, 1, 0, 0, 0, 0, time.UTC)
	enclaves := 0
	for _, path := range answers {
		for _, der := range certificates(t, path) {
			r, err := openenclave.ParseCertificate(der)
			var e *evidence.Error
			if errors.As(err, &e) && (e.Code == evidence.CodeMissing || e.Code == evidence.CodeBadSignature) {
				continue // issued by a CA, not by an enclave
			}
			if err != nil {
				t.Errorf("%s: %v", filepath.Base(path), err)
				continue
			}
			_, err = v.Verify(t.Context(), r, sgx.Options{Collateral: set, At: at, AcceptStaleCollateral: true})
			if err != nil {
				t.Errorf("%s: %v", filepath.Base(path), err)
				continue
			}
			enclaves++
		}
	}
	if enclaves < len(answers) {
		t.Errorf("verified %d enclave certificates in %d answers, want one in each at least", enclaves, len(answers))
	}
	t.Logf("%d enclave certificates verified", enclaves)
}

func certificates(t *testing.T, path string) [][]byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(raw, []byte(`"keys"`)) {
		t.Fatalf("%s has no keys", path)
	}
	var found [][]byte
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if chain, ok := v["x5c"].([]any); ok && len(chain) > 0 {
				if text, ok := chain[0].(string); ok {
					der, err := base64.StdEncoding.DecodeString(text)
					if err != nil {
						t.Fatalf("%s: %v", path, err)
					}
					found = append(found, der)
				}
			}
			for _, m := range v {
				walk(m)
			}
		case []any:
			for _, m := range v {
				walk(m)
			}
		}
	}
	var doc any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	walk(doc)
	return found
}

func TestBadReportsOfTheSDKAreRefused(t *testing.T) {
	t.Parallel()
	read := func(name string) []byte { return corpus.Read(t, "evidence", "negative", "oe-host-verify-bad", name) }
	set, at := collateral2022(t)
	for name, parse := range map[string]func() (*openenclave.Report, error){
		"sgx_report_bad.bin":   func() (*openenclave.Report, error) { return openenclave.Parse(read("sgx_report_bad.bin")) },
		"sgx_cert_ec_bad.der":  func() (*openenclave.Report, error) { return openenclave.ParseCertificate(read("sgx_cert_ec_bad.der")) },
		"sgx_cert_rsa_bad.der": func() (*openenclave.Report, error) { return openenclave.ParseCertificate(read("sgx_cert_rsa_bad.der")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := parse()
			if err == nil {
				_, err = newVerifier(t).Verify(t.Context(), r, sgx.Options{Collateral: set, At: at})
			}
			var e *evidence.Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v, want an *evidence.Error", err)
			}
			if e.Stage == evidence.StageCollateral || e.Code == evidence.CodeExpired || e.Code == evidence.CodeNotYetValid {
				t.Errorf("refused only for its date or collateral: %v", err)
			}
			t.Log(err)
		})
	}
}
