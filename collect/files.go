package collect

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// files are the calls by which the machine is asked. Paths are absolute.
type files interface {
	// read returns a whole file of at most so many bytes.
	read(path string, most int) ([]byte, error)
	// write writes a file that is there, in one call.
	write(path string, data []byte) error
	// mkdir makes a folder, and the kernel fills it.
	mkdir(path string) error
	// rmdir removes a folder that only the kernel's files are in.
	rmdir(path string) error
}

// directory are the files below a folder, "/" if it is empty.
type directory string

func (d directory) path(p string) string {
	return filepath.Join(cmp.Or(string(d), string(filepath.Separator)), p)
}

func (d directory) read(path string, most int) ([]byte, error) {
	f, err := os.Open(d.path(path))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	if len(data) > most {
		return nil, fmt.Errorf("%s: more than %d bytes", d.path(path), most)
	}
	return data, nil
}

func (d directory) write(path string, data []byte) error {
	f, err := os.OpenFile(d.path(path), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	// The kernel takes a binary attribute when it is closed.
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

func (d directory) mkdir(path string) error { return os.Mkdir(d.path(path), 0o700) }

func (d directory) rmdir(path string) error { return os.Remove(d.path(path)) }
