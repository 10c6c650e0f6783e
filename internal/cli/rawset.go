package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/azattest/azattest/evidence/dcap"
)

// writeSet writes collateral into a folder that [collateral.OpenArchive] reads
// as one set, exactly as it is: with parts missing or unreadable too, which
// collateral.WriteSet refuses. The parts of a set that was there are replaced. A
// folder that holds anything else is refused: as a set it would hide that.
func writeSet(dir string, parts dcap.CollateralParts) error {
	files := setFiles(parts)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, ours := files[e.Name()]; !ours {
			return fmt.Errorf("folder %s holds %s: want an empty one, or one with a set to replace", dir, e.Name())
		}
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if content != nil {
			if err := writeFile(path, content); err != nil {
				return err
			}
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// setFiles are the files of a set by name, nil for one that must not be there.
func setFiles(parts dcap.CollateralParts) map[string][]byte {
	return map[string][]byte{
		"tcb_info.json":                 parts.TCBInfo,
		"tcb_signing_chain.pem":         parts.TCBInfoIssuerChain,
		"qe_identity.json":              parts.QEIdentity,
		"qe_identity_signing_chain.pem": qeIdentityChain(parts),
		"pck_crl.der":                   parts.PCKCRL,
		"pck_crl_issuer_chain.pem":      parts.PCKCRLIssuerChain,
		"root_ca_crl.der":               parts.RootCACRL,
	}
}

// qeIdentityChain returns what the file of the QE identity's chain must hold,
// nil for no file: the chain of the TCB info stands for it then. An empty file
// says that there is none.
func qeIdentityChain(parts dcap.CollateralParts) []byte {
	if parts.TCBInfoIssuerChain != nil && bytes.Equal(parts.QEIdentityIssuerChain, parts.TCBInfoIssuerChain) {
		return nil
	}
	return append([]byte{}, parts.QEIdentityIssuerChain...)
}
