package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/audit"
)

// Whoever sends requests must not be able to write formulas into the sheet of
// whoever reads the trail.
func TestCellsAreNoFormulas(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "python/1.0": "python/1.0", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "a=1": "a=1",
		"\t=1": `\t=1`, "\x1b[2J": `\x1b[2J`,
	} {
		if got := cell(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	if columns, cells := len(auditColumns), len(auditRow(audit.Entry{})); columns != cells {
		t.Errorf("%d columns and %d cells", columns, cells)
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
	if err := streamFile(Streams{}, name, write("half", refusal)); !errors.Is(err, refusal) {
		t.Errorf("error %v, want %v", err, refusal)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%v (%v) left behind", left, err)
	}
	if err := streamFile(Streams{}, name, write("whole", nil)); err != nil {
		t.Fatal(err)
	}
	wantContent(t, name, "whole")
	if err := streamFile(Streams{}, name, write("half", refusal)); !errors.Is(err, refusal) {
		t.Errorf("error %v, want %v", err, refusal)
	}
	wantContent(t, name, "whole")
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v (%v) in the folder, want the file alone", left, err)
	}
	if err := streamFile(Streams{}, dir, write("", nil)); err == nil || !strings.Contains(err.Error(), "this is a folder") {
		t.Errorf("error %v, want that it is a folder", err)
	}
	if err := streamFile(Streams{}, os.DevNull, write("nothing", nil)); err != nil {
		t.Errorf("a device: %v", err)
	}
}
