package syntax

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// update rewrites the golden files: read the difference before committing it.
var update = flag.Bool("update", false, "rewrite golden files")

// testGolden runs every archive testdata/folder/*.txtar through output: the file
// "input" goes in, the file "output" must come out. An input that an archive
// cannot hold, a text without a final line feed for example, stands in
// "input.quoted" as a Go string.
func testGolden(t *testing.T, folder string, output func(t *testing.T, input string) string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files in %s: %v", folder, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var input, want string
			for _, f := range archive.Files {
				switch f.Name {
				case "input":
					input = string(f.Data)
				case "input.quoted":
					if input, err = strconv.Unquote(strings.TrimSpace(string(f.Data))); err != nil {
						t.Fatalf("%s: %v", f.Name, err)
					}
				case "output":
					want = string(f.Data)
				default:
					t.Fatalf("the archive has a file %s, want input, input.quoted and output", f.Name)
				}
			}
			got := output(t, input)
			if got == want {
				return
			}
			if !*update {
				t.Fatalf("output (-want +got):\n%s", cmp.Diff(want, got))
			}
			archive.Files = append(archive.Files[:1:1], txtar.File{Name: "output", Data: []byte(got)})
			if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
}
