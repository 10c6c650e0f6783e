package wholefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Of many who make a file one does, and all find what that one wrote.
func TestOneOfManyCreates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "key")
	var created sync.Map
	var done sync.WaitGroup
	for i := range 16 {
		done.Go(func() {
			content := strings.Repeat(strconv.Itoa(i)+"\n", 1000)
			switch err := Create(name, []byte(content)); {
			case err == nil:
				created.Store("content", content)
				if _, second := created.LoadOrStore("once", true); second {
					t.Error("the file was made a second time")
				}
			case !errors.Is(err, fs.ErrExist) || !strings.HasPrefix(err.Error(), "write "+name+": "):
				t.Errorf("%v, want that it exists", err)
			}
		})
	}
	done.Wait()
	want, _ := created.Load("content")
	if got, err := os.ReadFile(name); err != nil || string(got) != want {
		t.Errorf("%d bytes (%v), want those of who made it", len(got), err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v (%v) in the folder, want the file alone", left, err)
	}
}

func TestCreateRefusesWhatIsThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link, dangling := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "dangling")
	if err := os.WriteFile(file, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	Symlink(t, "file", link)
	Symlink(t, "new", dangling)
	for _, name := range []string{file, link, os.DevNull} {
		if err := Create(name, []byte("second")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v, want that it exists", name, err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "first" {
		t.Errorf("%q, %v", got, err)
	}
	// That it is there matters more than that no temporary file can be beside it, whose
	// name would be too long.
	long := filepath.Join(dir, strings.Repeat("k", 255))
	if err := os.WriteFile(long, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Create(long, []byte("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v, want that it exists", err)
	}
	// A link to nothing leads to where the file is to be.
	if err := Create(dangling, []byte("second")); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "new")); err != nil || string(got) != "second" {
		t.Errorf("%q, %v", got, err)
	}
	for name, want := range map[string]string{dir: "this is a folder", filepath.Join(dir, "missing", "key"): "there is no folder"} {
		if err := Create(name, nil); err == nil || errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// File systems without links have files that are made once, too.
func TestCreateWithoutLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "key")
	for _, refusal := range []error{syscall.EPERM, errors.ErrUnsupported, syscall.EINVAL} {
		place := linking([]byte("content"), func(_, path string) error { return &os.LinkError{Op: "link", New: path, Err: refusal} })
		if err := place("temporary", name); err != nil {
			t.Errorf("%v: %v", refusal, err)
		}
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != Private || info.Size() != int64(len("content")) {
			t.Errorf("%v: %v, %v", refusal, info, err)
		}
		if err := place("temporary", name); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%v: %v, want that it exists", refusal, err)
		}
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

// A second name of a private file is not left behind without a word.
func TestCreateTellsOfWhatIsLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name, temporary := filepath.Join(dir, "key"), filepath.Join(dir, "temporary")
	place := linking(nil, func(temporary, _ string) error {
		// A folder with something in it cannot be removed.
		return errors.Join(os.Mkdir(temporary, 0o700), os.Mkdir(filepath.Join(temporary, "in it"), 0o700))
	})
	err := place(temporary, name)
	if err == nil || !strings.HasPrefix(named("write", name, err).Error(), "write "+name+": it is written, and a copy of it is left as "+temporary+": ") {
		t.Errorf("%v, want what is left", err)
	}
}

// What is written into a file tells of the file by its name, and not of the temporary
// one; and nothing is there if the writer failed and nobody cared.
func TestStreamNamesTheFileThatIsFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "out.txt")
	for _, isIgnored := range []bool{false, true} {
		err := Stream(name, func(w io.Writer) error {
			out, ok := w.(*output)
			if !ok {
				t.Fatalf("a writer of type %T", w)
			}
			file, ok := out.Writer.(*os.File)
			if !ok {
				t.Fatalf("into one of type %T", out.Writer)
			}
			if err := file.Close(); err != nil { // as good as a full disk
				t.Error(err)
			}
			_, err := io.WriteString(w, "text")
			if isIgnored {
				return nil
			}
			return fmt.Errorf("export: %w", err)
		})
		want := "export: write " + name + ": file already closed"
		if isIgnored {
			want = strings.TrimPrefix(want, "export: ")
		}
		if err == nil || err.Error() != want || !errors.Is(err, os.ErrClosed) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%v (%v) left behind", left, err)
	}
}
