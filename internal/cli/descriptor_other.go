//go:build !unix

package cli

import (
	"os"

	"github.com/azattest/azattest/internal/wholefile"
)

// openDescriptor takes hold of a file descriptor to write into.
func openDescriptor(fd int, name string) (*os.File, error) {
	f := os.NewFile(uintptr(fd), name)
	if f == nil {
		return nil, os.ErrInvalid
	}
	if _, err := f.Write(nil); err != nil {
		return nil, wholefile.Cause(err)
	}
	return f, nil
}

// isNoDescriptor reports whether nothing can ever be written there.
func isNoDescriptor(error) bool { return true }
