package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// maxProblems bounds how many faults are told. Nobody mends more at a time.
const maxProblems = 100

// Problem is one fault of a configuration. What is not known is zero.
type Problem struct {
	// File, Line and Column are where it stands, from 1. The column of a fault of
	// YAML itself is not known.
	File         string
	Line, Column int
	// Variable is the variable of the environment that the value came from; there
	// is then no File.
	Variable string
	// Path names the key: instances[1].url.
	Path string
	// Text says what is wrong and what to write instead. It holds no secret.
	Text string
}

// String is the fault on one line: "azattest.yaml:3:5: listen: …".
func (p Problem) String() string {
	var b strings.Builder
	if p.Variable != "" {
		b.WriteString(p.Variable + ": ")
	} else if p.File != "" {
		b.WriteString(p.File)
		for _, n := range []int{p.Line, p.Column} {
			if n > 0 {
				b.WriteString(":" + strconv.Itoa(n))
			}
		}
		b.WriteString(": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	return b.String() + p.Text
}

// Error is all that is wrong with a configuration, in the order of the file, then
// of the environment.
type Error struct {
	// Problems are at least one and at most 100.
	Problems []Problem
	// Omitted is how many more there are.
	Omitted int
}

// Error has one line for each fault.
func (e *Error) Error() string {
	lines := make([]string, 0, len(e.Problems)+1)
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	if e.Omitted > 0 {
		lines = append(lines, "and "+strconv.Itoa(e.Omitted)+" more")
	}
	return strings.Join(lines, "\n")
}

// problems collects faults.
type problems struct {
	file  string
	found []Problem
}

// isFull says that what comes is only counted.
func (p *problems) isFull() bool { return len(p.found) >= maxProblems }

func (p *problems) say(at place, path, text string) {
	one := Problem{File: p.file, Line: at.line, Column: at.column, Path: path, Text: text}
	if at.variable != "" {
		one = Problem{Variable: at.variable, Path: path, Text: text}
	}
	p.found = append(p.found, one)
}

// err returns the faults in the order of their places, nil if there are none.
func (p *problems) err() error {
	if len(p.found) == 0 {
		return nil
	}
	slices.SortStableFunc(p.found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Variable, b.Variable), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
	told := p.found[:min(len(p.found), maxProblems)]
	return &Error{Problems: told, Omitted: len(p.found) - len(told)}
}

// maxListed bounds how many names of somebody else's choice are repeated.
const maxListed = 8

// listed joins what may be written: "a, b or c".
func listed(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	if len(words) > maxListed {
		return strings.Join(words[:maxListed], ", ") + "…"
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
