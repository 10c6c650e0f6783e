package collateral

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
)

// writeParts writes set files as they are, missing and broken ones included.
func writeParts(t *testing.T, dir string, parts dcap.CollateralParts) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, p := range setParts {
		raw := *p.field(&parts)
		if raw == nil || p == qeIdentityChainPart {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, p.file), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func openArchive(t *testing.T, dir string) *Archive {
	t.Helper()
	a, err := OpenArchive(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestArchiveChoosesAmongItsSets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	recipes := map[string]recipe{
		"a/june":                    {platform: sgxProcessor, number: 17},
		"a/july":                    {platform: sgxProcessor, number: 17, issued: day0.Add(days(30) + time.Second)},
		"a/b/c/d/early":             {platform: sgxProcessor, number: 18},
		"any name/platform CA":      {platform: sgxPlatform, number: 17},
		"any name/the other TEE":    {platform: tdxPlatform, number: 17},
		".hidden/sgx":               {platform: sgxProcessor, number: 99},
		"a/.set-1234/half finished": {platform: sgxProcessor, number: 99},
	}
	for name, r := range recipes {
		writeParts(t, filepath.Join(dir, name), r.parts())
	}
	a := openArchive(t, dir)
	for name, test := range map[string]struct {
		q    Query
		want string
	}{
		"highest number":    {Query{Platform: sgxProcessor, At: day0}, "a/b/c/d/early"},
		"number asked for":  {Query{Platform: sgxProcessor, At: day0, TCBEvaluationDataNumber: 16}, "a/june"},
		"later":             {Query{Platform: sgxProcessor, At: day0.Add(days(40))}, "a/july"},
		"stale":             {Query{Platform: sgxProcessor, At: day0.Add(days(400))}, "a/july"},
		"stale number":      {Query{Platform: sgxProcessor, At: day0.Add(days(400)), TCBEvaluationDataNumber: 18}, "a/b/c/d/early"},
		"before everything": {Query{Platform: sgxProcessor, At: day0.Add(-days(4))}, "a/b/c/d/early"},
		"other CA":          {Query{Platform: sgxPlatform, At: day0}, "any name/platform CA"},
		"other TEE":         {Query{Platform: tdxPlatform, At: day0}, "any name/the other TEE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := a.Collateral(t.Context(), test.q)
			if err != nil {
				t.Fatal(err)
			}
			again, err := a.Collateral(t.Context(), test.q)
			if err != nil || again != got {
				t.Errorf("a second query gives another pointer, error %v", err)
			}
			i := slices.IndexFunc(a.Sets(), func(s Set) bool { return s.Collateral == got })
			if i < 0 || a.Sets()[i].Dir != test.want {
				t.Errorf("got set %d of %d, want %q", i, len(a.Sets()), test.want)
			}
		})
	}
}

func TestArchiveSaysWhatItHasInstead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeParts(t, filepath.Join(dir, "e17"), recipe{platform: sgxProcessor, number: 17}.parts())
	writeParts(t, filepath.Join(dir, "e9"), recipe{platform: sgxProcessor, number: 9}.parts())
	broken := recipe{platform: sgxPlatform}.parts()
	broken.TCBInfo = []byte(`{"tcbInfo":`)
	writeParts(t, filepath.Join(dir, "broken"), broken)
	a := openArchive(t, dir)
	for name, test := range map[string]struct {
		q    Query
		want []string
	}{
		"number too high": {
			Query{Platform: sgxProcessor, At: day0, TCBEvaluationDataNumber: 18},
			[]string{"TCB evaluation data number 18 or higher", "its highest number for this platform is 17", "1 sets are broken: broken (TCB info: "},
		},
		"other platform": {
			Query{Platform: sgxPlatform, At: day0},
			[]string{"00606a000000", "it has 1 other platforms: SGX FMSPC 00906ed50000, processor CA", "1 sets are broken: broken (TCB info: "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := a.Collateral(t.Context(), test.q)
			found, ok := errors.AsType[*NotFoundError](err)
			if !ok {
				t.Fatalf("error %v, want a NotFoundError", err)
			}
			for _, want := range append(test.want, dir) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			if found.Query != test.q {
				t.Errorf("query %v, want %v", found.Query, test.q)
			}
		})
	}
}

func TestArchiveListsOnlyAFew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range maxNamed + 3 {
		writeParts(t, filepath.Join(dir, fmt.Sprintf("broken%d", i)), dcap.CollateralParts{TCBInfo: []byte("{}")})
	}
	_, err := openArchive(t, dir).Collateral(t.Context(), Query{Platform: sgxProcessor, At: day0})
	if err == nil || strings.Count(err.Error(), "broken") > maxNamed+1 || !strings.Contains(err.Error(), "8 sets are broken") {
		t.Errorf("error %v, want the number of broken sets and %d names", err, maxNamed)
	}
}

func TestArchiveOfASingleSetAnswersEverything(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*dcap.CollateralParts){
		"whole":         func(*dcap.CollateralParts) {},
		"no PCK CRL":    func(c *dcap.CollateralParts) { c.PCKCRL = nil },
		"no TCB info":   func(c *dcap.CollateralParts) { c.TCBInfo = nil },
		"broken":        func(c *dcap.CollateralParts) { c.TCBInfo = []byte("broken") },
		"only one file": func(c *dcap.CollateralParts) { *c = dcap.CollateralParts{RootCACRL: c.RootCACRL} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parts := recipe{platform: sgxProcessor}.parts()
			change(&parts)
			dir := t.TempDir()
			writeParts(t, dir, parts)
			a := openArchive(t, dir)
			for _, q := range []Query{
				{Platform: sgxProcessor, At: day0},
				{Platform: tdxPlatform, At: day0.Add(days(4000)), TCBEvaluationDataNumber: 99},
				{},
			} {
				got, err := a.Collateral(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				if want := dcap.NewCollateral(parts); got.Digest() != want.Digest() {
					t.Errorf("other parts than in the folder")
				}
			}
			if sets := a.Sets(); len(sets) != 1 || sets[0].Dir != "." || (len(sets[0].Problems) == 0) != (name == "whole") {
				t.Errorf("sets %+v", sets)
			}
		})
	}
}

