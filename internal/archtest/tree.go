package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// tree is what the rules look at: every Go file of the repository, whatever its
// build constraints, and the client's go.mod.
type tree struct {
	sources   []*source
	clientMod []byte
}

// source is one Go file.
type source struct {
	path   string // slash-separated, from the repository's root
	room   string // its folder, "." for the root
	test   bool
	lines  int
	set    *token.FileSet
	syntax *ast.File
}

// readTree parses the Go files below root, except in the folders that the go
// command ignores too and those that hold build results.
func readTree(root fs.FS) (*tree, error) {
	t := new(tree)
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p != "." && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") ||
				slices.Contains([]string{"testdata", "vendor", "bin", "dist"}, name)) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		s, err := readSource(root, p)
		if err != nil {
			return err
		}
		t.sources = append(t.sources, s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if t.clientMod, err = fs.ReadFile(root, clientRoom+"/go.mod"); err != nil {
		return nil, err
	}
	return t, nil
}

func readSource(root fs.FS, p string) (*source, error) {
	raw, err := fs.ReadFile(root, p)
	if err != nil {
		return nil, err
	}
	s := &source{
		path:  p,
		room:  path.Dir(p),
		test:  strings.HasSuffix(p, "_test.go"),
		lines: bytes.Count(raw, []byte("\n")),
		set:   token.NewFileSet(),
	}
	if s.syntax, err = parser.ParseFile(s.set, p, raw, parser.SkipObjectResolution); err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	return s, nil
}

// at makes a violation of this file.
func (s *source) at(pos token.Pos, format string, args ...any) Violation {
	return Violation{Path: s.path, Line: s.set.Position(pos).Line, Text: fmt.Sprintf(format, args...)}
}

// imported is one import of a file.
type imported struct {
	path string
	name string // the local name if one is given
	pos  token.Pos
}

func (s *source) imports() []imported {
	var all []imported
	for _, spec := range s.syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser accepts no such file
		}
		i := imported{path: p, pos: spec.Pos()}
		if spec.Name != nil {
			i.name = spec.Name.Name
		}
		all = append(all, i)
	}
	return all
}

// ours returns the room that an import path names.
func ours(importPath string) (room string, ok bool) {
	if importPath == modulePath {
		return ".", true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}

// isStandard reports whether an import path is of the standard library, whose
// paths have no dot in their first element.
func isStandard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

// within reports whether p is folder or below it.
func within(p, folder string) bool {
	return p == folder || strings.HasPrefix(p, folder+"/")
}
