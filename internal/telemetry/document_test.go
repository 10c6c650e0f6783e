package telemetry

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// documented are the rows of docs/telemetry.md whose first cell begins so: the
// cells of each, without the last, which is for people.
func documented(t *testing.T, begins string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "telemetry.md"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	marks := strings.NewReplacer("`", "", ",", "")
	for line := range strings.Lines(string(raw)) {
		cells := strings.Split(strings.Trim(line, "|\n"), "|")
		if len(cells) != 4 || !strings.HasPrefix(line, "| `"+begins) {
			continue
		}
		labels := strings.Fields(marks.Replace(cells[2]))
		slices.Sort(labels)
		found = append(found, strings.TrimSpace(marks.Replace(cells[0]))+" "+strings.TrimSpace(cells[1])+" "+strings.Join(labels, " "))
	}
	slices.Sort(found)
	return found
}

// The list of metrics is complete, and everything on it is there.
func TestEveryMetricIsDocumented(t *testing.T) {
	t.Parallel()
	page, _ := scrape(t, everything(t), "")
	labels := make(map[string][]string)
	label := regexp.MustCompile(`(\w+)="`)
	var gathered []string
	for line := range strings.Lines(page) {
		if name, rest, ok := strings.Cut(line, "{"); ok {
			var names []string
			for _, m := range label.FindAllStringSubmatch(rest, -1) {
				if m[1] != "le" {
					names = append(names, m[1])
				}
			}
			slices.Sort(names)
			labels[strings.TrimSuffix(name, "_bucket")] = names
		}
	}
	for line := range strings.Lines(page) {
		if f := strings.Fields(line); len(f) == 4 && f[1] == "TYPE" && strings.HasPrefix(f[2], "maa_") {
			gathered = append(gathered, f[2]+" "+f[3]+" "+strings.Join(labels[f[2]], " "))
		}
	}
	slices.Sort(gathered)
	if diff := cmp.Diff(gathered, documented(t, "maa_")); diff != "" {
		t.Errorf("docs/telemetry.md (-gathered +documented):\n%s", diff)
	}
}
