package archtest

import (
	"cmp"
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// checkNames reports packages whose name says nothing.
func checkNames(t *tree) []Violation {
	var found []Violation
	for _, s := range t.sources {
		name := strings.TrimSuffix(s.syntax.Name.Name, "_test")
		for _, n := range slices.Compact([]string{name, path.Base(s.room)}) {
			if slices.Contains(vagueNames, n) {
				found = append(found, Violation{Path: s.path, Text: fmt.Sprintf("a package named %s says nothing of what it holds: name the room for its subject", n)})
			}
		}
	}
	return found
}

// checkLengths reports files nobody can read as one thought.
func checkLengths(t *tree) []Violation {
	var lengths []int
	for _, s := range t.sources {
		if !s.test {
			lengths = append(lengths, s.lines)
		}
	}
	var found []Violation
	for _, s := range t.sources {
		if s.lines > maxLines {
			found = append(found, Violation{Path: s.path, Text: fmt.Sprintf("%d lines, at most %d (the median of our source files is %d): split it by subject", s.lines, maxLines, median(lengths))})
		}
	}
	return found
}

// median returns the middle of n, the lower one of two, 0 of none.
func median(n []int) int {
	if len(n) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(n))
	return sorted[(len(sorted)-1)/2]
}

// checkInits reports init functions: work that runs because of an import.
func checkInits(t *tree) []Violation {
	var found []Violation
	for _, s := range t.sources {
		if s.test {
			continue
		}
		for _, d := range s.syntax.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				found = append(found, s.at(f.Pos(), "init function: an import must not do work; use a variable's initializer or a constructor"))
			}
		}
	}
	return found
}

// checkClock reports clocks read where time is an input.
func checkClock(t *tree) []Violation {
	var found []Violation
	for _, s := range t.sources {
		if s.test {
			continue
		}
		for _, c := range clockless {
			if !within(s.room, c.room) {
				continue
			}
			for _, use := range clockUses(s) {
				if !use.called && c.naming {
					continue
				}
				found = append(found, s.at(use.expr.Pos(), "%s reads the clock (time.%s), but time is an input here: %s", s.room, use.expr.Sel.Name, c.because))
			}
		}
	}
	return found
}

type clockUse struct {
	expr   *ast.SelectorExpr
	called bool
}

// clockUses finds time.Now, time.Since and time.Until, called or named, under
// whatever name the file imports package time.
func clockUses(s *source) []clockUse {
	var names []string
	for _, i := range s.imports() {
		if i.path == "time" {
			names = append(names, cmp.Or(i.name, "time"))
		}
	}
	var uses []clockUse
	called := make(map[*ast.SelectorExpr]bool)
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			// A call is visited before what it calls.
			if sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok {
				called[sel] = true
			}
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if ok && slices.Contains(names, x.Name) && slices.Contains([]string{"Now", "Since", "Until"}, n.Sel.Name) {
				uses = append(uses, clockUse{n, called[n]})
			}
		}
		return true
	})
	return uses
}
