package cli

import (
	"path/filepath"
	"testing"
)

// The message names what the user wrote.
func TestResultsAreNotWrittenToFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, args := range [][]string{
		{"simulate", "quote", "--data-dir", filepath.Join(dir, "data"), "--out", dir},
		{"policy", "token-hash", inFile(t, "policy.txt", somePolicy), "--out", dir},
		{"serve", "--dev", "--data-dir", filepath.Join(dir, "data"), "--ready-file", dir},
	} {
		wantFault(t, runAt(t, testTime, "", args...), exitFailed, dir+": this is a folder, want the name of a file")
	}
}
