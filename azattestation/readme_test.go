package azattestation_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/azattestation"
)

// documents are what a user of this module reads.
var documents = []string{"README.md", "TROUBLESHOOTING.md", "MIGRATION.md", "CHANGELOG.md"}

// TestReadmeFragmentsAreRun holds the Go code of the documents to the examples,
// which are compiled and run: every block stands in one of them word for word,
// but for the indentation. Complete programs need azidentity, which this module
// must not require; a test at the root of the repository builds them.
func TestReadmeFragmentsAreRun(t *testing.T) {
	t.Parallel()
	examples := readExamples(t)
	count := 0
	for _, name := range documents {
		for _, block := range goBlocks(t, name) {
			if strings.HasPrefix(block.text, "package ") {
				continue
			}
			count++
			if !slices.ContainsFunc(examples, func(e string) bool { return strings.Contains(e, "\n"+flat(block.text)+"\n") }) {
				t.Errorf("%s:%d: no example has this code, word for word:\n%s", name, block.line, block.text)
			}
		}
	}
	if count < 30 {
		t.Errorf("%d fragments, want 30 or more: are they still found?", count)
	}
}

func TestReadmeEveryMethodHasAnExample(t *testing.T) {
	t.Parallel()
	examples := strings.Join(readExamples(t), "")
	for _, client := range []any{&azattestation.Client{}, &azattestation.AdministrationClient{}} {
		kind := reflect.TypeOf(client)
		for method := range kind.Methods() {
			if name := "Example" + kind.Elem().Name() + "_" + method.Name; !strings.Contains(examples, "\nfunc "+name+"() {\n") {
				t.Errorf("no %s", name)
			}
		}
	}
}

// TestReadmeLinks follows the links within the repository, headings included.
func TestReadmeLinks(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)
	for _, name := range documents {
		inCode := false
		for i, line := range strings.Split(read(t, name), "\n") {
			if inCode = inCode != strings.HasPrefix(line, "```"); inCode {
				continue
			}
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				target := filepath.FromSlash(m[1])
				if target == "" {
					target = name
				}
				if _, err := os.Stat(target); err != nil {
					t.Errorf("%s:%d: link to %s, which is not there", name, i+1, m[1])
				} else if m[2] != "" && !slices.Contains(headings(t, target), m[2]) {
					t.Errorf("%s:%d: link to %s%s, want one of %v", name, i+1, m[1], m[2], headings(t, target))
				}
			}
		}
	}
}

func readExamples(t *testing.T) []string {
	t.Helper()
	var examples []string
	for _, pattern := range []string{"example_*_test.go", "fake/example_test.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("no examples in %s: %v", pattern, err)
		}
		for _, name := range names {
			examples = append(examples, flat(read(t, name)))
		}
	}
	return examples
}

// flat takes away the indentation, which differs between an example and a
// document. gofmt sees to it that it says nothing.
func flat(code string) string {
	lines := strings.Split(code, "\n")
	for i := range lines {
		lines[i] = strings.TrimLeft(lines[i], "\t")
	}
	return strings.Join(lines, "\n")
}

type goBlock struct {
	line int
	text string
}

// goBlocks returns the blocks of Go code in a document.
func goBlocks(t *testing.T, name string) []goBlock {
	t.Helper()
	var blocks []goBlock
	text, line := read(t, name), 1
	for {
		before, rest, ok := strings.Cut(text, "\n```go\n")
		if !ok {
			return blocks
		}
		body, after, ok := strings.Cut(rest, "\n```\n")
		if !ok {
			t.Fatalf("%s: a block of Go has no end", name)
		}
		line += strings.Count(before, "\n") + 2
		blocks = append(blocks, goBlock{line, body})
		line += strings.Count(body, "\n") + 1
		text = "\n" + after
	}
}

// headings returns the anchors of a document's headings.
func headings(t *testing.T, name string) []string {
	t.Helper()
	dropped := regexp.MustCompile(`[^\w\- ]`)
	var anchors []string
	for line := range strings.Lines(read(t, name)) {
		if title := strings.TrimLeft(line, "#"); title != line && strings.HasPrefix(title, " ") {
			anchor := dropped.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			anchors = append(anchors, "#"+strings.ReplaceAll(anchor, " ", "-"))
		}
	}
	return anchors
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
