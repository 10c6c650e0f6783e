package syntax

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRender checks where the marks stand. Whole faults are in the golden files
// of TestDiagnostics.
func TestRender(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text, mark string // the mark is what is underlined, behind @ a point
		want       []string
	}{
		"in the middle":       {"one two three", "two", []string{"one two three", "    ^^^"}},
		"a point":             {"one two", "", []string{"one two", "^"}},
		"an inner line":       {"one\ntwo three\nfour", "three", []string{"two three", "    ^^^^^"}},
		"over several lines":  {"one two\nthree", "two\nthree", []string{"one two", "    ^^^"}},
		"tabs":                {"\ta\tbc", "bc", []string{"    a   bc", "        ^^"}},
		"a tab underlined":    {"a\tb", "\tb", []string{"a   b", " ^^^^"}},
		"wide":                {"世界 ab", "ab", []string{"世界 ab", "     ^^"}},
		"wide underlined":     {"a世界b", "世界", []string{"a世界b", " ^^^^"}},
		"combining":           {"e\u0301 ab", "ab", []string{"e\u0301 ab", "  ^^"}},
		"emoji":               {"🙂x", "x", []string{"🙂x", "  ^"}},
		"a point behind wide": {"世", "@", []string{"世", "  ^"}},
		"a point between":     {"世bc", "@b", []string{"世bc", "  ^"}},
		"control characters":  {"a\x1b[31mb c", "c", []string{"a\ufffd[31mb c", "        ^"}},
		"directions":          {"a\u202eb c", "c", []string{"a\ufffdb c", "    ^"}},
		"no UTF-8":            {"a\xff c", "c", []string{"a\ufffd c", "   ^"}},
		"line end of Windows": {"one two\r\nthree", "two", []string{"one two", "    ^^^"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := strings.Index(test.text, test.mark)
			if behind, ok := strings.CutPrefix(test.mark, "@"); ok {
				start, test.mark = strings.LastIndex(test.text, behind), ""
			}
			at := Range{
				Position{Offset: start, Line: 1 + strings.Count(test.text[:start], "\n")},
				Position{Offset: start + len(test.mark)},
			}
			lines := strings.Split(Render("f", test.text, []Diagnostic{{Code: "c", Range: at, Message: "m"}}), "\n")
			var got []string
			for _, line := range lines[1:3] {
				_, shown, _ := strings.Cut(line, "| ")
				got = append(got, shown)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("rendered (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRenderWarning(t *testing.T) {
	t.Parallel()
	text := "version=1.0;\nauthorizationrules { };\n"
	tree := mustParse(t, text)
	got := Render("a\x1bb.maa", text, []Diagnostic{{
		Code:     "never-permits",
		Severity: SeverityWarning,
		Range:    tree.Authorization.Body,
		Message:  "nothing is ever permitted\x07",
		Hint:     "add a rule\nthat permits",
		Related:  []Related{{tree.VersionRange, "by this version"}},
	}})
	want := `a�b.maa:2:20: warning: nothing is ever permitted� [never-permits]
  2 | authorizationrules { };
    |                    ^^^
a�b.maa:1:9: note: by this version
  1 | version=1.0;
    |         ^^^
hint: add a rule�that permits
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rendered (-want +got):\n%s", diff)
	}
}

// TestOrdered checks that no warning pushes an error out, and that what is kept
// stands in the order of the text.
func TestOrdered(t *testing.T) {
	t.Parallel()
	at := func(offset int) Range { return Range{Start: Position{Offset: offset}} }
	var ds []Diagnostic
	for i := range 3 * maxDiagnostics {
		ds = append(ds, Diagnostic{Code: "w", Severity: SeverityWarning, Range: at(i)})
	}
	ds = append(ds, Diagnostic{Code: "e", Range: at(1000)}, Diagnostic{Code: "e", Range: at(5)}, Diagnostic{Code: StrayCharacter, Range: at(2000)})
	got := Ordered(ds)
	if len(got) != maxDiagnostics {
		t.Fatalf("%d are left, want %d", len(got), maxDiagnostics)
	}
	if got[0].Code != StrayCharacter || got[len(got)-1].Range != at(1000) {
		t.Errorf("the first is %+v and the last %+v", got[0], got[len(got)-1])
	}
	if n := len(Ordered([]Diagnostic{{Code: "e", Range: at(1)}, {Code: ForeignFunction, Range: at(1)}, {Code: "e", Range: at(2)}})); n != 2 {
		t.Errorf("%d are left of a foreign function, its echo and another one, want 2", n)
	}
}

func TestSeverity(t *testing.T) {
	t.Parallel()
	for s, want := range map[Severity]string{SeverityError: "error", SeverityWarning: "warning", 7: "Severity(7)"} {
		if s.String() != want {
			t.Errorf("severity %d is called %s, want %s", s, s, want)
		}
	}
}

func TestForeign(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"RegexReplace", "RegExReplace", "EXISTS", "ToLower", "count", "StringToInt"} {
		if Foreign(word) == "" {
			t.Errorf("nothing is said of %s", word)
		}
	}
	for _, word := range []string{"JmesPath", "JsonToClaimValue", "IsSubsetOf", "ContainsOnlyValue", "AppendString", "NegateBool", "", strings.Repeat("x", 1000)} {
		if hint := Foreign(word); hint != "" {
			t.Errorf("of %q it is said: %s", word, hint)
		}
	}
}
