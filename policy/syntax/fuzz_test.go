package syntax

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/azattest/azattest/internal/corpus"
)

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"",
		"version=1.0;authorizationrules{=>permit();};",
		"version=1.1;configurationrules{=>issueproperty(type=\"a\",value=-1);};authorizationrules{c:[type==\"a\\\"\",value>=1]&&[issuer==c.issuer]=>deny();};issuancerules{c:[]=>issue(claim=c);};",
		"version=1.2;authorizationrules{![value==F(G(1),true)]=>add(type=\"a\",value=H());};",
		"version=1.0;authorizationrules={[type=”a”]=>permit()}",
		"version=1.0;authorizationrules{[value==<x-y>]=>permit();// \r};",
		"\xff\"\\",
	} {
		f.Add(seed)
	}
	if dir, ok := corpus.Find(); ok {
		files, _ := filepath.Glob(filepath.Join(dir, "policies", "*", "*.txt"))
		for _, file := range files {
			if raw, err := os.ReadFile(file); err == nil {
				f.Add(string(raw))
			}
		}
	}
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
