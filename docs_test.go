package readme_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCommandsOfOperateMD runs what docs/operate.md tells people to run, one block
// after the other in one shell, as far as it needs nothing but the program and
// openssl. The other blocks, marked walk, need a database and a balancer.
func TestCommandsOfOperateMD(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"bash", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			without(t, program)
		}
	}
	script := "set -euo pipefail\n" + strings.Join(markedBlocks(t, "docs/operate.md", "run"), "")
	home := t.TempDir()
	bin := filepath.Join(home, "bin")
	//nolint:gosec // the name is the test's own
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "azattest"), "./cmd/azattest").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	//nolint:gosec // the script is that of our own document
	shell := exec.CommandContext(t.Context(), "bash", "-c", script)
	shell.Dir = home
	shell.Env = []string{"HOME=" + home, "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")}
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"CA:TRUE", "driver: postgres"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("nothing printed %q:\n%s", want, out)
		}
	}
	if bytes.Contains(out, readFile(t, filepath.Join(home, "attest", "db.password"))) {
		t.Error("the password of the database was printed")
	}
}

// TestBlocksOfOperateMDAreShell reads the blocks that no test runs.
func TestBlocksOfOperateMDAreShell(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		without(t, "bash")
	}
	blocks := markedBlocks(t, "docs/operate.md", "walk")
	if len(blocks) < 15 {
		t.Errorf("%d blocks, want 15 or more: are they still found?", len(blocks))
	}
	for i, block := range blocks {
		shell := exec.CommandContext(t.Context(), "bash", "-n")
		shell.Stdin = strings.NewReader(block)
		if out, err := shell.CombinedOutput(); err != nil {
			t.Errorf("block %d: %v\n%s\n%s", i, err, out, block)
		}
	}
}

var (
	testNames   = regexp.MustCompile("((?:`(?:Test|Fuzz)[A-Za-z0-9_]+`(?:, | and )?)+)(?: \\(([^)]*)\\))?")
	oneTestName = regexp.MustCompile("`([A-Za-z0-9_]+)`")
)

// TestThreatModelNamesTestsThatExist holds docs/security.md against the code: a
// test that it names must be in one of the packages that stand behind it.
func TestThreatModelNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	text := string(readFile(t, filepath.FromSlash("docs/security.md")))
	count := 0
	for _, match := range testNames.FindAllStringSubmatch(strings.ReplaceAll(text, "\n", " "), -1) {
		if match[2] == "" {
			t.Errorf("%s: no package behind it, want (internal/auth) or the like", match[1])
			continue
		}
		tests := map[string]bool{}
		for dir := range strings.SplitSeq(match[2], ", ") {
			addTests(t, dir, tests)
		}
		for _, name := range oneTestName.FindAllStringSubmatch(match[1], -1) {
			count++
			if !tests[name[1]] {
				t.Errorf("no %s in %s", name[1], match[2])
			}
		}
	}
	if count < 50 {
		t.Errorf("%d tests, want 50 or more: are they still found?", count)
	}
}

var testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]+)\(`)

// addTests adds the tests of a folder, or with "…" at its end of all below it.
func addTests(t *testing.T, dir string, tests map[string]bool) {
	t.Helper()
	root, isDeep := strings.CutSuffix(dir, "/…")
	err := filepath.WalkDir(filepath.FromSlash(root), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != filepath.FromSlash(root) && !isDeep:
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		for _, name := range testFunction.FindAllSubmatch(readFile(t, path), -1) {
			tests[string(name[1])] = true
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is no package %s", dir)
	} else if err != nil {
		t.Fatal(err)
	}
}

// markedBlocks returns the shell blocks below a comment with a word.
func markedBlocks(t *testing.T, name, word string) []string {
	t.Helper()
	text := string(readFile(t, filepath.FromSlash(name)))
	var blocks []string
	for _, part := range strings.Split(text, fmt.Sprintf("<!-- %s -->\n```sh\n", word))[1:] {
		block, _, ok := strings.Cut(part, "\n```\n")
		if !ok {
			t.Fatalf("%s: a block has no end", name)
		}
		blocks = append(blocks, block+"\n")
	}
	if len(blocks) == 0 {
		t.Fatalf("%s: no block with %q", name, word)
	}
	return blocks
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// without ends a test for want of a program: it skips, or fails where CI has all.
func without(t *testing.T, program string) {
	t.Helper()
	if os.Getenv("AZATTEST_CI") == "1" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("%s is not installed: apt-get install %s", program, program)
}
