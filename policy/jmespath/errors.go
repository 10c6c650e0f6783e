package jmespath

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Code names a kind of fault. Where the JMESPath specification has a name for
// it, the code is that name.
type Code string

// The codes.
const (
	// Syntax means that an expression does not follow the grammar.
	Syntax Code = "syntax"
	// UnknownFunction means that no function has this name.
	UnknownFunction Code = "unknown-function"
	// InvalidArity means that a function is given too few or too many
	// arguments.
	InvalidArity Code = "invalid-arity"
	// InvalidType means that an argument has a type that the function does not
	// take.
	InvalidType Code = "invalid-type"
	// InvalidValue means that a value has the right type and no meaning: a
	// slice with a step of 0, a sum beyond the largest number.
	InvalidValue Code = "invalid-value"
	// LimitExceeded means that a query or its evaluation is too large.
	LimitExceeded Code = "limit-exceeded"
)

// SyntaxError says why a text is no query. [Compile] finds whatever can be
// found without a document: unknown functions and wrong numbers of arguments
// too.
type SyntaxError struct {
	Code Code
	// Offset is the byte of the expression at which the fault stands.
	Offset int
	// Found is the piece of the expression there, "" at its end.
	Found string
	// Expected says what could stand there, "" if that is not the matter.
	Expected string
	// Message says what is wrong, and how to mend it where that is known.
	Message string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("JMESPath expression at byte %d: %s", e.Offset, e.Message)
}

// EvaluationError says why a query has no result for a document.
type EvaluationError struct {
	Code Code
	// Offset is the byte of the expression that failed.
	Offset int
	// Function is the function that failed, "" if it was none.
	Function string
	// Message says what is wrong.
	Message string
}

func (e *EvaluationError) Error() string {
	if e.Function != "" {
		return fmt.Sprintf("JMESPath expression at byte %d: %s: %s: %s", e.Offset, e.Function, e.Code, e.Message)
	}
	return fmt.Sprintf("JMESPath expression at byte %d: %s: %s", e.Offset, e.Code, e.Message)
}

// JSONError says why a text is no JSON document.
type JSONError struct {
	// Offset is the byte at which the fault stands.
	Offset int
	// Problem is what is wrong there.
	Problem string
}

func (e *JSONError) Error() string {
	return fmt.Sprintf("JSON at byte %d: %s", e.Offset, e.Problem)
}

// Note points at something that compiles and is probably not meant.
type Note struct {
	// Offset is the byte of the expression at which it stands.
	Offset int
	// Message says what it means, and what was probably meant.
	Message string
}

// quote returns a piece of foreign text as a message shows it.
func quote(text string) string {
	if len(text) > maxQuoted {
		end := maxQuoted
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		return strconv.Quote(text[:end]) + "…"
	}
	return strconv.Quote(text)
}
