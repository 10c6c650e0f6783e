package archtest

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ARCHITECTURE.md shows the table of arrows to people. It says what rules.go
// says, the rooms that exist apart from those to come.
func TestArchitectureShowsTheRules(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	text := read(t, root, "ARCHITECTURE.md")
	existing, planned, found := strings.Cut(section(t, text, "## Allowed arrows"), "Rooms to come:")
	if !found {
		t.Fatal(`no line "Rooms to come:" under "Allowed arrows"`)
	}
	var wantExisting, wantPlanned []string
	exists := rooms(t, root)
	for _, r := range rows {
		if exists[r.room] {
			wantExisting = append(wantExisting, r.markdown())
		} else {
			wantPlanned = append(wantPlanned, r.markdown())
		}
	}
	compareTable(t, "rooms that exist", tableOf(existing), wantExisting)
	compareTable(t, "rooms to come", tableOf(planned), wantPlanned)
}

// The code map lists every room of this repository.
func TestArchitectureMapsEveryRoom(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	codeMap := section(t, read(t, root, "ARCHITECTURE.md"), "## Code map")
	exists := rooms(t, root)
	for _, r := range rows {
		shown := strings.Contains(codeMap, "| `"+r.room+"` |")
		if exists[r.room] != shown {
			t.Errorf("room %s: exists %t, on the code map %t", r.room, exists[r.room], shown)
		}
	}
}

// docs/verification.md explains every stage and code of evidence.Error, and the
// stages that only TPMs have.
func TestVerificationExplainsEveryError(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	text := read(t, root, "docs/verification.md")
	constants := regexp.MustCompile(`(?m)^\t(?:Stage|Code)\w+ +(?:evidence\.)?(?:Stage|Code) += "([a-z-]+)"`).
		FindAllStringSubmatch(read(t, root, "evidence/error.go")+read(t, root, "evidence/tpm/tpm.go"), -1)
	if len(constants) < 25 {
		t.Fatalf("found %d stages and codes in evidence/error.go and evidence/tpm/tpm.go, want at least 25", len(constants))
	}
	for _, c := range constants {
		if !strings.Contains(text, "\n| `"+c[1]+"` |") {
			t.Errorf("docs/verification.md has no row for %q", c[1])
		}
	}
}

// Links from one document to another lead somewhere.
func TestDocumentLinks(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	link := regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)\s]*)?\)`)
	documents, err := fs.Glob(root, "*.md")
	if err != nil {
		t.Fatal(err)
	}
	inDocs, err := fs.Glob(root, "docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range append(documents, inDocs...) {
		for _, m := range link.FindAllStringSubmatch(read(t, root, document), -1) {
			target := resolve(document, m[1])
			if _, err := fs.Stat(root, target); err != nil {
				t.Errorf("%s links to %s, which does not exist", document, m[1])
				continue
			}
			if m[2] != "" && !slices.Contains(anchors(read(t, root, target)), m[2][1:]) {
				t.Errorf("%s links to %s, which has no such heading", document, m[1]+m[2])
			}
		}
	}
}

// rooms returns the folders that hold Go files.
func rooms(t *testing.T, root fs.FS) map[string]bool {
	t.Helper()
	tree, err := readTree(root)
	if err != nil {
		t.Fatal(err)
	}
	exists := make(map[string]bool)
	for _, s := range tree.sources {
		exists[s.room] = true
	}
	return exists
}

func (r row) markdown() string {
	may := make([]string, len(r.may))
	for i, m := range r.may {
		may[i] = "`" + m + "`"
	}
	list := strings.Join(may, ", ")
	switch {
	case len(r.may) == 0:
		list = "nothing"
	case slices.Contains(r.may, everything):
		list = "everything"
	}
	return fmt.Sprintf("| %#q | %s | %s |", r.room, list, r.because)
}

func read(t *testing.T, root fs.FS, name string) string {
	t.Helper()
	raw, err := fs.ReadFile(root, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// section returns the text from a heading to the next of the same level.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, after, found := strings.Cut(text, "\n"+heading+"\n")
	if !found {
		t.Fatalf("no heading %q", heading)
	}
	before, _, _ := strings.Cut(after, "\n## ")
	return before
}

// tableOf returns the rows of the first table, without its two header lines.
func tableOf(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "|") {
			lines = append(lines, strings.TrimSpace(line))
		} else if len(lines) > 0 {
			break
		}
	}
	return lines[min(2, len(lines)):]
}

func compareTable(t *testing.T, name string, got, want []string) {
	t.Helper()
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("%s: ARCHITECTURE.md lacks the row\n%s", name, line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("%s: ARCHITECTURE.md has a row that rules.go does not have\n%s", name, line)
		}
	}
}

// resolve makes a link relative to the root of the repository.
func resolve(document, link string) string {
	if dir, _, below := strings.Cut(document, "/"); below {
		if up, ok := strings.CutPrefix(link, "../"); ok {
			return up
		}
		return dir + "/" + link
	}
	return link
}

// anchors returns the names under which the headings of a document are linked.
func anchors(text string) []string {
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}
