package simulator_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/simulator"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with -update)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// Whoever keeps vectors made by the simulator relies on this: neither a new
// version of it nor of Go may change the bytes of a seed.
func TestBytesStayTheSame(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{Seed: []byte("golden files"), CA: dcap.ProcessorCA})
	q := newPlatform(t, simulator.Config{Seed: []byte("golden files")})
	current := collateralOf(t, p, simulator.CollateralOptions{
		Status: evidence.TCBConfigurationAndSWHardeningNeeded, Advisories: []string{"INTEL-SA-00615"}, QEStatus: evidence.TCBOutOfDate,
	}).Parts()
	old := collateralOf(t, q, simulator.CollateralOptions{TCBInfoVersion: 2, QEIdentityVersion: 1}).Parts()

	golden(t, "tcbinfo-v3.json", current.TCBInfo)
	golden(t, "tcbinfo-v2.json", old.TCBInfo)
	golden(t, "qeidentity-v2.json", current.QEIdentity)
	golden(t, "qeidentity-v1.json", old.QEIdentity)
	var sums []byte
	for _, part := range []struct {
		name string
		raw  []byte
	}{
		{"quote, processor CA", quoteOf(t, p, fullReport())},
		{"quote, platform CA", quoteOf(t, q, simulator.Report{Debug: true})},
		{"root certificate", p.RootCertificatePEM()},
		{"TCB signing chain", current.TCBInfoIssuerChain},
		{"processor CA CRL", current.PCKCRL},
		{"platform CA CRL", old.PCKCRL},
		{"root CRL", current.RootCACRL},
	} {
		sums = fmt.Appendf(sums, "%x  %s\n", sha256.Sum256(part.raw), part.name)
	}
	golden(t, "sha256sums.txt", sums)
}

// The document lists every fault; nobody should have to keep it in step by hand.
func TestTheDocumentListsTheFaults(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../docs/simulator.md", "<!-- faults: written by go test ./simulator -update -->\n", "<!-- faults end -->\n"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, hasBegin := strings.Cut(string(raw), begin)
	got, tail, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		t.Fatalf("%s lacks the marks around the list of faults", path)
	}
	var want strings.Builder
	for _, artifact := range []simulator.Artifact{simulator.ArtifactQuote, simulator.ArtifactCollateral} {
		fmt.Fprintf(&want, "\n### In the %s\n\n| fault | what is wrong | refused at |\n|---|---|---|\n", artifact)
		for _, f := range simulator.Faults() {
			if f.Artifact() == artifact {
				fmt.Fprintf(&want, "| `%s` | %s | %s/%s |\n", f, f.Description(), f.Stage(), f.Code())
			}
		}
	}
	want.WriteString("\n")
	if *update {
		if err := os.WriteFile(path, []byte(head+begin+want.String()+end+tail), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want.String(), got); diff != "" {
		t.Errorf("list of faults (-want +got), write it with -update:\n%s", diff)
	}
}
