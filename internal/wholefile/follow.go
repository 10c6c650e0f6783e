package wholefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxLinks bounds how many symbolic links lead from a name to its file, as systems do.
const maxLinks = 40

// follow follows a name to the file that is to be written, which need not be there
// yet; isRegular is false for one that must not be replaced.
func follow(name string) (path string, isRegular bool, err error) {
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
