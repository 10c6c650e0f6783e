package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/corpus"
)

// expectedQuote is a case of the corpus' expected_quotes.json: what an
// independent program found in a quote from real hardware.
type expectedQuote struct {
	Dir, Kind, CA, FMSPC string
	CertType             int
	PCESVN               int
	Comp                 []int
	PCKFrom, PCKTo       string
	PCKSerial            string
	Fields               map[string]string
	Coll                 []expectedSet
}

type expectedSet struct {
	Name                string
	At                  string
	TcbStatus, QeStatus string
	EvalTcb, EvalQe     int
	TcbVersion          int
}

func expectedQuotes(t *testing.T) []expectedQuote {
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

func inCorpus(t *testing.T, elem ...string) string {
	t.Helper()
	return filepath.Join(append([]string{corpus.Dir(t), "evidence"}, elem...)...)
}

// verifyReal runs quote verify --json. No clock is read: the time is given.
func verifyReal(t *testing.T, quote, collateral, at string) outcome {
	t.Helper()
	return runAt(t, time.Time{}, "", "quote", "verify", quote, "--json", "--collateral", collateral, "--at", at)
}

func (want expectedQuote) check(t *testing.T, set expectedSet, got genuineQuote) {
	t.Helper()
	status, advisories, _ := strings.Cut(set.TcbStatus, " ")
	qe, _, _ := strings.Cut(set.QeStatus, " ")
	if got.PlatformTCBStatus != status || got.QETCBStatus != qe {
		t.Errorf("platform %s, QE %s; want %s, %s", got.PlatformTCBStatus, got.QETCBStatus, status, qe)
	}
	if ids := strings.Join(got.AdvisoryIDs, ","); !strings.HasPrefix(ids, advisories) {
		t.Errorf("advisories %s, want %s", ids, advisories)
	}
	if got.TCBEvaluationDataNumber != set.EvalTcb || got.QETCBEvaluationDataNumber != set.EvalQe {
		t.Errorf("evaluation data numbers %d and %d, want %d and %d",
			got.TCBEvaluationDataNumber, got.QETCBEvaluationDataNumber, set.EvalTcb, set.EvalQe)
	}
	ca := map[string]string{"Intel SGX PCK Platform CA": "platform", "Intel SGX PCK Processor CA": "processor"}[want.CA]
	if got.FMSPC != want.FMSPC || got.CA != ca {
		t.Errorf("FMSPC %s, %s CA; want %s, %s", got.FMSPC, got.CA, want.FMSPC, ca)
	}
	if got.Simulated || len(got.StaleCollateral) > 0 || got.At.Format(time.RFC3339) != set.At {
		t.Errorf("simulated %t, stale %v, at %s; want a real quote and current collateral at %s", got.Simulated, got.StaleCollateral, got.At, set.At)
	}
	if v := got.Claims["x-ms-sgx-mrenclave"]; v != want.Fields["mrenclave"] {
		t.Errorf("MRENCLAVE %v, want %s", v, want.Fields["mrenclave"])
	}
	if v := got.Claims["x-ms-sgx-report-data"]; v != want.Fields["reportdata"] {
		t.Errorf("report data %v, want %s", v, want.Fields["reportdata"])
	}
}

func TestRealQuotesVerifyWithOneSet(t *testing.T) {
	t.Parallel()
	for _, want := range expectedQuotes(t) {
		for _, set := range want.Coll {
			t.Run(want.Dir+"/"+set.Name, func(t *testing.T) {
				t.Parallel()
				got := verifyReal(t, inCorpus(t, want.Dir, "quote.bin"), inCorpus(t, want.Dir, "collateral", set.Name), set.At)
				want.check(t, set, wantGenuine(t, got))
			})
		}
	}
}

// best returns the set that an archive gives for a time: of the sets that are
// meant for it, the one with the newest TCB info format.
func (want expectedQuote) best(at string) expectedSet {
	var best expectedSet
	for _, set := range want.Coll {
		if set.At == at && set.TcbVersion > best.TcbVersion {
			best = set
		}
	}
	return best
}

func TestRealQuotesVerifyWithAnArchive(t *testing.T) {
	t.Parallel()
	for _, want := range expectedQuotes(t) {
		for _, set := range want.Coll {
			if set != want.best(set.At) {
				continue
			}
			t.Run(want.Dir+"/"+set.Name, func(t *testing.T) {
				t.Parallel()
				quote := inCorpus(t, want.Dir, "quote.bin")
				want.check(t, set, wantGenuine(t, verifyReal(t, quote, inCorpus(t, want.Dir, "collateral"), set.At)))
				want.check(t, set, wantGenuine(t, verifyReal(t, quote, inCorpus(t, "sgx-v3"), set.At)))
				if want.Dir == mutatedBase {
					return // among the sets of the whole corpus are forged ones for it
				}
				want.check(t, set, wantGenuine(t, verifyReal(t, quote, inCorpus(t), set.At)))
			})
		}
	}
}

func TestRealQuotesWithoutCollateralAreRefused(t *testing.T) {
	t.Parallel()
	for _, want := range expectedQuotes(t) {
		if len(want.Coll) > 0 {
			continue
		}
		t.Run(want.Dir, func(t *testing.T) {
			t.Parallel()
			r := wantRefused(t, verifyReal(t, inCorpus(t, want.Dir, "quote.bin"), inCorpus(t, "sgx-v3"), "2025-06-15"))
			code := "missing" // the archive does not know the platform
			if want.CertType != 5 {
				code = "unsupported" // the quote does not carry its chain
			}
			if r.Error.Code != code || r.Error.Hint == "" {
				t.Errorf("refused with %s, hint %q; want %s with a hint", r.Error.Code, r.Error.Hint, code)
			}
		})
	}
}

// mutatedBase is the case that the mutated cases were made from.
const mutatedBase = "sgx-v3/phala-a067"

func TestMutatedQuotesAndCollateralEndAsTheyMust(t *testing.T) {
	t.Parallel()
	var base expectedQuote
	for _, q := range expectedQuotes(t) {
		if q.Dir == mutatedBase {
			base = q
		}
	}
	dirs, err := filepath.Glob(inCorpus(t, "negative-mutated", "share", "sgx-v3_*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("found %d mutated cases (%v), want some", len(dirs), err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			set, at := base.mutatedSet(t, dir)
			got := verifyReal(t, filepath.Join(dir, "quote.bin"), set, at)
			if strings.Contains(filepath.Base(dir), "--OK-") {
				wantGenuine(t, got)
				return
			}
			wantRefused(t, got)
		})
	}
}

