package syntax

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Code names a kind of fault. Codes are stable: tools may depend on them.
type Code string

// The faults that this package finds. The first four are faults of single
// characters: no token can be read where they stand.
const (
	StrayCharacter Code = "stray-character"
	OpenString     Code = "open-string"
	NotUTF8        Code = "not-utf-8"
	Placeholder    Code = "placeholder"

	UnexpectedToken       Code = "unexpected-token"
	MissingSemicolon      Code = "missing-semicolon"
	AssignmentInCondition Code = "assignment-in-condition"
	ComparisonInAction    Code = "comparison-in-action"
	SectionAssignment     Code = "section-assignment"
	UnknownSection        Code = "unknown-section"
	SectionOrder          Code = "section-order"
	DuplicateSection      Code = "duplicate-section"
	MissingSection        Code = "missing-section"
	UnknownVersion        Code = "unknown-version"
	NeedsVersion          Code = "needs-version"
	UnknownAction         Code = "unknown-action"
	UnknownProperty       Code = "unknown-property"
	ReservedWord          Code = "reserved-word"
	IntegerRange          Code = "integer-range"
	TooLarge              Code = "too-large"
)

// Diagnostic is one fault of a policy's text.
type Diagnostic struct {
	Code  Code
	Range Range
	// Message says what is wrong, as one sentence without a full stop.
	Message string
	// Hint says what to write instead; empty where there is nothing to guess.
	Hint string
	// Found is the offending piece of text, its first 200 code points if it is
	// longer, "<EOF>" at the end of the text.
	Found string
	// Expected lists what could have stood there instead, for faults of
	// grammar: words and signs in single quotes, kinds of token bare.
	Expected []string
	// Production is the path of the grammar's productions that were being
	// read, outermost first: "policy > versionInfo".
	Production string
}

// String returns the fault on one line: position, message, hint.
func (d Diagnostic) String() string {
	if d.Hint == "" {
		return fmt.Sprintf("%s: %s", d.Range, d.Message)
	}
	return fmt.Sprintf("%s: %s (%s)", d.Range, d.Message, d.Hint)
}

// Ordered sorts ds and cuts them down to 20. Faults of single characters come
// first, since they mislead whatever is read after them; within both groups the
// order is that of the text. It shortens what they have found.
func Ordered(ds []Diagnostic) []Diagnostic {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Code.rank(), b.Code.rank()),
			cmp.Compare(a.Range.Start.Offset, b.Range.Start.Offset),
		)
	})
	ds = ds[:min(len(ds), maxDiagnostics)]
	for i := range ds {
		ds[i].Found = cut(ds[i].Found, maxFound)
	}
	return ds
}

func (c Code) rank() int {
	switch c {
	case StrayCharacter, OpenString, NotUTF8, Placeholder:
		return 0
	default:
		return 1
	}
}

func tooLarge(size int) Diagnostic {
	return Diagnostic{
		Code:    TooLarge,
		Range:   Range{Start: Position{Line: 1}, End: Position{Line: 1}},
		Message: fmt.Sprintf("the policy has %d bytes, at most %d are read", size, maxText),
	}
}

// alternatives returns "a", "a or b", "a, b or c".
func alternatives(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// quoted returns text for use in a message: on one line, in single quotes, not
// too long.
func quoted(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if short := cut(text, maxQuoted); short != text {
		text = short + "…"
	}
	return "'" + text + "'"
}

// cut returns the first runes of text.
func cut(text string, runes int) string {
	for i := range text {
		if runes == 0 {
			return text[:i]
		}
		runes--
	}
	return text
}
