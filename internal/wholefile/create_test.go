package wholefile

import (
	"errors"
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
	if err := errors.Join(os.Symlink("file", link), os.Symlink("new", dangling)); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	for _, name := range []string{file, link, os.DevNull} {
		if err := Create(name, []byte("second")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v, want that it exists", name, err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "first" {
		t.Errorf("%q, %v", got, err)
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
