package corpus

import (
	"os"
	"path/filepath"
	"testing"
)

// Seed adds every file of the corpus that matches one of the patterns
// (slash-separated, as for path.Match) to a fuzz target, if there is a corpus.
func Seed(f *testing.F, patterns ...string) {
	f.Helper()
	dir, ok := Find()
	if !ok {
		return
	}
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			raw, err := os.ReadFile(filepath.Clean(path))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw)
		}
	}
}
