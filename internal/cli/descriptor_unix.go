//go:build unix

package cli

import (
	"errors"
	"os"
	"syscall"
)

// openDescriptor takes hold of a file descriptor to write into. One that does not take
// a write of no bytes is not ours: it was not opened, or is read only, or it is one of
// the runtime, which opens some as well. That one must not be closed.
func openDescriptor(fd int, name string) (*os.File, error) {
	for {
		_, err := syscall.Write(fd, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return os.NewFile(uintptr(fd), name), nil
	}
}

// isNoDescriptor reports whether nothing can ever be written there.
func isNoDescriptor(err error) bool {
	return errors.Is(err, syscall.EBADF) || errors.Is(err, syscall.EINVAL)
}
