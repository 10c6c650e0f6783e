package wholefile_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/wholefile"
)

func wantContent(t *testing.T, name, want string) {
	t.Helper()
	if got, err := os.ReadFile(name); err != nil || string(got) != want {
		t.Errorf("%s holds %q (%v), want %q", name, got, err, want)
	}
}

func TestWrittenFilesAreReplacedAsAWhole(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "out*.txt")
	for _, content := range []string{"first", "2nd", ""} {
		if err := wholefile.Write(name, []byte(content), wholefile.Private); err != nil {
			t.Fatal(err)
		}
		wantContent(t, name, content)
	}
	if left, err := os.ReadDir(filepath.Dir(name)); err != nil || len(left) != 1 {
		t.Errorf("%v (%v) in the folder, want the file alone", left, err)
	}
}

// The link stays, whether its target is there or not.
func TestWrittenLinksLeadToWhatIsWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	below := filepath.Join(dir, "real")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"there.txt":        filepath.Join(below, "there.txt"),
		"relative.txt":     filepath.Join("real", "relative.txt"),
		"new.txt":          filepath.Join(below, "new.txt"),
		"twice.txt":        "new.txt",
		"new.relative.txt": filepath.Join("real", "new2.txt"),
		"folder":           "real",
		"real/back.txt":    filepath.Join("..", "outside.txt"),
	} {
		wholefile.Symlink(t, target, filepath.Join(dir, link))
	}
	for _, name := range []string{"there.txt", "relative.txt"} {
		if err := os.WriteFile(filepath.Join(below, name), []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"there.txt": "real/there.txt", "relative.txt": "real/relative.txt", "new.txt": "real/new.txt", "twice.txt": "real/new.txt",
		"new.relative.txt": "real/new2.txt", "folder/back.txt": "outside.txt",
	} {
		if err := wholefile.Write(filepath.Join(dir, link), []byte(link), wholefile.Private); err != nil {
			t.Error(err)
		}
		if info, err := os.Lstat(filepath.Join(dir, link)); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no link any more (%v)", link, err)
		}
		wantContent(t, filepath.Join(dir, target), link)
		if err := wholefile.Remove(filepath.Join(dir, link)); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(dir, target)); !os.IsNotExist(err) {
			t.Errorf("%s is there after removal (%v)", target, err)
		}
	}
	wholefile.Symlink(t, "loop.txt", filepath.Join(dir, "loop.txt"))
	if err := wholefile.Write(filepath.Join(dir, "loop.txt"), nil, wholefile.Private); err == nil {
		t.Error("a link to itself was written to")
	}
}

// Nothing but a file is replaced or removed, and the message names what the user
// wrote.
func TestFoldersAreNotWrittenTo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, want := range map[string]string{
		dir:           "write " + dir + ": this is a folder, want the name of a file",
		dir + "/new/": "write " + dir + "/new/: this names a folder, want the name of a file",
		filepath.Join(dir, "missing", "file.txt"): "there is no folder " + filepath.Join(dir, "missing"),
	} {
		if err := wholefile.Write(name, []byte("content"), wholefile.Private); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if err := wholefile.Remove(dir); err == nil || !strings.HasPrefix(err.Error(), "remove "+dir+": this is a folder") {
		t.Errorf("error %v, want that an empty folder is not removed", err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
}

// Who may read a file is what its writer says, whatever it was before.
func TestWrittenFilesHaveTheirMode(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there are no such modes")
	}
	name := filepath.Join(t.TempDir(), "file")
	for _, mode := range []fs.FileMode{0o644, wholefile.Private, 0o640} {
		if err := wholefile.Write(name, nil, mode); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%v (%v), want %v", info.Mode(), err, mode)
		}
	}
}

// What cannot be written leaves nothing behind.
func TestStreamedFilesAreWholeOrNotThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "out.txt")
	refusal := errors.New("refused")
	write := func(text string, failure error) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return errors.Join(err, failure)
		}
	}
	if err := wholefile.Stream(name, write("half", refusal)); !errors.Is(err, refusal) {
		t.Errorf("error %v, want %v", err, refusal)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%v (%v) left behind", left, err)
	}
	if err := wholefile.Stream(name, write("whole", nil)); err != nil {
		t.Fatal(err)
	}
	wantContent(t, name, "whole")
	if err := wholefile.Stream(name, write("half", refusal)); !errors.Is(err, refusal) {
		t.Errorf("error %v, want %v", err, refusal)
	}
	wantContent(t, name, "whole")
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v (%v) in the folder, want the file alone", left, err)
	}
	if err := wholefile.Stream(dir, write("", nil)); err == nil || !strings.Contains(err.Error(), "this is a folder") {
		t.Errorf("error %v, want that it is a folder", err)
	}
	if err := wholefile.Stream(os.DevNull, write("nothing", nil)); err != nil {
		t.Errorf("a device: %v", err)
	}
}
