// Package jmespath evaluates JMESPath, the query language over JSON that
// policies of version 1.2 use in their function JmesPath.
//
// [Compile] turns an expression into a [Query], [ParseJSON] a text into a
// [Value], and [Query.Search] gives the [Value] that a query finds in another.
// None of them changes anything it is given, so queries and values may be shared
// by any number of goroutines. [Value.JSON] is the way back to text.
//
// The language is that of the specification at jmespath.org, with all of its 26
// functions. It differs where policies need it:
//
//   - Integers are exact, whatever their size. Neither comparing nor adding them
//     goes through a float, and a document's integers come out as they came in.
//   - equals_ignore_case(string, string) is a function: policies compare the
//     paths of drivers with it. It folds case as Unicode does, but
//     for signs that would turn into letters of ASCII.
//   - An integer without backticks may stand on the right side of a comparison,
//     where published policies have it. [Query.Notes] tells of it.
//   - Literals in backticks are JSON. Text without quotes, which the
//     specification deprecates, is refused.
//   - Objects keep their members in the order of their names: keys and values
//     follow it, and so does *.
//   - Where the specification leaves open what belongs together, !a.b means
//     !(a.b), all of .c.d in a.*.c.d is applied to every member of a, and a list
//     or a hash ends the projection before it, as in a[*].{b: b}[0].
//   - Unknown functions, wrong numbers of arguments and slices with a step of 0
//     are faults of the expression, found before there is a document.
//
// Everything is bounded: a query that would run for long, or build much, ends
// with [LimitExceeded].
package jmespath

import "fmt"

// Query is a compiled expression. It never changes, so it may be used by any
// number of goroutines at once.
type Query struct {
	text  string
	root  *expr
	notes []Note
}

// Compile reads an expression of at most 16 KiB. Errors are [*SyntaxError].
func Compile(expression string) (*Query, error) {
	if len(expression) > maxExpression {
		return nil, &SyntaxError{
			Code:    LimitExceeded,
			Message: fmt.Sprintf("the expression has %d bytes, want at most %d", len(expression), maxExpression),
		}
	}
	scan := lexer{text: expression}
	tokens, err := scan.tokens()
	if err != nil {
		return nil, err
	}
	p := parser{tokens: tokens}
	root := p.whole()
	if p.err != nil {
		return nil, p.err
	}
	return &Query{text: expression, root: root, notes: p.notes}, nil
}

// Search evaluates the query on a document: null is what it finds nowhere.
// Errors are [*EvaluationError]: a function was given what it does not take, or
// the search is too large.
func (q *Query) Search(document Value) (Value, error) {
	e := evaluator{steps: maxSteps}
	found, err := e.evaluate(q.root, &document)
	if err != nil {
		return Value{}, err
	}
	return found, nil
}

// String returns the expression as it was written.
func (q *Query) String() string { return q.text }

// Notes returns what compiles and is probably not meant, in the order of
// reading.
func (q *Query) Notes() []Note { return append([]Note(nil), q.notes...) }
