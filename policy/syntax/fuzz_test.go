package syntax

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/azattest/azattest/internal/corpus"
)

// seed adds texts to begin with, and those of the corpus.
func seed(f *testing.F, add func(text string)) {
	f.Helper()
	for _, text := range []string{
		"",
		"version=1.0;authorizationrules{=>permit();};",
		"version=1.1;configurationrules{=>issueproperty(type=\"a\",value=-1);};authorizationrules{c:[type==\"a\\\"\",value>=1]&&[issuer==c.issuer]=>deny();};issuancerules{c:[]=>issue(claim=c);};",
		"version=1.2;authorizationrules{![value==F(G(1),true)]=>add(type=\"a\",value=H());};",
		"version=1.0;authorizationrules={[type=”a”]=>permit()}",
		"version=1.0;authorizationrules{[value==<x-y>]=>permit();// \r};",
		"\xff\"\\",
		"// a\nversion=1.2 // b\n;authorizationrules // c\n{ // d\n![ // e\ntype==\"a\" // f\n] // g\n=>add(type // h\n=F( // i\n1), // j\nvalue=2 // k\n) // l\n; // m\n // n\n}; // o\n",
		"version=1.0;authorizationrules{[value=~\"a\"||value===1]->allow()# b\n/* c */[x-y=='d']&&permit();}",
		"{\"AttestationPolicy\":\"dmVy\"}",
		"eyJhbGciOiJub25lIn0.eyJB.",
	} {
		add(text)
	}
	if dir, ok := corpus.Find(); ok {
		files, _ := filepath.Glob(filepath.Join(dir, "policies", "*", "*.txt"))
		for _, file := range files {
			if raw, err := os.ReadFile(file); err == nil {
				add(string(raw))
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	seed(f, func(text string) { f.Add(text) })
	f.Fuzz(func(t *testing.T, text string) {
		tree, faults := Parse(text)
		if tree == nil {
			t.Fatal("no tree")
		}
		if len(faults) > maxDiagnostics {
			t.Fatalf("%d faults, want at most %d", len(faults), maxDiagnostics)
		}
		for i, fault := range faults {
			checkFault(t, text, fault)
			if i > 0 && before(fault, faults[i-1]) {
				t.Errorf("fault %s stands after %s", fault, faults[i-1])
			}
		}
		if len(faults) == 0 {
			checkWhole(t, text, tree)
			checkPrint(t, tree)
		}
	})
}

func before(a, b Diagnostic) bool {
	if a.Code.rank() != b.Code.rank() {
		return a.Code.rank() < b.Code.rank()
	}
	return a.Range.Start.Offset < b.Range.Start.Offset
}

func checkFault(t *testing.T, text string, fault Diagnostic) {
	t.Helper()
	if fault.Code == "" || fault.Message == "" {
		t.Errorf("a fault says nothing: %+v", fault)
	}
	if len(text) > maxText {
		return // it was not read
	}
	for _, p := range []Position{fault.Range.Start, fault.Range.End} {
		if p.Offset < 0 || p.Offset > len(text) {
			t.Fatalf("fault %s lies outside of the text", fault)
		}
		read := text[:p.Offset]
		line := read[strings.LastIndexByte(read, '\n')+1:]
		want := Position{p.Offset, 1 + strings.Count(read, "\n"), utf8.RuneCountInString(line)}
		if p != want {
			t.Errorf("position %+v, want %+v", p, want)
		}
	}
}

// checkWhole checks that a tree without faults leaves nothing out: every
// semicolon outside of strings and comments ends a rule, a section or the
// version.
func checkWhole(t *testing.T, text string, tree *Policy) {
	t.Helper()
	if tree.Version == 0 || tree.Authorization == nil {
		t.Fatal("a faultless policy has no version or no authorizationrules")
	}
	ends := 1
	for _, s := range []*Section{tree.Configuration, tree.Authorization, tree.Issuance} {
		if s == nil {
			continue
		}
		ends += 1 + len(s.Rules)
		for i, r := range s.Rules {
			if r.Number != i+1 || r.Action == nil || r.Action.Verb == 0 {
				t.Errorf("rule %d of %s is incomplete: %+v", i+1, s.Kind, r)
			}
		}
	}
	scan := scanner{text: text, pos: Position{Line: 1}}
	semicolons := 0
	for tok := scan.next(); tok.kind != tokenEOF; tok = scan.next() {
		if tok.kind == tokenSemicolon {
			semicolons++
		}
	}
	if semicolons != ends {
		t.Errorf("the text has %d semicolons, the tree stands for %d", semicolons, ends)
	}
}

// FuzzScan checks that tokens, comments and what strays leave nothing out but
// white space, and that every token stands where it says.
func FuzzScan(f *testing.F) {
	seed(f, func(text string) { f.Add(text) })
	f.Fuzz(func(t *testing.T, text string) {
		scan := scanner{text: text, pos: Position{Line: 1}}
		end := 0
		for count := 0; ; count++ {
			tok := scan.next()
			if tok.rng.Start.Offset < end || tok.rng.End.Offset < tok.rng.Start.Offset || tok.rng.Of(text) != tok.text {
				t.Fatalf("token %+v after offset %d", tok, end)
			}
			if len(scan.diagnostics) == 0 && len(scan.talkative) == 0 {
				checkGap(t, text, end, tok.rng.Start.Offset, scan.comments)
			}
			end = tok.rng.End.Offset
			if tok.kind == tokenEOF {
				break
			}
			if count > len(text) {
				t.Fatal("more tokens than bytes")
			}
		}
		if end != len(text) {
			t.Errorf("scanned up to offset %d of %d", end, len(text))
		}
	})
}

// checkGap checks that there is nothing but white space and comments in a piece
// of the text.
func checkGap(t *testing.T, text string, start, end int, comments []*Comment) {
	t.Helper()
	for _, c := range comments {
		if c.Range.Start.Offset >= start && c.Range.End.Offset <= end {
			if c.Text != c.Range.Of(text) || !strings.HasPrefix(c.Text, "//") || strings.ContainsAny(c.Text, "\r\n") {
				t.Errorf("comment %+v", c)
			}
			if blank := strings.Trim(text[start:c.Range.Start.Offset], " \t\r\n"); blank != "" {
				t.Errorf("%q is left out", blank)
			}
			start = c.Range.End.Offset
		}
	}
	if blank := strings.Trim(text[start:end], " \t\r\n"); blank != "" {
		t.Errorf("%q is left out", blank)
	}
}

// FuzzFormat puts comments into a text and checks that it is printed with all of
// them, as the same policy.
func FuzzFormat(f *testing.F) {
	seed(f, func(text string) { f.Add(text, "//a\n", uint(7)) })
	f.Fuzz(func(t *testing.T, text, comment string, every uint) {
		tree, faults := Parse(text)
		if len(faults) > 0 {
			return
		}
		text = strewn(text, comment, int(every%64)+1)
		commented, faults := Parse(text)
		if len(faults) > 0 {
			return // it was no comment
		}
		if printed(commented) == printed(tree) {
			checkPrint(t, commented)
		}
		out, faults := Format(text)
		if len(faults) > 0 {
			if faults[0].Code != TooLarge {
				t.Fatalf("not printed: %s", faults[0])
			}
			return
		}
		if want, got := comments(text), comments(out); !slices.Equal(want, got) {
			t.Errorf("comments %q, want %q", got, want)
		}
	})
}

// strewn puts a piece behind every so many tokens of a text.
func strewn(text, piece string, every int) string {
	var out strings.Builder
	scan := scanner{text: text, pos: Position{Line: 1}}
	last, count := 0, 0
	for tok := scan.next(); tok.kind != tokenEOF; tok = scan.next() {
		if count++; count%every == 0 {
			out.WriteString(text[last:tok.rng.End.Offset] + piece)
			last = tok.rng.End.Offset
		}
	}
	out.WriteString(text[last:])
	return out.String()
}

// FuzzRender renders the faults of a text, and one at any place of it, and checks
// that nothing in it moves the cursor and that every line is of bounded length.
func FuzzRender(f *testing.F) {
	seed(f, func(text string) { f.Add("policy.maa", text, 0, 1) })
	f.Add("a\x1b\n", "\t世\u0301\u202e\x1b\xff\r\n", 3, 9)
	f.Fuzz(func(t *testing.T, file, text string, start, end int) {
		_, faults := Parse(text)
		at := Range{Position{Offset: start, Line: 1}, Position{Offset: end, Line: 1}}
		faults = append(faults, Diagnostic{Range: at, Message: text, Related: []Related{{at, file}}})
		out := Render(file, text, faults)
		if !utf8.ValidString(out) || plain(out) != strings.ReplaceAll(out, "\n", "\ufffd") {
			t.Errorf("rendered as %q", out)
		}
		for line := range strings.Lines(out) {
			if strings.Contains(line, " | ") && !strings.Contains(line, ": ") && utf8.RuneCountInString(line) > 8+tabWidth*maxShown {
				t.Errorf("a line of %d characters", utf8.RuneCountInString(line))
			}
		}
	})
}
