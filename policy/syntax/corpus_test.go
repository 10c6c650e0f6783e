package syntax

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/corpus"
)

// indexed is a row of the corpus' index of public policies.
type indexed struct {
	file  string
	hash  string
	parse string // "OK …", "FAIL L2:C0 …" or "FAIL lex L4:C10 …"
}

func readIndex(t *testing.T) []indexed {
	t.Helper()
	var rows []indexed
	for line := range strings.Lines(string(corpus.Read(t, "policies", "INDEX.md"))) {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "¦"), "|")
		if len(cells) < 9 || !strings.Contains(cells[1], ".txt") {
			continue
		}
		rows = append(rows, indexed{
			file:  strings.TrimSpace(cells[1]),
			hash:  strings.Trim(cells[6], " `"),
			parse: strings.TrimSpace(cells[7]),
		})
	}
	if len(rows) < 50 {
		t.Fatalf("the index of policies has %d rows, want at least 50", len(rows))
	}
	return rows
}

var place = regexp.MustCompile(`L(\d+):C(\d+)`)

// TestCorpus parses every public policy and compares the outcome, and the place
// of the first fault, with the index.
func TestCorpus(t *testing.T) {
	t.Parallel()
	for _, row := range readIndex(t) {
		t.Run(row.file, func(t *testing.T) {
			t.Parallel()
			text := string(corpus.Read(t, append([]string{"policies"}, strings.Split(row.file, "/")...)...))
			wantOK := strings.HasPrefix(row.parse, "OK")
			// Some samples are rules without a policy around them.
			added := 0
			if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(text)), "version") {
				text, added = "version=1.2;authorizationrules{\n"+text, 1
				if wantOK {
					text += "\n};"
				}
			}
			tree, faults := Parse(text)
			if wantOK {
				for _, f := range faults {
					t.Errorf("fault: %s", f)
				}
				if len(faults) == 0 {
					checkPrint(t, tree)
				}
				if added == 0 {
					checkHash(t, text, row.hash)
				}
				return
			}
			want := place.FindString(row.parse)
			if want == "" {
				t.Fatalf("the index says %q, want a place", row.parse)
			}
			if len(faults) == 0 {
				t.Fatalf("no fault, want one at %s", want)
			}
			first := faults[0].Range.Start
			if got := fmt.Sprintf("L%d:C%d", first.Line-added, first.Column); got != want {
				t.Errorf("first fault at %s, want %s: %s", got, want, faults[0])
			}
		})
	}
}

// checkHash checks that parsing and printing leave a text what it is: its hash
// names it in tokens.
func checkHash(t *testing.T, text, want string) {
	t.Helper()
	if _, faults := Format(text); len(faults) > 0 {
		t.Errorf("not printed: %s", faults[0])
	}
	sum := sha256.Sum256([]byte(base64.RawURLEncoding.EncodeToString([]byte(text))))
	if got := base64.RawURLEncoding.EncodeToString(sum[:]); got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}
