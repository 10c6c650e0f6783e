package wholefile

import (
	"os"
	"testing"
)

// Symlink makes a symbolic link. Where there are none it skips the test; in CI it fails
// it.
func Symlink(t *testing.T, target, link string) {
	t.Helper()
	if err := os.Symlink(target, link); err != nil {
		const text = "no symbolic links here: %v (on Windows switch the developer mode on)"
		if os.Getenv("AZATTEST_CI") != "" {
			t.Fatalf(text, err)
		}
		t.Skipf(text, err)
	}
}
