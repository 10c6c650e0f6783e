package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// streamFile does what [writeFile] does, for results that are too large to be held:
// a file is there as a whole or not at all. The name - is standard output, where
// what was written stays written.
func streamFile(s Streams, name string, write func(io.Writer) error) error {
	if name == "-" {
		return write(s.Out)
	}
	path, isRegular, err := writtenFile(name)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, causeOf(err))
	}
	var f *os.File
	if isRegular {
		f, err = os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	} else {
		f, err = os.OpenFile(filepath.Clean(path), os.O_WRONLY, 0)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write %s: there is no folder %s", name, filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, causeOf(err))
	}
	err = write(f)
	closeErr := f.Close()
	if !isRegular || err != nil {
		if isRegular {
			_ = os.Remove(f.Name())
		}
		return errors.Join(err, closeErr)
	}
	if closeErr == nil {
		closeErr = os.Rename(f.Name(), path)
	}
	if closeErr != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", name, causeOf(closeErr))
	}
	return nil
}
