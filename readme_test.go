// Package readme_test builds the programs that the READMEs show.
package readme_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	// What the programs are made of: go test runs them anew when it changes, and
	// go.mod keeps it.
	_ "github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	_ "github.com/azattest/azattest/azattestation"
	_ "github.com/azattest/azattest/evidence/sgx"
)

// fragments are what stands around the blocks that are no whole programs, by
// their first words. Those of the client's module stand in its examples, where
// its own test looks for them.
var fragments = map[string][2]string{
	"// errors left out\nverifier": {
		`package main
import ("context"; "fmt"; "time"; "github.com/azattest/azattest/evidence/dcap"; "github.com/azattest/azattest/evidence/sgx")
func main() {
	var ctx context.Context
	var raw []byte
	var collateral *dcap.Collateral
`, "\n_ = err\n}\n",
	},
}

func TestProgramsBuild(t *testing.T) {
	t.Parallel()
	count := 0
	for _, name := range []string{"README.md", "azattestation/README.md", "azattestation/TROUBLESHOOTING.md", "azattestation/MIGRATION.md"} {
		isClient := filepath.Dir(name) == "azattestation"
		for i, block := range goBlocks(t, name) {
			if !strings.HasPrefix(block, "package main\n") {
				if isClient {
					continue
				}
				block = complete(t, name, block)
			}
			count++
			t.Run(fmt.Sprintf("%s/%d", name, i), func(t *testing.T) {
				t.Parallel()
				build(t, block)
			})
		}
	}
	if count < 4 {
		t.Errorf("%d programs, want 4 or more: are they still found?", count)
	}
}

// TestTwentyLines counts what main does in the program that both READMEs show.
func TestTwentyLines(t *testing.T) {
	t.Parallel()
	program := twentyLines(t, "README.md")
	if other := twentyLines(t, "azattestation/README.md"); other != program {
		t.Errorf("the READMEs show two programs:\n%s\n%s", program, other)
	}
	_, body, _ := strings.Cut(program, "\nfunc main() {\n")
	body, _, _ = strings.Cut(body, "\n}\n")
	lines := 0
	for line := range strings.Lines(body) {
		if strings.TrimSpace(line) != "" {
			lines++
		}
	}
	if lines == 0 || lines > 20 {
		t.Errorf("main has %d lines, want 20 at the most", lines)
	}
}

func twentyLines(t *testing.T, name string) string {
	t.Helper()
	for _, block := range goBlocks(t, name) {
		if strings.HasPrefix(block, "package main\n") && strings.Contains(block, ".SetPolicy(") {
			return block
		}
	}
	t.Fatalf("%s: no program that sets a policy", name)
	return ""
}

// goBlocks returns the blocks of Go code in a document.
func goBlocks(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, part := range strings.Split(string(text), "\n```go\n")[1:] {
		block, _, ok := strings.Cut(part, "\n```\n")
		if !ok {
			t.Fatalf("%s: a block of Go has no end", name)
		}
		blocks = append(blocks, block+"\n")
	}
	return blocks
}

func complete(t *testing.T, name, block string) string {
	t.Helper()
	for first, around := range fragments {
		if strings.HasPrefix(block, first) {
			return around[0] + block + around[1]
		}
	}
	t.Fatalf("%s: no frame for this fragment in readme_test.go:\n%s", name, block)
	return ""
}

// build compiles and vets a program with the modules of this repository.
func build(t *testing.T, program string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	//nolint:gosec // the name is the test's own
	if out, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s\n%s", err, out, program)
	}
}
