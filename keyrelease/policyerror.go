package keyrelease

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Position is a place in a policy: line and column from 1, columns in characters.
type Position struct {
	Line, Column int
}

// String returns "line:column".
func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Column) }

// places turns offsets of a text into positions. It goes on from the last one asked
// for, for offsets that rise are the rule.
type places struct {
	text   []byte
	offset int
	last   Position
}

func (p *places) at(offset int) Position {
	offset = min(offset, len(p.text))
	if p.last.Line == 0 || offset < p.offset {
		p.offset, p.last = 0, Position{1, 1}
	}
	between := p.text[p.offset:offset]
	if newline := bytes.LastIndexByte(between, '\n'); newline >= 0 {
		p.last.Line += bytes.Count(between, []byte{'\n'})
		p.last.Column = 1
		between = between[newline+1:]
	}
	p.last.Column += utf8.RuneCount(between)
	p.offset = offset
	return p.last
}

// Fault is one thing that is wrong with a policy.
type Fault struct {
	Position Position
	// Problem says what was found, and what is wanted there.
	Problem string
}

// PolicyError says what is wrong with a release policy.
type PolicyError struct {
	// Faults are in the order of their places, at most 20.
	Faults []Fault
}

// Error lists the faults, each with its line and column.
func (e *PolicyError) Error() string {
	var b strings.Builder
	b.WriteString("keyrelease: release policy")
	sep := ": "
	for _, f := range e.Faults {
		b.WriteString(sep + f.Position.String() + ": " + f.Problem)
		sep = "; "
	}
	return b.String()
}

// ClaimsError says why claims cannot be held against a policy.
type ClaimsError struct {
	// Offset is where in the claims, in bytes.
	Offset int
	// Problem says what was found there.
	Problem string
}

// Error says what is wrong with the claims, and where.
func (e *ClaimsError) Error() string {
	return fmt.Sprintf("keyrelease: claims of the token: offset %d: %s", e.Offset, e.Problem)
}

// shown makes what came from outside fit for one line of a log: bounded, quoted,
// without control characters.
func shown(text string) string {
	if len(text) <= shownLength {
		return strconv.Quote(text)
	}
	return strconv.Quote(strings.ToValidUTF8(text[:shownLength], "")) + "…"
}
