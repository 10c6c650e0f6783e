package collateral

import (
	"encoding/hex"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/azattest/azattest/evidence/dcap"
)

func TestWriteSetNamesTheFolder(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]recipe{
		"sgx-00906ed50000-processor/2025-06-01-e17-tcbv3": {platform: sgxProcessor},
		"sgx-00906ed50000-processor/2025-06-01-e16-tcbv2": {platform: sgxProcessor, number: 16, version: 2},
		"sgx-00606a000000-platform/2025-06-11-e17-tcbv3":  {platform: sgxPlatform, issued: day0.Add(days(10))},
		"tdx-00606a000000-platform/2025-06-01-e17-tcbv3":  {platform: tdxPlatform},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "made", "if need be")
			got, err := WriteSet(dir, r.collateral())
			if err != nil {
				t.Fatal(err)
			}
			if want := filepath.Join(dir, filepath.FromSlash(want)); got != want {
				t.Errorf("wrote %s, want %s", got, want)
			}
		})
	}
}

func TestWriteSetIsReadBack(t *testing.T) {
	t.Parallel()
	whole := recipe{platform: sgxProcessor, revoked: 3}.parts()
	ownChain := whole
	ownChain.QEIdentityIssuerChain = chainPEM(pki().signing)
	noCRLChain := whole
	noCRLChain.PCKCRLIssuerChain = nil
	for name, parts := range map[string]dcap.CollateralParts{
		"whole": whole, "QE identity with a chain of its own": ownChain, "no PCK CRL issuer chain": noCRLChain,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, dir := dcap.NewCollateral(parts), t.TempDir()
			folder, err := WriteSet(dir, c)
			if err != nil {
				t.Fatal(err)
			}
			got, err := openArchive(t, dir).Collateral(t.Context(), Query{Platform: sgxProcessor, At: day0})
			if err != nil || got.Digest() != c.Digest() {
				t.Errorf("read back another set, error %v", err)
			}
			single, err := openArchive(t, folder).Collateral(t.Context(), Query{})
			if err != nil || single.Digest() != c.Digest() {
				t.Errorf("the folder alone is another set, error %v", err)
			}
			_, err = os.Stat(filepath.Join(folder, qeIdentityChainPart.file))
			if hasOwn := err == nil; hasOwn != (name == "QE identity with a chain of its own") {
				t.Errorf("a file of the QE identity's chain: %v", hasOwn)
			}
		})
	}
}

func TestWriteSetWritesRevocationListsAsDER(t *testing.T) {
	t.Parallel()
	plain := recipe{platform: sgxProcessor}.parts()
	other := plain
	other.PCKCRL = pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: plain.PCKCRL})
	other.RootCACRL = []byte(hex.EncodeToString(plain.RootCACRL))
	folder, err := WriteSet(t.TempDir(), dcap.NewCollateral(other))
	if err != nil {
		t.Fatal(err)
	}
	got := openArchive(t, folder).Sets()[0].Collateral
	if got.Digest() != dcap.NewCollateral(plain).Digest() {
		t.Error("the lists were not written as DER")
	}
}

func TestWriteSetOnlyAdds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := recipe{platform: sgxProcessor}.collateral()
	parts := first.Parts()
	parts.RootCACRL = crl(pki().root, day0.Add(-days(10)), day0.Add(days(300)), 1)
	second := dcap.NewCollateral(parts)
	var folders []string
	for _, c := range []*dcap.Collateral{first, second, first, second} {
		folder, err := WriteSet(dir, c)
		if err != nil {
			t.Fatal(err)
		}
		folders = append(folders, filepath.Base(folder))
	}
	const name = "2025-06-01-e17-tcbv3"
	if want := []string{name, name + ".2", name, name + ".2"}; !slices.Equal(folders, want) {
		t.Errorf("wrote %v, want %v", folders, want)
	}
	digests := make(map[[32]byte]bool)
	for _, s := range openArchive(t, dir).Sets() {
		digests[s.Collateral.Digest()] = true
	}
	if !digests[first.Digest()] || !digests[second.Digest()] || len(digests) != 2 {
		t.Errorf("%d sets, want the two that were written", len(digests))
	}
}

func TestWriteSetLeavesNothingHalfDone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	shared := recipe{platform: sgxProcessor}.collateral()
	var group sync.WaitGroup
	for i := range 8 {
		// Four writers of one set, and one each of four others of that name.
		c := shared
		if i >= 4 {
			c = recipe{platform: sgxProcessor, revoked: i}.collateral()
		}
		group.Go(func() {
			if _, err := WriteSet(dir, c); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	sets := openArchive(t, dir).Sets()
	if len(sets) != 5 {
		t.Errorf("%d sets, want 5", len(sets))
	}
	for _, s := range sets {
		if len(s.Problems) > 0 {
			t.Errorf("%s: %v", s.Dir, s.Problems)
		}
	}
	entries, err := os.ReadDir(filepath.Join(dir, "sgx-00906ed50000-processor"))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(sets) || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") }) {
		t.Errorf("%d entries for %d sets: %v", len(entries), len(sets), entries)
	}
}

func TestWriteSetRefuses(t *testing.T) {
	t.Parallel()
	noRoot := recipe{platform: sgxProcessor}.parts()
	noRoot.RootCACRL = nil
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		dir  string
		c    *dcap.Collateral
		want string
	}{
		"nothing":           {dir, dcap.NewCollateral(dcap.CollateralParts{}), "not whole: TCB info: missing"},
		"a missing part":    {dir, dcap.NewCollateral(noRoot), "not whole: root CA CRL: missing"},
		"a file in its way": {file, recipe{platform: sgxProcessor}.collateral(), "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, err := WriteSet(test.dir, test.c)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("wrote %q, error %v, want %q", folder, err, test.want)
			}
		})
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind %v, error %v", entries, err)
	}
}
