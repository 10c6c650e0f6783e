package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/policy/syntax"
)

// Laying out a public policy changes its layout and nothing else.
func TestFormattedPoliciesDifferInLayoutOnly(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(corpus.Dir(t), "policies", "*", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tidy, faults := syntax.Format(string(raw))
		if len(faults) > 0 {
			continue
		}
		compared++
		if got := compareTexts(string(raw), tidy); got != textsLayout && string(raw) != tidy {
			t.Errorf("%s: %s, want %s", file, got, textsLayout)
		}
		if changed := strings.Replace(tidy, "permit", "deny", 1); changed != tidy && compareTexts(tidy, changed) != textsRules {
			t.Errorf("%s: permit and deny are the same", file)
		}
	}
	if compared < 25 {
		t.Errorf("%d policies, want at least 25", compared)
	}
}

func TestCompareTexts(t *testing.T) {
	t.Parallel()
	const text = `version=1.2; authorizationrules { c:[type=="a", value==AppendString("x", "y")] && ![type=="b"] => permit(); };`
	for other, want := range map[string]string{
		text:                                                           textsIdentical,
		text + "\n// the end":                                          textsLayout,
		strings.ReplaceAll(text, "c:", "d:"):                           textsRules, // whoever reads explanations sees it
		strings.ReplaceAll(text, "x", "z"):                             textsRules,
		strings.ReplaceAll(text, "!", ""):                              textsRules,
		strings.ReplaceAll(text, "1.2", "1.1"):                         textsRules,
		strings.ReplaceAll(text, ";", ""):                              textsRules,
		strings.ReplaceAll(text, " };", " }; issuancerules{};"):        textsRules,
		strings.ReplaceAll(text, "[type", "[ /"+"/ c\n type"):          textsLayout,
		strings.ReplaceAll(text, `"a", value`, `"a" /`+"/ c\n, value"): textsLayout,
	} {
		if got := compareTexts(text, other); got != want {
			t.Errorf("%s: %s, want %s", other, got, want)
		}
	}
}

// A file that cannot be replaced is left as it is, and nothing is left beside it.
func TestRewriteLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := inFolder(t, map[string]string{"policy.txt": "version= 1.0;authorizationrules{};"})
	if err := rewriteFile(dir, nil); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a folder: %v", err)
	}
	if err := rewriteFile(filepath.Join(dir, "missing.txt"), nil); err == nil {
		t.Error("a missing file is rewritten")
	}
	got := runAt(t, testTime, "", "policy", "fmt", "-w", "--json", filepath.Join(dir, "policy.txt"))
	if f := jsonOf[formattedPolicies](t, got, exitDone); !f.Files[0].Written {
		t.Errorf("%+v", f)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v in the folder, want the policy alone", entries, err)
	}
}

// Text that plays with terminals goes into files and JSON only. What the language
// refuses anyway is not shown as it stands either.
func TestFmtDoesNotPlayWithTheTerminal(t *testing.T) {
	t.Parallel()
	const hostile = "version=1.0;authorizationrules{[type==\"\u200f\"]=>permit();};"
	wantFault(t, runAt(t, testTime, hostile, "policy", "fmt", "-"), exitFailed, "no text", "hint: give --write or --json")
	for _, flag := range []string{"-d", "--json"} {
		if got := runAt(t, testTime, hostile, "policy", "fmt", "-", flag); strings.Contains(got.stdout+got.stderr, "\u200f") || got.stdout == "" {
			t.Errorf("%s: %+v", flag, got)
		}
	}
	refused := strings.ReplaceAll(hostile, "\u200f", "\x1b[2J")
	for _, flag := range []string{"-d", "--json"} {
		if got := runAt(t, testTime, refused, "policy", "fmt", "-", flag); got.code == exitDone || strings.Contains(got.stdout+got.stderr, "\x1b") {
			t.Errorf("%s: %+v", flag, got)
		}
	}
}
