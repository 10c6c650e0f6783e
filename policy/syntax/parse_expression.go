package syntax

import (
	"fmt"
	"strconv"
	"strings"
)

// operands are the tokens that an expression can begin with.
var operands = [...]string{"string", "integer", "'true'", "'false'", "identifier"}

// expression reads a literal, a reference or a call.
func (p *parser) expression() (Expression, bool) {
	defer p.enter("expression")()
	t := p.tok
	switch t.kind {
	case tokenString:
		p.advance()
		literal := &StringLiteral{Range: t.rng, Value: stringValue(t)}
		if hasOtherEscapes(t.text) {
			literal.Literal = t.text
		}
		return literal, true
	case tokenInteger:
		p.advance()
		return &IntegerLiteral{Range: t.rng, Value: p.integerValue(t)}, true
	case tokenWord:
		p.advance()
		if t.text == wordTrue || t.text == wordFalse {
			return &BooleanLiteral{Range: t.rng, Value: t.text == wordTrue}, true
		}
		if p.tok.kind == tokenOpenParen {
			return p.call(t)
		}
		if word := strings.ToLower(t.text); p.tok.kind != tokenDot && (word == wordTrue || word == wordFalse) {
			p.report(Diagnostic{
				Code:     UnexpectedToken,
				Range:    t.rng,
				Message:  fmt.Sprintf("found %s, expected a value", t.shown()),
				Hint:     "write " + word,
				Expected: operands[:],
			})
			return &BooleanLiteral{Range: t.rng, Value: word == wordTrue}, true
		}
		return p.reference(t)
	default:
		return nil, p.unexpected(operands[:]...)
	}
}

// stringValue returns what the string says. One that was cut off by the end of
// the text has no closing quotation mark.
func stringValue(t token) string {
	inside := t.text[1:]
	if n := len(inside); n > 0 && inside[n-1] == '"' {
		inside = inside[:n-1]
	}
	return unescape(inside)
}

func (p *parser) integerValue(t token) int64 {
	i, err := strconv.ParseInt(t.text, 10, 64)
	if err != nil {
		p.report(Diagnostic{
			Code:    IntegerRange,
			Range:   t.rng,
			Message: fmt.Sprintf("%s does not fit into 64 bits", t.shown()),
			Hint:    "integers range from -9223372036854775808 to 9223372036854775807",
		})
	}
	return i
}

// reference reads ".property" after an identifier.
func (p *parser) reference(name token) (Expression, bool) {
	if p.tok.kind != tokenDot {
		p.unexpected(string(tokenDot))
		if hint := bareWordHint(name.text); hint != "" {
			p.fault.Hint = hint
		}
		return nil, false
	}
	p.advance()
	property, ok := p.property()
	if !ok {
		return nil, false
	}
	return &Reference{
		Range:    Range{name.rng.Start, p.prev.rng.End},
		Name:     p.identifier(name),
		Property: property,
	}, true
}

// call reads "(arguments)" after a function's name.
func (p *parser) call(name token) (Expression, bool) {
	if hint := foreignCall(name.text); hint != "" {
		p.report(Diagnostic{
			Code:    ForeignFunction,
			Range:   name.rng,
			Message: fmt.Sprintf("there is no function %s in this language", name.shown()),
			Hint:    hint,
		})
	} else {
		p.needs(V12, name.rng, "a function")
	}
	if !p.limit(p.nesting, maxNesting, "functions within functions") {
		return nil, false
	}
	p.nesting++
	defer func() { p.nesting-- }()
	p.advance()
	call := &Call{Function: &Identifier{Range: name.rng, Name: name.text}}
	for !p.accept(tokenCloseParen) {
		if !p.limit(len(call.Arguments), maxArguments, "arguments of one function") {
			return nil, false
		}
		if len(call.Arguments) > 0 && !p.accept(tokenComma) {
			return nil, p.unexpected(string(tokenComma), string(tokenCloseParen))
		}
		argument, ok := p.expression()
		if !ok {
			return nil, false
		}
		call.Arguments = append(call.Arguments, argument)
	}
	call.Range = Range{name.rng.Start, p.prev.rng.End}
	return call, true
}
