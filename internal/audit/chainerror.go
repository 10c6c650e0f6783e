package audit

import "fmt"

// Problem is what is wrong with a chain.
type Problem string

// The problems.
const (
	// Changed: a line is not the one that was written.
	Changed Problem = "changed"
	// Missing: lines, or a file of them, are not there.
	Missing Problem = "missing"
	// Reordered: lines stand in another order, or twice.
	Reordered Problem = "reordered"
	// CutOff: the end of a file, or of the trail, is not there.
	CutOff Problem = "cut off"
)

// ChainError says where the chain of a trail is broken.
type ChainError struct {
	// File is the name of the file within the trail, empty where none is to
	// blame. Line counts from 1, 0 for the whole file.
	File string
	Line int
	// Problem is what is wrong.
	Problem Problem
	// Detail is what was expected and what came.
	Detail string
}

func (e *ChainError) Error() string {
	where := ""
	switch {
	case e.File != "" && e.Line > 0:
		where = fmt.Sprintf("%s, line %d: ", e.File, e.Line)
	case e.File != "":
		where = e.File + ": "
	}
	return "audit: the chain is broken: " + where + string(e.Problem) + ": " + e.Detail
}
