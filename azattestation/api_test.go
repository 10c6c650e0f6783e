package azattestation_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// update rewrites the golden files: go test . -update.
var update = flag.Bool("update", false, "rewrite golden files")

// TestExportedAPI holds what is exported against testdata/api, one file a
// package. A difference is either a mistake or a change that users notice: then
// rewrite the file, and say it in CHANGELOG.md.
func TestExportedAPI(t *testing.T) {
	t.Parallel()
	for dir, golden := range map[string]string{".": "azattestation.txt", "fake": "fake.txt"} {
		t.Run(golden, func(t *testing.T) {
			t.Parallel()
			got := exported(t, dir)
			path := filepath.Join("testdata", "api", golden)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range difference(string(want), got) {
				t.Errorf("exported API: %s", line)
			}
		})
	}
}

// exported lists each exported declaration of a package, without comments and
// bodies, sorted.
func exported(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var declarations []string
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.FileExports(file)
		for _, d := range file.Decls {
			declarations = append(declarations, printed(t, d)...)
		}
	}
	if len(declarations) == 0 {
		t.Fatalf("%s exports nothing", dir)
	}
	slices.Sort(declarations)
	return strings.Join(declarations, "\n") + "\n"
}

// printed writes a declaration, each of a group by itself.
func printed(t *testing.T, d ast.Decl) []string {
	t.Helper()
	var all []string
	show := func(node any) {
		var b bytes.Buffer
		// A new set of positions: line breaks of the source are no part of the API.
		if err := printer.Fprint(&b, token.NewFileSet(), node); err != nil {
			t.Fatal(err)
		}
		all = append(all, b.String())
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type)) {
			d.Body = nil
			show(d)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if d.Tok != token.IMPORT {
				show(&ast.GenDecl{Tok: d.Tok, Specs: []ast.Spec{spec}})
			}
		}
	}
	return all
}

// receiver is the name of the type that a method is of.
func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

// difference lists the lines that only one of two texts has.
func difference(want, got string) []string {
	var lines []string
	wanted, gotten := strings.Split(want, "\n"), strings.Split(got, "\n")
	for _, line := range wanted {
		if !slices.Contains(gotten, line) {
			lines = append(lines, "gone: "+line)
		}
	}
	for _, line := range gotten {
		if !slices.Contains(wanted, line) {
			lines = append(lines, "new: "+line)
		}
	}
	if len(lines) == 0 && want != got {
		lines = append(lines, "lines are repeated or in another order")
	}
	return lines
}
