package audit

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// errSharingViolation is ERROR_SHARING_VIOLATION of winerror.h.
const errSharingViolation = syscall.Errno(32)

// lock keeps other writers out of a trail until the function it returns is
// called: it opens a file that it shares with nobody. The lock goes with the
// process, however that ends.
func lock(dir string) (func() error, error) {
	name, err := syscall.UTF16PtrFromString(filepath.Join(filepath.Clean(dir), lockFile))
	if err != nil {
		return nil, err
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errSharingViolation) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, os.NewSyscallError("CreateFile", err)
	}
	return func() error { return syscall.CloseHandle(h) }, nil
}
