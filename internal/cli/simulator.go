package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/simulator"
)

const (
	// simulatorFolder is where a data directory keeps its simulated platform.
	simulatorFolder = "simulator"
	// simulatorRootFile holds the certificate of the simulated root, for
	// --simulator-root.
	simulatorRootFile = "root.pem"
)

// openSimulator returns the simulated platform of a data directory, and makes
// one on first use, issued now. Of two processes that do so at once, both get
// the same platform.
func openSimulator(dir string, now time.Time) (*simulator.Platform, error) {
	p, err := simulator.Open(filepath.Join(dir, simulatorFolder), simulator.Config{Now: now})
	if err != nil {
		return nil, err
	}
	// The file follows from the platform, so that it does not matter who writes
	// it, nor how often. One of a platform that was removed is replaced.
	name, root := simulatorRoot(dir), p.RootCertificatePEM()
	if kept, err := os.ReadFile(filepath.Clean(name)); err == nil && bytes.Equal(kept, root) {
		return p, nil
	}
	if err := writeFile(name, root); err != nil {
		return nil, fmt.Errorf("simulated root: %w", err)
	}
	return p, nil
}

func simulatorRoot(dir string) string { return filepath.Join(dir, simulatorFolder, simulatorRootFile) }

// rootsWith returns Intel's root and the simulated one in the file, nil (which
// means Intel's alone) if no file is named.
func rootsWith(s Streams, simulatorRoot string) ([]dcap.Root, error) {
	if simulatorRoot == "" {
		return nil, nil
	}
	text, err := readInput(s, simulatorRoot)
	if err != nil {
		return nil, fmt.Errorf("simulator root: %w", err)
	}
	root, err := dcap.RootFromPEM(text, true)
	if err != nil {
		// A bad trust anchor says nothing about the evidence.
		return nil, &undecidedError{fmt.Errorf("simulator root %s: %w", simulatorRoot, err)}
	}
	return []dcap.Root{dcap.IntelRoot(), root}, nil
}
