// Package archtest keeps the house in the shape that ARCHITECTURE.md draws. It
// reads the Go files of both modules with go/parser and reports what breaks a
// rule: an import that no arrow allows, a room that no row lists, a clock read
// where time is an input.
//
// The rules stand in rules.go, each with its reason. To add a package, give it
// a row there and the same row in ARCHITECTURE.md; a test compares the two.
//
// It parses instead of asking the go command, because `go test` caches a test
// that runs `go list` and stays green after a bad import. A file that a test
// opens is part of the cache's key.
package archtest

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
)

// Violation is one rule broken at one place.
type Violation struct {
	// Path is slash-separated, from the repository's root.
	Path string
	// Line counts from 1; 0 speaks of the whole file.
	Line int
	// Text says what is wrong and why the rule is there.
	Text string
}

func (v Violation) String() string {
	if v.Line == 0 {
		return fmt.Sprintf("%s: %s", v.Path, v.Text)
	}
	return fmt.Sprintf("%s:%d: %s", v.Path, v.Line, v.Text)
}

// Check reads the repository at root and returns what breaks a rule, sorted by
// place. The error says that the repository could not be read or parsed.
func Check(root fs.FS) ([]Violation, error) {
	t, err := readTree(root)
	if err != nil {
		return nil, err
	}
	var found []Violation
	for _, check := range []func(*tree) []Violation{
		checkRooms, checkArrows, checkOutside, checkDenied, checkClientModule,
		checkNames, checkLengths, checkInits, checkClock,
	} {
		found = append(found, check(t)...)
	}
	slices.SortFunc(found, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Text, b.Text))
	})
	return found, nil
}
