package telemetry

import (
	"net/http"
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

// The lists of metrics are complete, and everything on them is there.
func TestEveryMetricIsDocumented(t *testing.T) {
	t.Parallel()
	for begins, from := range map[string]interface{ Handler() http.Handler }{"maa_": everything(t), "keyrelease_": everythingOfAVault(t)} {
		page, _ := scrape(t, from, "")
		if diff := cmp.Diff(gathered(page, begins), documented(t, begins)); diff != "" {
			t.Errorf("docs/telemetry.md (-gathered +documented):\n%s", diff)
		}
	}
}

// gathered are the metrics of a page whose names begin so, in the shape of documented.
func gathered(page, begins string) []string {
	labels := make(map[string][]string)
	label := regexp.MustCompile(`(\w+)="`)
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
	var found []string
	for line := range strings.Lines(page) {
		if f := strings.Fields(line); len(f) == 4 && f[1] == "TYPE" && strings.HasPrefix(f[2], begins) {
			found = append(found, f[2]+" "+f[3]+" "+strings.Join(labels[f[2]], " "))
		}
	}
	slices.Sort(found)
	return found
}
