package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/azattest/azattest/policy/jmespath"
	"github.com/azattest/azattest/policy/syntax"
)

// call checks a function and what it is given.
func (c *checker) call(s *scope, e *syntax.Call) {
	for _, a := range e.Arguments {
		c.expression(s, a)
	}
	f, known := functionNamed(e.Function.Name)
	if !known {
		c.unknownFunction(e)
		return
	}
	if given, want := len(e.Arguments), len(f.parameters); given != want {
		c.report(WrongArgument, e.Range, fmt.Sprintf("%s takes %s, found %d", f.name, counted(want, "argument"), given), "write "+f.String())
		return
	}
	for i, a := range e.Arguments {
		c.parameter(f, i, a)
	}
	if f.function == jmesPath {
		c.query(e)
	}
}

func (c *checker) unknownFunction(e *syntax.Call) {
	hint := "the functions are " + strings.Join(functionNames(), ", ")
	if near := c.nearest(e.Function.Name, functionNames()); near != "" {
		hint = "did you mean " + near + "?"
	}
	c.report(UnknownFunction, e.Function.Range, fmt.Sprintf("there is no function %s", clip(e.Function.Name)), hint)
}

// parameter reports an argument that is wrong whatever the claims are.
func (c *checker) parameter(f *signature, i int, a syntax.Expression) {
	p := f.parameters[i]
	if kind := kindOf(a); p.kind != 0 && kind != 0 && kind != p.kind {
		c.report(WrongArgument, a.Span(), fmt.Sprintf("%s gets %s (%s) for %s, want %s", f.name, described(a), kind, p.name, p.kind), "")
		return
	}
	literal, isLiteral := a.(*syntax.StringLiteral)
	if !isLiteral || f.function != jmesPath && f.function != jsonToClaimValue {
		return
	}
	if strings.TrimSpace(literal.Value) == "" {
		c.report(WrongArgument, a.Span(), fmt.Sprintf("%s gets an empty %s", f.name, p.name), "")
		return
	}
	if p.name != parameterJSON {
		return
	}
	if _, err := jmespath.ParseJSON(literal.Value); err != nil {
		c.report(WrongArgument, a.Span(), fmt.Sprintf("%s gets a text that is no JSON: %s", f.name, err), "")
	}
}

// query compiles the query of JmesPath if the text has it.
func (c *checker) query(e *syntax.Call) {
	literal, isLiteral := e.Arguments[1].(*syntax.StringLiteral)
	if !isLiteral || strings.TrimSpace(literal.Value) == "" {
		return
	}
	if query := c.compiled[literal.Value]; query != nil {
		c.queries[e] = query
		return
	}
	query, err := jmespath.Compile(literal.Value)
	if err == nil {
		c.queries[e], c.compiled[literal.Value] = query, query
		return
	}
	message := err.Error()
	if fault, ok := errors.AsType[*jmespath.SyntaxError](err); ok {
		message = fmt.Sprintf("the query has a fault at character %d: %s", 1+fault.Offset, fault.Message)
	}
	c.report(InvalidQuery, literal.Range, message, "")
}

// counted is "1 thing", "2 things".
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