// mutatedSet returns the collateral of a mutated case, its own or that of the
// base, and the time that goes with it.
func (want expectedQuote) mutatedSet(t *testing.T, dir string) (path, at string) {
	t.Helper()
	for _, set := range want.Coll {
		own := filepath.Join(dir, "collateral", set.Name)
		if _, err := os.Stat(own); err == nil {
			return own, set.At
		}
	}
	last := want.Coll[len(want.Coll)-1]
	return inCorpus(t, want.Dir, "collateral", last.Name), last.At
}

// collateralOf2022 is the set of the corpus for Azure's own machines in 2022.
func collateralOf2022(t *testing.T) (path, at string) {
	t.Helper()
	return inCorpus(t, "sgx-v3", "maa-cert-sharedwus-2022", "collateral", "2022-05-09-e12-tcbv2"), "2022-05-18T09:47:34Z"
}

func TestRealOpenEnclaveEvidenceVerifies(t *testing.T) {
	t.Parallel()
	set, at := collateralOf2022(t)
	report := wantGenuine(t, verifyReal(t, inCorpus(t, "oe", "report-azsdk", "report.bin"), set, at))
	const data = "28542e44fe7e73f6610f6b31ae7576925f09ccdbb4c5646583ecc1561337a8ff"
	if v, _ := report.Claims["x-ms-sgx-report-data"].(string); report.Format != formatReport || !strings.HasPrefix(v, data) {
		t.Errorf("%s with report data %s, want %s with %s…", report.Format, v, formatReport, data)
	}

	// Of the certificate's year there is no collateral: judged later, its quote
	// and its binding hold.
	late := inCorpus(t, "sgx-v3", "integritee-00906ea1", "collateral", "2022-10-18-e12-tcbv2")
	certificate := wantGenuine(t, verifyReal(t, inCorpus(t, "oe", "tls-cert-client-2019", "cert.der"), late, "2022-11-02"))
	shown := runAt(t, time.Time{}, "", "quote", "show", inCorpus(t, "oe", "tls-cert-client-2019", "cert.der"))
	if !strings.Contains(shown.stdout, "O=OESDK TLS") || !strings.Contains(shown.stdout, "DEBUGGABLE") {
		t.Errorf("want the certificate of a debug enclave in\n%s", shown.stdout)
	}
	if certificate.Format != formatCertificate || certificate.Claims["x-ms-sgx-is-debuggable"] != true {
		t.Errorf("%s, debuggable %v; want the certificate of a debug enclave", certificate.Format, certificate.Claims["x-ms-sgx-is-debuggable"])
	}
}

