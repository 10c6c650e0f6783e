// Package wholefile writes files as a whole or not at all: whoever reads one sees what
// was there before, or all of what was written.
//
// Which function do I want? [Write] puts a file into the place of the one that may be
// there, and [Stream] does so with what is too large to be held. [Create] makes a file
// that is not there, and of many who do so at once for one. [Remove] takes away what
// they wrote.
//
// None of them replaces anything but files: what a symbolic link leads to is written
// and the link stays, and what is no regular file (a pipe, a device) is written into.
// Errors name the file as it was given, and not the temporary one beside it, unless that
// one is left.
//
// What was written is on the disk when they return, and so is its name, on systems that
// sync folders. On others, as on Windows, a loss of power may bring back what was there
// before, as a whole.
package wholefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Private is the mode of a file that only its owner may read.
const Private fs.FileMode = 0o600

// Write writes a file. The mode is that of a regular file, whatever the process's mask.
func Write(name string, content []byte, mode fs.FileMode) error {
	return named("write", name, stream(name, mode, writing(content)))
}

// Stream writes a file that is readable by its owner only. Errors of write come back
// as they are. Those of the writer that it is given are errors of the file, also if
// write does not pass them on.
func Stream(name string, write func(io.Writer) error) error {
	var failed error
	err := stream(name, Private, func(w io.Writer) error {
		out := output{Writer: w, name: name}
		if failed = write(&out); failed == nil {
			failed = out.failed
		}
		return failed
	})
	if failed != nil {
		return err
	}
	return named("write", name, err)
}

// output is a file that is written, by the name that it is to have.
type output struct {
	io.Writer

	name   string
	failed error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if err != nil {
		o.failed = named("write", o.name, err)
		err = o.failed
	}
	return n, err
}

func stream(name string, mode fs.FileMode, write func(io.Writer) error) error {
	path, isRegular, err := follow(name)
	switch {
	case err != nil:
		return err
	case !isRegular:
		return into(path, write)
	}
	return beside(path, mode, write, os.Rename)
}

// Remove removes what was written, which need not be there. What is no regular file
// stays: nothing is left in it.
func Remove(name string) error {
	path, isRegular, err := follow(name)
	if err == nil && isRegular {
		err = os.Remove(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && isRegular {
		syncFolder(filepath.Dir(path))
	}
	return named("remove", name, err)
}

func writing(content []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	}
}

// beside writes a temporary file in the folder of another, where it is sure to be on
// the same file system, and has it put into its place.
func beside(path string, mode fs.FileMode, write func(io.Writer) error, place func(temporary, path string) error) error {
	if os.IsPathSeparator(path[len(path)-1]) {
		return errors.New("this names a folder, want the name of a file")
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no folder %s", filepath.Dir(path))
	}
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone already once it is renamed
	if err := fill(f, mode, write); err != nil {
		return err
	}
	err = place(f.Name(), path)
	syncFolder(filepath.Dir(path)) // even if an error tells what was left
	return err
}

// fill writes a new file and closes it. Without Sync a name could outlive a loss of
// power, and what it names not.
func fill(f *os.File, mode fs.FileMode, write func(io.Writer) error) error {
	err := write(f)
	if err == nil && mode != Private {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// syncFolder makes names in a folder survive a loss of power, on systems that can. Where
// that cannot be, the files are in their places all the same: so it is no error.
func syncFolder(dir string) {
	if f, err := os.Open(filepath.Clean(dir)); err == nil {
		_ = errors.Join(f.Sync(), f.Close())
	}
}

// into writes into what is there, and never makes a file.
func into(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(filepath.Clean(path), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = write(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// named says of what the error is.
func named(verb, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", verb, name, Cause(err))
}

// Cause is what the system says, without the names that it adds: the one that the user
// gave says more than that of a temporary file, and says it once.
func Cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
