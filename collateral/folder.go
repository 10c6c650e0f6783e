package collateral

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/azattest/azattest/evidence/dcap"
)

// isSetFile reports whether a file of this name makes a folder a set.
func isSetFile(name string) bool {
	for _, p := range setParts {
		if p.file == name {
			return true
		}
	}
	return false
}

// readSet reads the set in a folder below root. Files that are not there leave
// their part nil; a file that cannot be read is a problem of the set, not an
// error. It returns the bytes read, too.
func readSet(root *os.Root, dir string) (Set, int64) {
	var parts dcap.CollateralParts
	unread := make(map[*part]error)
	var size int64
	for _, p := range setParts {
		raw, err := readPart(root, path.Join(dir, p.file), p.limit)
		if err != nil {
			unread[p] = err
			continue
		}
		size += int64(len(raw))
		*p.field(&parts) = raw
	}
	if parts.QEIdentityIssuerChain == nil {
		parts.QEIdentityIssuerChain = parts.TCBInfoIssuerChain
	}
	set := describe(dcap.NewCollateral(parts), unread)
	set.Dir = dir
	return set, size
}

// readPart reads a regular file; nil without an error if there is none.
func readPart(root *os.Root, name string, limit int64) ([]byte, error) {
	// Looked at before it is opened: opening a pipe would wait for a writer.
	info, err := root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return raw, nil
}
