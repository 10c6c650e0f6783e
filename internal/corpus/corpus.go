// Package corpus finds the evidence and the recorded answers that tests read.
// They are third-party data and stay where they are: the folder named by the
// environment variable AZATTEST_CORPUS, else ../shared/corpus beside the
// repository.
package corpus

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Dir returns the corpus folder. Where there is none the test or benchmark is
// skipped, with a message that says how to get it.
func Dir(tb testing.TB) string {
	tb.Helper()
	dir, ok := Find()
	if !ok {
		tb.Skip("corpus not found: put it at ../shared/corpus beside the repository, or set AZATTEST_CORPUS to its folder (see CONTRIBUTING.md)")
	}
	return dir
}

// Find returns the corpus folder and whether it exists. Fuzz targets use it to
// add seeds without skipping.
func Find() (string, bool) {
	dir := os.Getenv("AZATTEST_CORPUS")
	if dir == "" {
		_, self, _, ok := runtime.Caller(0)
		if !ok {
			return "", false
		}
		dir = filepath.Join(filepath.Dir(self), "..", "..", "..", "shared", "corpus")
	}
	info, err := os.Stat(filepath.Join(dir, "evidence", "expected_quotes.json"))
	return dir, err == nil && !info.IsDir()
}

// Read returns a file of the corpus, named by path elements.
func Read(tb testing.TB, elem ...string) []byte {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join(append([]string{Dir(tb)}, elem...)...))
	if err != nil {
		tb.Fatalf("corpus: %v", err)
	}
	return raw
}
