package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxLinks bounds how many symbolic links lead from a name to its file, as
// systems do.
const maxLinks = 40

// writeFile writes a file as a whole or not at all, readable by its owner only.
// It replaces nothing but files: what a symbolic link leads to is written and the
// link stays, and what is no regular file (a pipe, a device) is written into.
func writeFile(name string, content []byte) error {
	path, isRegular, err := writtenFile(name)
	if err == nil && isRegular {
		err = replaceFile(path, content)
	} else if err == nil {
		err = writeInto(path, content)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, causeOf(err))
	}
	return nil
}

// removeFile removes what [writeFile] wrote, which need not be there. What is no
// regular file stays: nothing is left in it.
func removeFile(name string) error {
	path, isRegular, err := writtenFile(name)
	if err == nil && isRegular {
		err = os.Remove(path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write %s: %w", name, causeOf(err))
	}
	return nil
}

// writtenFile follows a name to the file that is to be written, which need not be
// there yet; isRegular is false for one that must not be replaced.
func writtenFile(name string) (path string, isRegular bool, err error) {
	for range maxLinks {
		info, err := os.Stat(name)
		switch {
		case err == nil && info.IsDir():
			return "", false, errors.New("this is a folder, want the name of a file")
		case err == nil && !info.Mode().IsRegular():
			return name, false, nil
		case err == nil:
			name, err = filepath.EvalSymlinks(name)
			return name, true, err
		case !errors.Is(err, fs.ErrNotExist):
			return "", false, err
		}
		target, err := os.Readlink(name)
		if err != nil {
			return name, true, nil //nolint:nilerr // there is no link, and nothing else either
		}
		if !filepath.IsAbs(target) {
			// Relative to where the link really is.
			dir, err := filepath.EvalSymlinks(filepath.Dir(name))
			if err != nil {
				return "", false, err
			}
			target = filepath.Join(dir, target)
		}
		name = target
	}
	return "", false, fmt.Errorf("more than %d symbolic links", maxLinks)
}

// replaceFile puts a new file into the place of the one that may be there.
func replaceFile(name string, content []byte) error {
	if os.IsPathSeparator(name[len(name)-1]) {
		return errors.New("this names a folder, want the name of a file")
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no folder %s", filepath.Dir(name))
	}
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone already once it is renamed
	if err := fill(f, content); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// writeInto writes into what is there, and never makes a file.
func writeInto(name string, content []byte) error {
	f, err := os.OpenFile(filepath.Clean(name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return fill(f, content)
}

func fill(f *os.File, content []byte) error {
	_, err := f.Write(content)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// causeOf is what the system says, without the names that it adds: the one that
// the user gave says more than that of a temporary file, and says it once.
func causeOf(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
