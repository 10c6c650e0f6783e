//go:build unix

package wholefile_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/azattest/azattest/internal/wholefile"
)

// A pipe that somebody reads gets what is written, and stays a pipe.
func TestPipesAreWrittenInto(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("pipe", link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{pipe, link} {
		read := make(chan string)
		go func() {
			raw, err := os.ReadFile(pipe)
			if err != nil {
				t.Error(err)
			}
			read <- string(raw)
		}()
		if err := wholefile.Write(name, []byte("content"), wholefile.Private); err != nil {
			t.Fatal(err)
		}
		if got := <-read; got != "content" {
			t.Errorf("%q came through the pipe", got)
		}
		if err := wholefile.Remove(name); err != nil {
			t.Error(err)
		}
		if info, err := os.Lstat(pipe); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
			t.Fatalf("the pipe is gone: %v", err)
		}
	}
}
