package dcap_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/internal/corpus"
)

func newVerifier(t testing.TB, roots ...dcap.Root) *dcap.Verifier {
	t.Helper()
	v, err := dcap.NewVerifier(dcap.Config{Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// parts reads a set in the layout of the corpus; missing files stay nil.
func parts(t testing.TB, dir string) dcap.CollateralParts {
	t.Helper()
	read := func(name string) []byte {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return raw
	}
	chain := read("tcb_signing_chain.pem")
	return dcap.CollateralParts{
		TCBInfo: read("tcb_info.json"), TCBInfoIssuerChain: chain,
		QEIdentity: read("qe_identity.json"), QEIdentityIssuerChain: chain,
		PCKCRL: read("pck_crl.der"), PCKCRLIssuerChain: read("pck_crl_issuer_chain.pem"),
		RootCACRL: read("root_ca_crl.der"),
	}
}

type collateralSet struct {
	dir string
	at  time.Time
}

// realSets lists every collateral set of the corpus with a time within its
// windows, those for TDX included.
func realSets(t *testing.T) []collateralSet {
	t.Helper()
	var cases []struct {
		Dir  string
		Coll []struct {
			Name string
			At   time.Time
		}
	}
	if err := json.Unmarshal(corpus.Read(t, "evidence", "expected_quotes.json"), &cases); err != nil {
		t.Fatal(err)
	}
	var sets []collateralSet
	for _, c := range cases {
		for _, set := range c.Coll {
			sets = append(sets, collateralSet{filepath.Join(c.Dir, "collateral", set.Name), set.At})
		}
	}
	if len(sets) == 0 {
		t.Fatal("the corpus has no collateral set")
	}
	return sets
}

func TestRealCollateralChecks(t *testing.T) {
	t.Parallel()
	v := newVerifier(t)
	for _, set := range realSets(t) {
		t.Run(set.dir, func(t *testing.T) {
			t.Parallel()
			c := dcap.NewCollateral(parts(t, filepath.Join(corpus.Dir(t), "evidence", set.dir)))
			got, err := v.CheckCollateral(t.Context(), dcap.Options{Collateral: c, At: set.at})
			if err != nil {
				t.Fatal(err)
			}
			want := "SGX"
			if strings.HasPrefix(set.dir, "tdx") {
				want = "TDX"
			}
			if got.TCBInfo.ID != want || len(got.TCBInfo.Levels) == 0 || len(got.QEIdentity.Levels) == 0 {
				t.Errorf("collateral for %s with %d levels and %d of the QE, want %s with some",
					got.TCBInfo.ID, len(got.TCBInfo.Levels), len(got.QEIdentity.Levels), want)
			}
		})
	}
}

func TestCollateralOutsideItsWindowsIsRefused(t *testing.T) {
	t.Parallel()
	v := newVerifier(t)
	for _, set := range realSets(t) {
		c := dcap.NewCollateral(parts(t, filepath.Join(corpus.Dir(t), "evidence", set.dir)))
		for name, test := range map[string]struct {
			at   time.Time
			code evidence.Code
		}{
			"a year before": {set.at.AddDate(-1, 0, 0), evidence.CodeNotYetValid},
			"a year after":  {set.at.AddDate(1, 0, 0), evidence.CodeExpired},
		} {
			_, err := v.CheckCollateral(t.Context(), dcap.Options{Collateral: c, At: test.at})
			if e, ok := errors.AsType[*evidence.Error](err); !ok || e.Code != test.code {
				t.Errorf("%s, %s: error %v, want code %s", set.dir, name, err, test.code)
			}
		}
		got, err := v.CheckCollateral(t.Context(), dcap.Options{Collateral: c, At: set.at.AddDate(1, 0, 0), AcceptStaleCollateral: true})
		if err != nil {
			t.Errorf("%s, stale accepted: %v", set.dir, err)
		} else if len(got.Stale) == 0 {
			t.Errorf("%s: stale collateral is not named", set.dir)
		}
	}
}

// TestMutatedCollateralIsRefused takes every mutated set of the corpus: those
// of TDX quotes show the collateral's checks as well as those of SGX do.
func TestMutatedCollateralIsRefused(t *testing.T) {
	t.Parallel()
	v := newVerifier(t)
	times := map[string]time.Time{}
	for _, set := range realSets(t) {
		times[filepath.Base(filepath.Dir(filepath.Dir(set.dir)))+"/"+filepath.Base(set.dir)] = set.at
	}
	want := map[string]struct {
		stage evidence.Stage
		code  evidence.Code
	}{
		"coll-crl-as-rootcrl":          {evidence.StageRevocation, evidence.CodeMismatch},
		"coll-crl-sig-bit":             {evidence.StageRevocation, evidence.CodeBadSignature},
		"coll-no-pck-crl":              {evidence.StageRevocation, evidence.CodeMissing},
		"coll-no-root-crl":             {evidence.StageRevocation, evidence.CodeMissing},
		"coll-qeid-sig-bit":            {evidence.StageCollateral, evidence.CodeBadSignature},
		"coll-tcbinfo-reserialised":    {evidence.StageCollateral, evidence.CodeBadSignature},
		"coll-tcbinfo-sig-bit":         {evidence.StageCollateral, evidence.CodeBadSignature},
		"coll-tcbinfo-status-upgraded": {evidence.StageCollateral, evidence.CodeBadSignature},
	}
	mutated, err := filepath.Glob(filepath.Join(corpus.Dir(t), "evidence", "negative-mutated", "share", "*--coll-*", "collateral", "*"))
	if err != nil || len(mutated) == 0 {
		t.Fatalf("found %d mutated sets (%v), want some", len(mutated), err)
	}
	checked := 0
	for _, dir := range mutated {
		base, mutation, _ := strings.Cut(filepath.Base(filepath.Dir(filepath.Dir(dir))), "--")
		expected, ok := want[mutation]
		if !ok {
			continue // genuine collateral of another platform: it takes a quote to refuse it
		}
		_, base, _ = strings.Cut(base, "_")
		at, ok := times[base+"/"+filepath.Base(dir)]
		if !ok {
			t.Errorf("no time for %s of %s", filepath.Base(dir), base)
			continue
		}
		checked++
		_, err := v.CheckCollateral(t.Context(), dcap.Options{Collateral: dcap.NewCollateral(parts(t, dir)), At: at})
		e, ok := errors.AsType[*evidence.Error](err)
		if !ok || e.Stage != expected.stage || e.Code != expected.code {
			t.Errorf("%s--%s: error %v, want %s/%s", base, mutation, err, expected.stage, expected.code)
		}
	}
	if checked < len(want) {
		t.Errorf("checked %d mutated sets, want at least %d", checked, len(want))
	}
}

// TestDocumentsOfTheSDKsParserTests feeds the malformed documents of the Open
// Enclave SDK's own parser tests. None is signed, so this is about parsing.
func TestDocumentsOfTheSDKsParserTests(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(corpus.Dir(t), "evidence", "negative", "oe-json-parser", "*__*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d documents (%v), want some", len(files), err)
	}
	wellFormed := map[string]bool{
		"qeidentity__data__qe_identity_ok.json":                  true,
		"qeidentity__data_v2__qe_identity_ok.json":               true,
		"qeidentity__data_v2__qe_identity_with_advisoryids.json": true,
		"qeidentity__data_v2__qve_identity_ok.json":              true,
		"report__data_v3__tcbinfo_sgx.json":                      true,
		"report__data_v3__tcbinfo_tdx.json":                      true,
	}
	for _, path := range files {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(name, "qeidentity__") {
				_, err = dcap.ParseQEIdentity(raw)
			} else {
				_, err = dcap.ParseTCBInfo(raw)
			}
			if wellFormed[name] {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			e, ok := errors.AsType[*evidence.Error](err)
			if !ok {
				t.Fatalf("error %v, want an *evidence.Error", err)
			}
			if e.Stage != evidence.StageCollateral {
				t.Errorf("stage %s, want collateral", e.Stage)
			}
			t.Log(err)
		})
	}
}

// TestEveryDocumentIntelSignedParses reads all loose collateral of the corpus.
func TestEveryDocumentIntelSignedParses(t *testing.T) {
	t.Parallel()
	root := filepath.Join(corpus.Dir(t), "evidence", "pcs-collateral")
	counts := map[string]int{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		kind := filepath.Base(filepath.Dir(path))
		switch kind {
		case "tcb_info":
			_, err = dcap.ParseTCBInfo(raw)
		case "qe_identity":
			_, err = dcap.ParseQEIdentity(raw)
		case "crl":
			_, err = dcap.ParseCRL(raw)
		default:
			return nil
		}
		counts[kind]++
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"tcb_info", "qe_identity", "crl"} {
		if counts[kind] == 0 {
			t.Errorf("found no %s", kind)
		}
	}
}
