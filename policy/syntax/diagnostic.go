package syntax

import (
	"cmp"
	"fmt"
	"slices"
)

// Code names a kind of fault. Codes are stable: tools may depend on them.
type Code string

// The faults that this package finds. The first five are faults of single
// characters: no token can be read where they stand, or none can be trusted.
const (
	StrayCharacter     Code = "stray-character"
	InvisibleCharacter Code = "invisible-character"
	OpenString         Code = "open-string"
	NotUTF8            Code = "not-utf-8"
	Placeholder        Code = "placeholder"

	NotPolicyText Code = "not-policy-text"

	UnexpectedToken       Code = "unexpected-token"
	MissingSemicolon      Code = "missing-semicolon"
	AssignmentInCondition Code = "assignment-in-condition"
	ComparisonInAction    Code = "comparison-in-action"
	SectionAssignment     Code = "section-assignment"
	UnknownSection        Code = "unknown-section"
	SectionOrder          Code = "section-order"
	DuplicateSection      Code = "duplicate-section"
	MissingSection        Code = "missing-section"
	MissingVersion        Code = "missing-version"
	UnknownVersion        Code = "unknown-version"
	NeedsVersion          Code = "needs-version"
	UnknownAction         Code = "unknown-action"
	SeveralActions        Code = "several-actions"
	UnknownOperator       Code = "unknown-operator"
	ForeignFunction       Code = "foreign-function"
	UnknownProperty       Code = "unknown-property"
	ReservedWord          Code = "reserved-word"
	IntegerRange          Code = "integer-range"
	TooLarge              Code = "too-large"
)

// Severity says whether a policy can be used in spite of what was found.
type Severity uint8

// The severities. Everything that this package finds is an error: only meaning
// can be doubtful.
const (
	SeverityError Severity = iota
	SeverityWarning
)

// String returns the severity as a word: "error", "warning".
func (s Severity) String() string {
	switch s {
	case SeverityError:
		return "error"
	case SeverityWarning:
		return "warning"
	}
	return fmt.Sprintf("Severity(%d)", uint8(s))
}

// Diagnostic is one fault of a policy's text.
type Diagnostic struct {
	Code     Code
	Severity Severity
	Range    Range
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
	// Related are other places that explain the fault.
	Related []Related
}

// Related is a place that explains a fault elsewhere: "it opens here".
type Related struct {
	Range   Range
	Message string
}

// String returns the fault on one line: position, message, hint.
func (d Diagnostic) String() string {
	if d.Hint == "" {
		return fmt.Sprintf("%s: %s", d.Range, d.Message)
	}
	return fmt.Sprintf("%s: %s (%s)", d.Range, d.Message, d.Hint)
}

// Ordered sorts ds and cuts them down to 20, the warnings first. Faults of single
// characters come first, since they mislead whatever is read after them; within
// both groups the order is that of the text. It shortens what they have found,
// and tells only once of a function that the language does not have.
func Ordered(ds []Diagnostic) []Diagnostic {
	ds = withoutEchoes(ds)
	if len(ds) > maxDiagnostics {
		slices.SortStableFunc(ds, func(a, b Diagnostic) int {
			return cmp.Or(cmp.Compare(a.Severity, b.Severity), inOrder(a, b))
		})
		ds = ds[:maxDiagnostics]
	}
	slices.SortStableFunc(ds, inOrder)
	for i := range ds {
		ds[i].Found = cut(ds[i].Found, maxFound)
	}
	return ds
}

func inOrder(a, b Diagnostic) int {
	return cmp.Or(
		cmp.Compare(a.Code.rank(), b.Code.rank()),
		cmp.Compare(a.Range.Start.Offset, b.Range.Start.Offset),
	)
}

// withoutEchoes removes what else is said of a function that is known to belong
// to another language: that nobody knows it, for example.
func withoutEchoes(ds []Diagnostic) []Diagnostic {
	foreign := make(map[Range]bool)
	for _, d := range ds {
		if d.Code == ForeignFunction {
			foreign[d.Range] = true
		}
	}
	if len(foreign) == 0 {
		return ds
	}
	return slices.DeleteFunc(ds, func(d Diagnostic) bool { return foreign[d.Range] && d.Code != ForeignFunction })
}

func (c Code) rank() int {
	switch c {
	case StrayCharacter, InvisibleCharacter, OpenString, NotUTF8, Placeholder:
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
