package wholefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Create makes a file that is not there, readable by its owner only. If it is there
// the error is an [fs.ErrExist]. Of several who make it at once one does, and what the
// others then find is whole.
func Create(name string, content []byte) error {
	path, _, err := follow(name)
	if err == nil {
		err = create(path, content)
	}
	return named("write", name, err)
}

func create(path string, content []byte) error {
	// In a folder that nobody may write to, too, what matters is that it is there.
	if _, err := os.Lstat(path); err == nil {
		return fs.ErrExist
	}
	return beside(path, Private, writing(content), linking(content, os.Link))
}

// linking gives a temporary file another name, which must not be there; to rename it
// would replace what is. Where the file system has no links, as FAT has none, the file
// is made in place: nobody's is replaced there either, and whoever reads it in that
// instant finds a part of it.
func linking(content []byte, link func(temporary, path string) error) func(temporary, path string) error {
	return func(temporary, path string) error {
		err := link(temporary, path)
		if err == nil {
			if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("it is written, and a copy of it is left as %s: %w", temporary, Cause(err))
			}
			return nil
		}
		if errors.Is(err, fs.ErrExist) {
			return err
		}
		// Systems say in many ways that there are no links. If it is something else that
		// is wrong, it is still wrong now.
		f, err := os.OpenFile(filepath.Clean(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, Private)
		if err != nil {
			return err
		}
		if err := fill(f, Private, writing(content)); err != nil {
			if removed := os.Remove(path); removed != nil {
				return fmt.Errorf("%w, and what was written is still there: %w", Cause(err), Cause(removed))
			}
			return err
		}
		return nil
	}
}
