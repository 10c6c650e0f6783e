//go:build unix

package collateral

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestArchiveReadsRegularFilesOfBoundedSize(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	parts := recipe{platform: sgxProcessor}.parts()
	parts.QEIdentity = make([]byte, maxQEIdentity+1)
	parts.RootCACRL = nil
	writeParts(t, dir, parts)
	// Opening a pipe without a writer would hang.
	if err := syscall.Mkfifo(filepath.Join(dir, rootCRLPart.file), 0o600); err != nil {
		t.Skipf("no pipes here: %v", err)
	}
	set := openArchive(t, dir).Sets()[0]
	said := joined(set.Problems...).Error()
	for _, want := range []string{"QE identity: qe_identity.json has more than 65536 bytes", "root CA CRL: root_ca_crl.der is no regular file"} {
		if !strings.Contains(said, want) {
			t.Errorf("problems %q lack %q", said, want)
		}
	}
	if len(set.Problems) != 2 {
		t.Errorf("%d problems, want 2: %q", len(set.Problems), said)
	}
}
