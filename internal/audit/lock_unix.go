//go:build unix

package audit

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// lock keeps other writers out of a trail until the function it returns is
// called. The lock goes with the process, however that ends.
func lock(dir string) (func() error, error) {
	f, err := os.OpenFile(filepath.Join(filepath.Clean(dir), lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrInUse
		}
		return nil, err
	}
	return f.Close, nil
}
