package syntax

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tabWidth is how far apart tab stops are rendered.
const tabWidth = 4

// Render writes diagnostics for people, each with the line that it is about:
//
//	policy.maa:2:19: error: found '=', expected '{' [section-assignment]
//	  2 | authorizationrules={
//	    |                   ^
//	hint: write { right after the section's name
//
// Here lines and columns both count from 1. The text must be the one that was
// parsed. Characters that do not show or would move the cursor are replaced.
func Render(file, text string, ds []Diagnostic) string {
	r := renderer{file: plain(file), text: text}
	for i, d := range ds {
		if i > 0 {
			r.out.WriteByte('\n')
		}
		r.diagnostic(d)
	}
	return r.out.String()
}

type renderer struct {
	file, text string
	out        strings.Builder
}

func (r *renderer) diagnostic(d Diagnostic) {
	r.place(d.Range, d.Severity.String(), fmt.Sprintf("%s [%s]", d.Message, d.Code))
	for _, other := range d.Related {
		r.place(other.Range, "note", other.Message)
	}
	if d.Hint != "" {
		fmt.Fprintf(&r.out, "hint: %s\n", plain(d.Hint))
	}
}

// place writes what is said of a place, and the place.
func (r *renderer) place(at Range, kind, message string) {
	fmt.Fprintf(&r.out, "%s:%d:%d: %s: %s\n", r.file, at.Start.Line, at.Start.Column+1, kind, plain(message))
	e := r.excerpt(at)
	number := fmt.Sprintf("%3d", at.Start.Line)
	fmt.Fprintln(&r.out, strings.TrimRight(number+" | "+e.line, " "))
	fmt.Fprintf(&r.out, "%*s | %*s%s\n", len(number), "", e.before, "", strings.Repeat("^", max(1, e.marked)))
}

// excerpt is a line as it is rendered, or what of a long one is near the fault,
// and the columns before the fault and of the fault on it.
type excerpt struct {
	line           string
	before, marked int
}

func (r *renderer) excerpt(at Range) excerpt {
	start := min(max(0, at.Start.Offset), len(r.text))
	end := min(max(start, at.End.Offset), len(r.text))
	first := 1 + strings.LastIndexByte(r.text[:start], '\n')
	last := len(r.text)
	if i := strings.IndexByte(r.text[start:], '\n'); i >= 0 {
		last = start + i
	}
	if last > start && r.text[last-1] == '\r' {
		last--
	}
	from, to := window(r.text, first, start, last)
	var e excerpt
	column := 0
	var line strings.Builder
	write := func(text string, width int) {
		line.WriteString(text)
		column += width
	}
	if from > first {
		write("…", 1)
	}
	for i := from; i < to; {
		c, size := utf8.DecodeRuneInString(r.text[i:to])
		if i <= start {
			e.before = column
		}
		write(cell(c, column))
		i += size
		if i >= start && i <= end {
			e.marked = column - e.before
		}
	}
	if start == to {
		e.before, e.marked = column, 0
	}
	if start == end || start == to {
		e.marked = 0
	}
	if to < last {
		write("…", 1)
	}
	e.line = line.String()
	return e
}

// window returns what of a line to show: all of it, or else what is near start.
func window(text string, first, start, last int) (int, int) {
	if forward(text, first, last, maxShown) == last {
		return first, last
	}
	from, before := start, 0
	for ; from > first && before < maxBefore; before++ {
		_, size := utf8.DecodeLastRuneInString(text[first:from])
		from -= size
	}
	return from, forward(text, start, last, maxShown-before)
}

// forward moves over most code points from a place, at most to last.
func forward(text string, from, last, most int) int {
	for ; from < last && most > 0; most-- {
		_, size := utf8.DecodeRuneInString(text[from:last])
		from += size
	}
	return from
}

// cell returns how a character is rendered in a column, and how wide.
func cell(c rune, column int) (string, int) {
	switch {
	case c == '\t':
		width := tabWidth - column%tabWidth
		return strings.Repeat(" ", width), width
	case !unicode.IsGraphic(c):
		return string(unicode.ReplacementChar), 1
	case unicode.In(c, unicode.Mn, unicode.Me):
		return string(c), 0
	case unicode.Is(wide, c):
		return string(c), 2
	}
	return string(c), 1
}

// wide are the characters that take two columns (East Asian Width W and F of
// Unicode, by block).
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x115f, Stride: 1},
		{Lo: 0x2e80, Hi: 0x303e, Stride: 1},
		{Lo: 0x3041, Hi: 0xa4cf, Stride: 1},
		{Lo: 0xa960, Hi: 0xa97f, Stride: 1},
		{Lo: 0xac00, Hi: 0xd7a3, Stride: 1},
		{Lo: 0xf900, Hi: 0xfaff, Stride: 1},
		{Lo: 0xfe30, Hi: 0xfe6f, Stride: 1},
		{Lo: 0xff00, Hi: 0xff60, Stride: 1},
		{Lo: 0xffe0, Hi: 0xffe6, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x1f300, Hi: 0x1f64f, Stride: 1},
		{Lo: 0x1f680, Hi: 0x1f6ff, Stride: 1},
		{Lo: 0x1f900, Hi: 0x1f9ff, Stride: 1},
		{Lo: 0x1fa70, Hi: 0x1faff, Stride: 1},
		{Lo: 0x20000, Hi: 0x3fffd, Stride: 1},
	},
}
