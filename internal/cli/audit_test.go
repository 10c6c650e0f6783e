package cli

import (
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
