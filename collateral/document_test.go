package collateral

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// The document names what users type, see on disk or find in a capture.
func TestDocumentIsComplete(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../docs/collateral.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	names := []string{IntelPCS, AzureTHIM, intelRootCRL, pathTCB, pathQE, pathPCKCRL, pathRootCRL, "20,000 folders, 12 levels and 256 MiB"}
	for _, p := range setParts {
		names = append(names, "| `"+p.file+"` |")
	}
	for _, name := range slices.Concat(names, tcbInfoChainHeaders, qeIdentityChainHeaders, pckCRLChainHeaders) {
		if !strings.Contains(text, name) {
			t.Errorf("docs/collateral.md does not mention %s", name)
		}
	}
}
