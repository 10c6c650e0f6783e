package collateral

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/internal/corpus"
)

// corpusSet is a set of the corpus with what an independent program found of it.
type corpusSet struct {
	dir         string // of the set
	archive     string // of the case's sets
	platform    dcap.Platform
	at          time.Time
	from, until time.Time
	number      int
	parts       dcap.CollateralParts
}

// corpusSets reads every set of real quotes.
func corpusSets(tb testing.TB, dir string) []corpusSet {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "evidence", "expected_quotes.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var cases []struct {
		Dir, Kind, CA, FMSPC string
		Coll                 []struct {
			Name                                 string
			At                                   time.Time
			TcbIssue, QeIssue, CrlThis, RootThis time.Time
			TcbNext, QeNext, CrlNext, RootNext   time.Time
			EvalTcb                              int
		}
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		tb.Fatal(err)
	}
	var sets []corpusSet
	for _, c := range cases {
		for _, coll := range c.Coll {
			archive := filepath.Join(dir, "evidence", c.Dir, "collateral")
			s := corpusSet{
				dir: filepath.Join(archive, coll.Name), archive: archive, at: coll.At, number: coll.EvalTcb,
				platform: dcap.Platform{CA: caNames[c.CA]},
				from:     slices.MaxFunc([]time.Time{coll.TcbIssue, coll.QeIssue, coll.CrlThis, coll.RootThis}, time.Time.Compare),
				until:    slices.MinFunc([]time.Time{coll.TcbNext, coll.QeNext, coll.CrlNext, coll.RootNext}, time.Time.Compare),
			}
			if strings.HasPrefix(c.Kind, "TDX") {
				s.platform.TEE = dcap.TDX
			}
			if s.platform.FMSPC, err = dcap.ParseFMSPC(c.FMSPC); err != nil {
				tb.Fatal(err)
			}
			root, err := os.OpenRoot(s.dir)
			if err != nil {
				tb.Fatal(err)
			}
			set, _ := readSet(root, ".")
			_ = root.Close()
			s.parts = set.Collateral.Parts()
			sets = append(sets, s)
		}
	}
	if len(sets) == 0 {
		tb.Fatal("no sets in the corpus")
	}
	return sets
}

func TestCorpusSetsAreDescribed(t *testing.T) {
	t.Parallel()
	for _, want := range corpusSets(t, corpus.Dir(t)) {
		got := describe(dcap.NewCollateral(want.parts), nil)
		if len(got.Problems) > 0 {
			t.Errorf("%s: %v", want.dir, got.Problems)
		}
		if got.Platform != want.platform || got.TCBEvaluationDataNumber != want.number {
			t.Errorf("%s: %s e%d, want %s e%d", want.dir, got.Platform, got.TCBEvaluationDataNumber, want.platform, want.number)
		}
		// No certificate of these sets narrows the window.
		if !got.ValidFrom.Equal(want.from) || !got.ValidUntil.Equal(want.until) || !got.ValidAt(want.at) {
			t.Errorf("%s: valid %s to %s, want %s to %s and at %s", want.dir, got.ValidFrom, got.ValidUntil, want.from, want.until, want.at)
		}
	}
}

func TestCorpusIsAnArchive(t *testing.T) {
	t.Parallel()
	dir := corpus.Dir(t)
	sets := corpusSets(t, dir)
	archives := map[string]*Archive{}
	for _, kind := range []string{"sgx-v3", "tdx-v4", "tdx-v5"} {
		archives[kind] = openArchive(t, filepath.Join(dir, "evidence", kind))
	}
	for _, s := range sets {
		rel, err := filepath.Rel(filepath.Join(dir, "evidence"), s.dir)
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		for _, a := range []*Archive{openArchive(t, s.archive), archives[kind]} {
			got, err := a.Collateral(t.Context(), Query{Platform: s.platform, At: s.at})
			if err != nil {
				t.Errorf("%s: %v", rel, err)
				continue
			}
			found := describe(got, nil)
			if !found.ValidAt(s.at) || found.Platform != s.platform || found.TCBEvaluationDataNumber < s.number {
				t.Errorf("%s: got %s e%d valid %s to %s", rel, found.Platform, found.TCBEvaluationDataNumber, found.ValidFrom, found.ValidUntil)
			}
		}
	}
}

func TestCorpusSetsAreWrittenAsTheyAre(t *testing.T) {
	t.Parallel()
	sets := corpusSets(t, corpus.Dir(t))
	dir := t.TempDir()
	for _, s := range sets {
		c := dcap.NewCollateral(s.parts)
		folder, err := WriteSet(dir, c)
		if err != nil {
			t.Errorf("%s: %v", s.dir, err)
			continue
		}
		// The corpus names its folders as we do, but for the date: there it is
		// also that of the quote.
		_, want, _ := strings.Cut(filepath.Base(s.dir), "-e")
		name, _, _ := strings.Cut(filepath.Base(folder), ".")
		if name != s.from.Format("2006-01-02")+"-e"+want {
			t.Errorf("%s became %s", s.dir, folder)
		}
		if got := openArchive(t, folder).Sets()[0].Collateral; got.Digest() != c.Digest() {
			t.Errorf("%s: another set after it was written", s.dir)
		}
	}
	// Cases of the corpus share sets; each is written once.
	different := map[[32]byte]bool{}
	for _, s := range sets {
		different[dcap.NewCollateral(s.parts).Digest()] = true
	}
	if got := openArchive(t, dir).Sets(); len(got) != len(different) {
		t.Errorf("%d sets, want %d", len(got), len(different))
	}
}

func TestCorpusBrokenSetsAreHandedToTheVerifier(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(corpus.Dir(t), "evidence", "negative-mutated", "share")
	folders, err := filepath.Glob(filepath.Join(dir, "*--coll-*", "collateral", "*"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("no mutated sets: %v", err)
	}
	for _, folder := range folders {
		a := openArchive(t, folder)
		got, err := a.Collateral(t.Context(), Query{Platform: sgxProcessor, At: day0})
		if err != nil {
			t.Errorf("%s: %v", folder, err)
			continue
		}
		if missing := strings.Contains(folder, "coll-no-pck-crl"); missing != (got.Parts().PCKCRL == nil) {
			t.Errorf("%s: PCK CRL has %d bytes", folder, len(got.Parts().PCKCRL))
		}
		hasProblem := slices.ContainsFunc([]string{"no-pck-crl", "no-root-crl", "crl-as-rootcrl"}, func(s string) bool { return strings.Contains(folder, "--coll-"+s) })
		if hasProblem && len(a.Sets()[0].Problems) == 0 {
			t.Errorf("%s: no problem is named", folder)
		}
	}
}
