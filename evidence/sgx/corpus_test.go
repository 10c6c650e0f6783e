package sgx_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/internal/corpus"
)

// expectedQuote is a case of the corpus' expected_quotes.json: what an
// independent program found in a quote from real hardware.
type expectedQuote struct {
	Dir, Kind, Chain, CA, FMSPC, PCEID string
	Len, Trailing, Version, CertType   int
	PCESVN                             uint16
	Comp                               []uint8
	Debug                              bool
	Fields                             map[string]string
	Coll                               []expectedCollateral
}

type expectedCollateral struct {
	Name                string
	At                  time.Time
	TcbStatus, QeStatus string
	EvalTcb, EvalQe     int
}

func expectedQuotes(t testing.TB) []expectedQuote {
	t.Helper()
	var all, sgxOnly []expectedQuote
	if err := json.Unmarshal(corpus.Read(t, "evidence", "expected_quotes.json"), &all); err != nil {
		t.Fatal(err)
	}
	for _, q := range all {
		if q.Kind == "SGX" {
			sgxOnly = append(sgxOnly, q)
		}
	}
	if len(sgxOnly) == 0 {
		t.Fatal("the corpus has no SGX case")
	}
	return sgxOnly
}

// collateralSet reads a set in the layout of the corpus; missing files stay nil.
func collateralSet(t testing.TB, dir string) *dcap.Collateral {
	t.Helper()
	read := func(name string) []byte {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return raw
	}
	chain := read("tcb_signing_chain.pem")
	return dcap.NewCollateral(dcap.CollateralParts{
		TCBInfo: read("tcb_info.json"), TCBInfoIssuerChain: chain,
		QEIdentity: read("qe_identity.json"), QEIdentityIssuerChain: chain,
		PCKCRL: read("pck_crl.der"), PCKCRLIssuerChain: read("pck_crl_issuer_chain.pem"),
		RootCACRL: read("root_ca_crl.der"),
	})
}