func TestArchiveReadsTheQEIdentitysOwnChain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeParts(t, dir, recipe{platform: sgxProcessor}.parts())
	own := chainPEM(pki().signing)
	if err := os.WriteFile(filepath.Join(dir, "qe_identity_signing_chain.pem"), own, 0o600); err != nil {
		t.Fatal(err)
	}
	got := openArchive(t, dir).Sets()[0].Collateral.Parts()
	if string(got.QEIdentityIssuerChain) != string(own) || string(got.TCBInfoIssuerChain) == string(own) {
		t.Error("the QE identity's chain is not that of its own file")
	}
}

func TestOpenArchiveRefuses(t *testing.T) {
	t.Parallel()
	tooDeep := t.TempDir()
	if err := os.MkdirAll(filepath.Join(tooDeep, strings.Repeat("d/", maxArchiveDepth+1)), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ dir, want string }{
		"no folder": {filepath.Join(tooDeep, "none"), "collateral archive: "},
		"a file":    {file, "collateral archive: "},
		"empty":     {t.TempDir(), "no set in it, want a folder with tcb_info.json"},
		"too deep":  {tooDeep, "more than 12 levels deep"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := OpenArchive(test.dir)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("archive %v, error %v, want %q", a, err, test.want)
			}
		})
	}
}

func TestArchiveReaderKeepsWithinItsBounds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		writeParts(t, filepath.Join(dir, name), recipe{platform: sgxProcessor}.parts())
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	for name, test := range map[string]struct {
		reader archiveReader
		want   string
	}{
		"enough":           {archiveReader{folders: 4, bytes: maxArchiveBytes}, ""},
		"too many folders": {archiveReader{folders: 3, bytes: maxArchiveBytes}, "folders: open the archive nearer"},
		"too many bytes":   {archiveReader{folders: 4, bytes: 10_000}, "bytes: split the archive"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.reader.root = root
			err := test.reader.read(".", 0)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestArchiveStaysInItsTree(t *testing.T) {
	t.Parallel()
	outside, dir := t.TempDir(), t.TempDir()
	writeParts(t, outside, recipe{platform: sgxProcessor, number: 99}.parts())
	parts := recipe{platform: sgxProcessor, number: 17}.parts()
	writeParts(t, filepath.Join(dir, "real"), parts)
	links := map[string]string{
		filepath.Join(dir, "folder outside"):           outside,
		filepath.Join(dir, "leak", tcbInfoPart.file):   filepath.Join(outside, tcbInfoPart.file),
		filepath.Join(dir, "loop"):                     dir,
		filepath.Join(dir, "inside", rootCRLPart.file): "../real/" + rootCRLPart.file,
	}
	writeParts(t, filepath.Join(dir, "leak"), dcap.CollateralParts{PCKCRL: parts.PCKCRL})
	inside := parts
	inside.RootCACRL = nil
	writeParts(t, filepath.Join(dir, "inside"), inside)
	for link, target := range links {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	a := openArchive(t, dir)
	byDir := make(map[string]Set)
	for _, s := range a.Sets() {
		byDir[s.Dir] = s
	}
	if len(byDir) != 3 {
		t.Errorf("sets %v, want real, leak and inside", byDir)
	}
	if s := byDir["leak"]; s.located || len(s.Collateral.Parts().TCBInfo) > 0 {
		t.Errorf("a file outside the tree was read: %+v", s)
	}
	if s := byDir["inside"]; len(s.Problems) > 0 {
		t.Errorf("a link within the tree was not followed: %v", s.Problems)
	}
	_, err := a.Collateral(t.Context(), Query{Platform: sgxProcessor, At: day0, TCBEvaluationDataNumber: 99})
	if _, ok := errors.AsType[*NotFoundError](err); !ok {
		t.Errorf("error %v, want a NotFoundError", err)
	}
}

func TestArchiveRefusesQueriesThatNameNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeParts(t, filepath.Join(dir, "set"), recipe{platform: sgxProcessor}.parts())
	a := openArchive(t, dir)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		q    Query
		want string
	}{
		"no time":         {t.Context(), Query{Platform: sgxProcessor}, "no time given"},
		"no CA":           {t.Context(), Query{Platform: dcap.Platform{}, At: day0}, `CA "", want "processor" or "platform"`},
		"unknown TEE":     {t.Context(), Query{Platform: dcap.Platform{TEE: 7, CA: dcap.ProcessorCA}, At: day0}, "TEE type 0x7, want SGX or TDX"},
		"negative number": {t.Context(), Query{Platform: sgxProcessor, At: day0, TCBEvaluationDataNumber: -1}, "number -1"},
		"context ended":   {ended, Query{Platform: sgxProcessor, At: day0}, "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := a.Collateral(test.ctx, test.q)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if _, ok := errors.AsType[*NotFoundError](err); ok {
				t.Errorf("error %v is a NotFoundError", err)
			}
		})
	}
}
