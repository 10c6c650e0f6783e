package collateral

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/azattest/azattest/evidence/dcap"
)

// Collateral is public: whoever may read the archive's folder may read a set.
const (
	folderMode = 0o755
	fileMode   = 0o644
)

// WriteSet adds a set to the archive in dir, which is made if need be, and
// returns the folder of the set:
//
//	<tee>-<fmspc>-<ca>/<date>-e<number>-tcbv<version>
//
// with the date from which all parts are valid, the TCB evaluation data number
// and the version of the TCB info; "sgx-00a067110000-processor/2025-06-03-e19-tcbv2".
// The files are those that [OpenArchive] reads; revocation lists are written as
// DER.
//
// An archive only grows. A set that is there already is left alone; another one
// of the same name gets the suffix ".2", ".3", …. The folder appears at once
// and whole, or not at all; a process that is killed may leave a folder that
// begins with ".set-", which archives pass over. Collateral that is not whole is
// refused.
func WriteSet(dir string, c *dcap.Collateral) (string, error) {
	set := describe(c, nil)
	if len(set.Problems) > 0 {
		return "", fmt.Errorf("collateral set is not whole: %w", joined(set.Problems...))
	}
	files, err := setFiles(c.Parts())
	if err != nil {
		return "", err
	}
	folder := filepath.Join(dir, platformFolder(set.Platform))
	if err := os.MkdirAll(folder, folderMode); err != nil {
		return "", fmt.Errorf("collateral set: %w", err)
	}
	name := fmt.Sprintf("%s-e%d-tcbv%d", set.ValidFrom.UTC().Format("2006-01-02"), set.TCBEvaluationDataNumber, set.TCBInfoVersion)
	return addFolder(folder, name, files)
}

// platformFolder is the folder of all sets of a platform.
func platformFolder(p dcap.Platform) string {
	return strings.ToLower(p.TEE.String()) + "-" + p.FMSPC.String() + "-" + string(p.CA)
}

// setFiles are the files of a set by name.
func setFiles(parts dcap.CollateralParts) (map[string][]byte, error) {
	if bytes.Equal(parts.QEIdentityIssuerChain, parts.TCBInfoIssuerChain) {
		parts.QEIdentityIssuerChain = nil
	}
	files := make(map[string][]byte, len(setParts))
	for _, p := range setParts {
		raw := *p.field(&parts)
		if len(raw) == 0 {
			continue
		}
		if p == pckCRLPart || p == rootCRLPart {
			der, err := derCRL(raw)
			if err != nil {
				return nil, err
			}
			raw = der
		}
		files[p.file] = raw
	}
	return files, nil
}

// derCRL returns the DER of a list in whatever form it came.
func derCRL(raw []byte) ([]byte, error) {
	list, err := dcap.ParseCRL(raw)
	if err != nil {
		return nil, err
	}
	return list.Raw, nil
}

// addFolder writes the files into a new folder of that name, or of that name
// with a suffix.
func addFolder(parent, name string, files map[string][]byte) (string, error) {
	temporary, err := os.MkdirTemp(parent, ".set-")
	if err != nil {
		return "", fmt.Errorf("collateral set: %w", err)
	}
	defer func() { _ = os.RemoveAll(temporary) }()
	if err := os.Chmod(temporary, folderMode); err != nil {
		return "", fmt.Errorf("collateral set: %w", err)
	}
	for file, raw := range files {
		if err := writeFile(filepath.Join(temporary, file), raw); err != nil {
			return "", fmt.Errorf("collateral set: %w", err)
		}
	}
	syncFolder(temporary)
	for variant := 1; variant <= maxVariants; variant++ {
		folder := filepath.Join(parent, name)
		if variant > 1 {
			folder += fmt.Sprintf(".%d", variant)
		}
		if _, err := os.Lstat(folder); errors.Is(err, fs.ErrNotExist) {
			// Of two who find the name free one fails here, and tries the next.
			if err = os.Rename(temporary, folder); err == nil {
				syncFolder(parent)
				return folder, nil
			}
			if !errors.Is(err, fs.ErrExist) {
				return "", fmt.Errorf("collateral set: %w", err)
			}
		}
		if holds(folder, files) {
			return folder, nil
		}
	}
	return "", fmt.Errorf("collateral set: %d sets named %s in %s differ: clear the folder", maxVariants, name, parent)
}

// holds reports whether a folder holds exactly these files of a set.
func holds(folder string, files map[string][]byte) bool {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return false
	}
	defer func() { _ = root.Close() }()
	for _, p := range setParts {
		raw, err := readPart(root, p.file, p.limit)
		if err != nil || !bytes.Equal(raw, files[p.file]) {
			return false
		}
	}
	return true
}

func writeFile(name string, raw []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode) //nolint:gosec // G302, G304: public data, a name of ours
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	return joined(err, f.Sync(), f.Close())
}

// syncFolder makes names in a folder survive a crash, on systems that can.
func syncFolder(dir string) {
	if f, err := os.Open(dir); err == nil { //nolint:gosec // G304: a folder of ours
		_ = f.Sync()
		_ = f.Close()
	}
}
