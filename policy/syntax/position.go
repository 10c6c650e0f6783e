package syntax

import "fmt"

// Position is a place in a policy's text.
type Position struct {
	// Offset counts bytes from 0.
	Offset int
	// Line counts from 1. Only a line feed ends a line.
	Line int
	// Column counts Unicode code points from 0, as the messages of Azure
	// Attestation do.
	Column int
}

// String returns "line:column".
func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Column) }

// Range is a piece of a policy's text, from Start up to but not including End.
type Range struct{ Start, End Position }

// String returns "line:column" of the start.
func (r Range) String() string { return r.Start.String() }

// Of returns the piece of text that r stands for: text must be the text that
// was parsed.
func (r Range) Of(text string) string { return text[r.Start.Offset:r.End.Offset] }
