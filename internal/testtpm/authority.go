package testtpm

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// authority is the one of all TPMs of this process: its two keys take longer to make
// than a TPM.
type authority struct {
	mu    sync.Mutex
	files map[string][]byte
	tpms  int
}

var vendor authority

// authorityFiles are its keys and certificates, as swtpm_localca names them.
var authorityFiles = []string{rootFile, "swtpm-localca-rootca-privkey.pem", issuerFile, "signkey.pem"}

const (
	rootFile   = "swtpm-localca-rootca-cert.pem"
	issuerFile = "issuercert.pem"
)

// certify has run make a TPM with the authority in the folder ca: the first one makes
// the authority, too, and the others wait for that alone. Each gets serial numbers of
// its own.
func (a *authority) certify(ca string, run func() error) error {
	a.mu.Lock()
	if a.files == nil {
		defer a.mu.Unlock()
		if err := run(); err != nil {
			return err
		}
		files := make(map[string][]byte)
		for _, name := range authorityFiles {
			raw, err := os.ReadFile(filepath.Join(ca, name)) //nolint:gosec // G304: A file of this package's own folder.
			if err != nil {
				return err
			}
			files[name] = raw
		}
		a.files = files
		return nil
	}
	a.tpms++
	files, serial := a.files, 10*a.tpms
	a.mu.Unlock()
	for name, raw := range files {
		if err := os.WriteFile(filepath.Join(ca, name), raw, 0o600); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(ca, "certserial"), strconv.AppendInt(nil, int64(serial), 10), 0o600); err != nil {
		return err
	}
	return run()
}