// withoutComment drops the lines of comment with which the SDK's test data
// begins.
func withoutComment(raw []byte) []byte {
	for bytes.HasPrefix(raw, []byte("# ")) {
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	return raw
}

func TestRealEvidenceVerifiesWithItsEndorsements(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string, raw []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plugin := func(name string) []byte {
		return withoutComment(corpus.Read(t, "evidence", "oe", "evidence-plugin-2022", name))
	}
	raw := plugin("evidence")
	endorsements := plugin("endorsements")
	whole := file("evidence", asEvidence(raw))
	args := []string{"quote", "verify", whole, "--json", "--at", "2022-04-27T12:00:00Z", "--endorsements"}
	got := wantGenuine(t, runAt(t, time.Time{}, "", append(args, file("endorsements", endorsements))...))
	if got.Format != formatEvidence || got.PlatformTCBStatus != "SWHardeningNeeded" || got.TCBEvaluationDataNumber != 12 {
		t.Errorf("%s, %s by number %d; want %s, SWHardeningNeeded by 12", got.Format, got.PlatformTCBStatus, got.TCBEvaluationDataNumber, formatEvidence)
	}
	// Custom claims are bound to the quote.
	forged := file("forged", asEvidence(append(bytes.Clone(raw), "more claims"...)))
	args[2] = forged
	if r := wantRefused(t, runAt(t, time.Time{}, "", append(args, file("endorsements", endorsements))...)); r.Error.Code != "mismatch" {
		t.Errorf("refused with %s, want mismatch", r.Error.Code)
	}
	endorsements[len(endorsements)/2] ^= 1
	args[2] = whole
	wantRefused(t, runAt(t, time.Time{}, "", append(args, file("spoiled", endorsements))...))
}

func TestBadReportsOfTheSDKAreRefused(t *testing.T) {
	t.Parallel()
	set, at := collateralOf2022(t)
	for _, name := range []string{"sgx_report_bad.bin", "sgx_cert_ec_bad.der", "sgx_cert_rsa_bad.der"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := wantRefused(t, verifyReal(t, inCorpus(t, "negative", "oe-host-verify-bad", name), set, at))
			if r.Error.Stage == "collateral" || r.Error.Code == "expired" || r.Error.Code == "not-yet-valid" {
				t.Errorf("refused only for its date or collateral: %s", r.Error.Message)
			}
		})
	}
}

func TestEveryRealQuoteIsShown(t *testing.T) {
	t.Parallel()
	for _, want := range expectedQuotes(t) {
		t.Run(want.Dir, func(t *testing.T) {
			t.Parallel()
			q, err := showQuote(Streams{}, inCorpus(t, want.Dir, "quote.bin"))
			if err != nil {
				t.Fatal(err)
			}
			if q.Report.MRENCLAVE != want.Fields["mrenclave"] || q.Report.Attributes != want.Fields["attributes"] {
				t.Errorf("MRENCLAVE %s, attributes %s; want %s, %s", q.Report.MRENCLAVE, q.Report.Attributes, want.Fields["mrenclave"], want.Fields["attributes"])
			}
			if q.Certified.Type != want.CertType || (q.Platform == nil) != (want.CertType != 5) {
				t.Errorf("certification data type %d with platform %v, want type %d", q.Certified.Type, q.Platform, want.CertType)
			}
			if q.Platform == nil {
				return
			}
			if q.Platform.FMSPC != want.FMSPC || q.Platform.PCESVN != want.PCESVN || !slices.Equal(q.Platform.Components, want.Comp) {
				t.Errorf("FMSPC %s, PCESVN %d, components %v; want %s, %d, %v",
					q.Platform.FMSPC, q.Platform.PCESVN, q.Platform.Components, want.FMSPC, want.PCESVN, want.Comp)
			}
			c := q.Platform.PCKCertificate
			if strings.TrimLeft(c.Serial, "0") != want.PCKSerial || c.NotBefore.Format(time.DateOnly) != want.PCKFrom || c.NotAfter.Format(time.DateOnly) != want.PCKTo {
				t.Errorf("PCK certificate %s of %s to %s, want %s of %s to %s", c.Serial, c.NotBefore, c.NotAfter, want.PCKSerial, want.PCKFrom, want.PCKTo)
			}
		})
	}
}
