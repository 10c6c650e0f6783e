package syntax

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// checkPrint checks that what a tree prints parses into the same tree and is
// printed the same again.
func checkPrint(t *testing.T, tree *Policy) {
	t.Helper()
	text := Print(tree)
	if len(text) > maxText {
		return // Format refuses it
	}
	again, faults := Parse(text)
	if len(faults) > 0 {
		t.Fatalf("what was printed has a fault: %s\n%s", faults[0], text)
	}
	if got := printed(again); got != printed(tree) {
		t.Errorf("what was printed means\n%s\nwant\n%s", got, printed(tree))
	}
	if diff := cmp.Diff(tree, again, cmpopts.IgnoreTypes(Range{})); diff != "" {
		t.Errorf("what was printed parses into another tree (-want +got):\n%s", diff)
	}
	if got := Print(again); got != text {
		t.Errorf("printed again it is\n%s\nwant\n%s", got, text)
	}
}

// comments returns the texts of all comments in a text that has no faults.
func comments(text string) []string {
	p := newParser(text)
	p.policy()
	var texts []string
	for _, c := range p.scanner.comments {
		texts = append(texts, c.Text)
	}
	slices.Sort(texts)
	return texts
}

func TestPrint(t *testing.T) {
	t.Parallel()
	testGolden(t, "print", func(t *testing.T, input string) string {
		t.Helper()
		tree := mustParse(t, input)
		checkPrint(t, tree)
		out, faults := Format(input)
		if len(faults) > 0 {
			t.Fatalf("fault: %s", faults[0])
		}
		if diff := cmp.Diff(comments(input), comments(out)); diff != "" {
			t.Errorf("comments (-want +got):\n%s", diff)
		}
		return out
	})
}

// TestPrintCommentAnywhere puts a comment between any two tokens of a policy:
// none may get lost, and what is printed must be stable.
func TestPrintCommentAnywhere(t *testing.T) {
	t.Parallel()
	const text = `version=1.2;configurationrules{=>issueproperty(type="p",value=1);};authorizationrules{c:[type=="a",value!=F(c.value,G(1))]&&![]=>add(type="b",value=H());=>permit();};issuancerules{c:[]=>issue(claim=c);};`
	var ends []int
	scan := scanner{text: text, pos: Position{Line: 1}}
	for tok := scan.next(); tok.kind != tokenEOF; tok = scan.next() {
		ends = append(ends, tok.rng.Start.Offset, tok.rng.End.Offset)
	}
	ends = slices.Compact(ends)
	for i, end := range ends {
		for _, comment := range []string{"//a\n", "\n//a\n", " //a\n//b\n\n// c\n", "\n\n\n//a\r\n\r\n//b //c\n"} {
			one := text[:end] + comment + text[end:]
			checkComments(t, one)
			// Another one behind a later token.
			later := ends[(i*7+3)%len(ends)]
			if later > end {
				checkComments(t, text[:end]+comment+text[end:later]+comment+text[later:])
			}
		}
	}
	// One at every place at once.
	all := text[ends[len(ends)-1]:]
	for i := len(ends) - 1; i > 0; i-- {
		all = text[ends[i-1]:ends[i]] + "//" + strings.Repeat("x", i) + "\n" + all
	}
	checkComments(t, all)
}

func checkComments(t *testing.T, text string) {
	t.Helper()
	tree := mustParse(t, text)
	checkPrint(t, tree)
	if diff := cmp.Diff(comments(text), comments(Print(tree))); diff != "" {
		t.Errorf("comments of %q (-want +got):\n%s", text, diff)
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	if out, faults := Format(rules("=> permit()")); out != "" || len(faults) != 1 {
		t.Errorf("a text with a fault gives %q and faults %v", out, faults)
	}
	// A text that grows beyond what can be read again.
	long := strings.Repeat("x", maxText-100)
	text := rules(`[type=="` + long + `"]=>permit();`)
	for len(text) < maxText-10 {
		text = "//x\n" + text
	}
	if out, faults := Format(text); out != "" || len(faults) != 1 || faults[0].Code != TooLarge {
		t.Errorf("a text that grows too large gives %d bytes and faults %v", len(out), faults)
	}
}

// TestPrintKeepsStrings checks that the inside of strings is kept to the byte,
// and so are escapes of which nobody knows what the real service makes of them.
func TestPrintKeepsStrings(t *testing.T) {
	t.Parallel()
	for literal, want := range map[string]string{
		`"a\"b\\c"`:            `"a\"b\\c"`,
		`"\n\d\x"`:             `"\n\d\x"`,
		`"C:\windows\\a\""`:    `"C:\windows\\a\""`,
		"\"a\r\n\tb  \n\"":     "\"a\r\n\tb  \n\"",
		`"// no comment"`:      `"// no comment"`,
		"\"\u200d\ufeffäöü世\"": "\"\u200d\ufeffäöü世\"",
	} {
		tree := mustParse(t, rules("=>add(type="+literal+",value=1);"))
		checkPrint(t, tree)
		if out := Print(tree); !strings.Contains(out, "(type="+want+",") {
			t.Errorf("%q is printed as\n%s\nwant %q", literal, out, want)
		}
	}
}