func newVerifier(t testing.TB, roots ...dcap.Root) *sgx.Verifier {
	t.Helper()
	v, err := sgx.NewVerifier(sgx.Config{Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRealQuotesHaveTheExpectedFields(t *testing.T) {
	t.Parallel()
	for _, want := range expectedQuotes(t) {
		t.Run(want.Dir, func(t *testing.T) {
			t.Parallel()
			raw := corpus.Read(t, "evidence", want.Dir, "quote.bin")
			q, err := sgx.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			if len(raw) != want.Len || len(raw)-q.Size() != want.Trailing {
				t.Errorf("quote has %d bytes, %d of them padding; want %d, %d", len(raw), len(raw)-q.Size(), want.Len, want.Trailing)
			}
			if got := int(q.Header.Version); got != want.Version {
				t.Errorf("version %d, want %d", got, want.Version)
			}
			if got := int(q.CertificationData.Type); got != want.CertType {
				t.Errorf("certification data type %d, want %d", got, want.CertType)
			}
			if q.Report.IsDebuggable() != want.Debug {
				t.Errorf("debuggable %t, want %t", q.Report.IsDebuggable(), want.Debug)
			}
			qe, err := dcap.ParseEnclaveReport(q.QEReport)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{
				"attributes": hex.EncodeToString(q.Report.Attributes[:]),
				"cpusvn":     hex.EncodeToString(q.Report.CPUSVN[:]),
				"isvprodid":  fmt.Sprint(q.Report.ISVProdID),
				"isvsvn":     fmt.Sprint(q.Report.ISVSVN),
				"mrenclave":  hex.EncodeToString(q.Report.MRENCLAVE[:]),
				"mrsigner":   hex.EncodeToString(q.Report.MRSIGNER[:]),
				"qe_isvsvn":  fmt.Sprint(qe.ISVSVN),
				"reportdata": hex.EncodeToString(q.Report.ReportData[:]),
			}
			for name, value := range want.Fields {
				if got[name] != value {
					t.Errorf("%s = %q, want %q", name, got[name], value)
				}
			}
			if want.CertType != int(dcap.CertPCKChain) {
				return
			}
			platform, err := q.Platform()
			if err != nil {
				t.Fatal(err)
			}
			ca := map[string]dcap.CA{"Intel SGX PCK Platform CA": dcap.PlatformCA, "Intel SGX PCK Processor CA": dcap.ProcessorCA}[want.CA]
			if platform.FMSPC.String() != want.FMSPC || platform.CA != ca {
				t.Errorf("platform %v, want FMSPC %s under the %s", platform, want.FMSPC, want.CA)
			}
		})
	}
}

func TestRealQuotesVerifyWithTheirCollateral(t *testing.T) {
	t.Parallel()
	v := newVerifier(t)
	for _, want := range expectedQuotes(t) {
		dir := filepath.Join(corpus.Dir(t), "evidence", want.Dir)
		for _, set := range want.Coll {
			t.Run(want.Dir+"/"+set.Name, func(t *testing.T) {
				t.Parallel()
				q, err := sgx.Parse(corpus.Read(t, "evidence", want.Dir, "quote.bin"))
				if err != nil {
					t.Fatal(err)
				}
				o := sgx.Options{Collateral: collateralSet(t, filepath.Join(dir, "collateral", set.Name)), At: set.At}
				got, err := v.Verify(t.Context(), q, o)
				if err != nil {
					t.Fatal(err)
				}
				status, advisories, _ := strings.Cut(set.TcbStatus, " ")
				qe, _, _ := strings.Cut(set.QeStatus, " ")
				if string(got.TCB.Platform) != status || string(got.TCB.QE) != qe {
					t.Errorf("platform %s, QE %s; want %s, %s", got.TCB.Platform, got.TCB.QE, status, qe)
				}
				if got := strings.Join(got.TCB.Advisories, ","); !strings.HasPrefix(got, advisories) {
					t.Errorf("advisories %s, want %s", got, advisories)
				}
				if got.TCB.EvaluationDataNumber != set.EvalTcb || got.TCB.QEEvaluationDataNumber != set.EvalQe {
					t.Errorf("evaluation data numbers %d and %d, want %d and %d",
						got.TCB.EvaluationDataNumber, got.TCB.QEEvaluationDataNumber, set.EvalTcb, set.EvalQe)
				}
				if got.Simulated || len(got.TCB.StaleCollateral) > 0 {
					t.Errorf("simulated %t, stale %v; want real and current", got.Simulated, got.TCB.StaleCollateral)
				}
			})
		}
	}
}

// baseCase is what the mutated cases of the corpus were made from.
func baseCase(t *testing.T, cases []expectedQuote, dir string) expectedQuote {
	t.Helper()
	for _, c := range cases {
		if c.Dir == dir {
			return c
		}
	}
	t.Fatalf("no case %s in expected_quotes.json", dir)
	return expectedQuote{}
}

func TestMutatedQuotesAndCollateralEndAsTheirNoteSays(t *testing.T) {
	t.Parallel()
	v := newVerifier(t)
	cases := expectedQuotes(t)
	share := filepath.Join(corpus.Dir(t), "evidence", "negative-mutated", "share")
	mutations, err := filepath.Glob(filepath.Join(share, "sgx-v3_*", "MUTATION.json"))
	if err != nil || len(mutations) == 0 {
		t.Fatalf("found %d mutations (%v), want some", len(mutations), err)
	}
	for _, path := range mutations {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			var note struct {
				DerivedFrom   string `json:"derived_from"`
				ExpectFailure string `json:"expect_failure"`
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(raw, &note); err != nil {
				t.Fatal(err)
			}
			base := baseCase(t, cases, note.DerivedFrom)
			set, at := mutatedSet(t, dir, filepath.Join(corpus.Dir(t), "evidence", base.Dir), base)
			quote, err := os.ReadFile(filepath.Join(dir, "quote.bin"))
			if err != nil {
				t.Fatal(err)
			}
			err = verifyAt(t, v, quote, set, at)
			if strings.Contains(filepath.Base(dir), "--OK-") {
				if err != nil {
					t.Errorf("refused: %v; note: %s", err, note.ExpectFailure)
				}
				return
			}
			if err == nil {
				t.Fatalf("verified; note: %s", note.ExpectFailure)
			}
			wantTyped(t, err)
		})
	}
}

// mutatedSet returns the mutated case's own collateral, or that of the case it
// was made from.
func mutatedSet(t *testing.T, dir, baseDir string, base expectedQuote) (*dcap.Collateral, time.Time) {
	t.Helper()
	for _, set := range base.Coll {
		own := filepath.Join(dir, "collateral", set.Name)
		if _, err := os.Stat(own); err == nil {
			return collateralSet(t, own), set.At
		}
	}
	last := base.Coll[len(base.Coll)-1]
	return collateralSet(t, filepath.Join(baseDir, "collateral", last.Name)), last.At
}

func verifyAt(t *testing.T, v *sgx.Verifier, quote []byte, set *dcap.Collateral, at time.Time) error {
	t.Helper()
	q, err := sgx.Parse(quote)
	if err != nil {
		return err
	}
	_, err = v.Verify(t.Context(), q, sgx.Options{Collateral: set, At: at})
	return err
}

func wantTyped(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*evidence.Error](err)
	if !ok {
		t.Fatalf("error %v (%T), want an *evidence.Error", err, err)
	}
	if e.Stage == "" || e.Code == "" || e.Part == "" {
		t.Errorf("error %#v lacks stage, code or part", e)
	}
}
