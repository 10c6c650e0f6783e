package jmespath

import (
	"fmt"
	"slices"
	"strings"
)

// parser builds an expression by the powers of its tokens. After a fault every
// method returns at once and what it returns is worth nothing.
type parser struct {
	tokens []token
	pos    int
	depth  int
	notes  []Note
	err    *SyntaxError
}

// nothing stands for an expression that is not there, and for @.
func nothing(offset int) *expr { return newExpr(opCurrent, offset) }

func (p *parser) peek() token { return p.tokens[p.pos] }

// second returns the token behind the next.
func (p *parser) second() token { return p.tokens[min(p.pos+1, len(p.tokens)-1)] }

func (p *parser) next() token {
	t := p.tokens[p.pos]
	if t.kind != tokenEnd {
		p.pos++
	}
	return t
}

func (p *parser) fault(code Code, at token, expected, format string, args ...any) {
	if p.err == nil {
		p.err = &SyntaxError{Code: code, Offset: at.offset, Found: at.text, Expected: expected, Message: fmt.Sprintf(format, args...)}
	}
}

// unexpected reports the next token.
func (p *parser) unexpected(expected string) {
	t := p.peek()
	if t.kind == tokenEnd {
		p.fault(Syntax, t, expected, "the expression ends, expected %s", expected)
		return
	}
	p.fault(Syntax, t, expected, "found %s, expected %s", quote(t.text), expected)
}

// expect moves over a token of one kind.
func (p *parser) expect(kind tokenKind) {
	if p.err != nil {
		return
	}
	if p.peek().kind != kind {
		p.unexpected(kind.String())
		return
	}
	p.next()
}

// whole reads a whole expression.
func (p *parser) whole() *expr {
	x := p.expression(0)
	if x.nesting > maxNesting {
		p.tooDeep(p.tokens[0])
	}
	if p.err == nil && p.peek().kind != tokenEnd {
		p.unexpected("an operator or the end")
	}
	return x
}

// expression reads an expression up to the first token that binds no tighter
// than power.
func (p *parser) expression(power int) *expr {
	start := p.peek()
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxNesting {
		p.tooDeep(start)
		return nothing(start.offset)
	}
	return p.rest(p.prefix(), power)
}

// rest reads on behind x, up to what binds no tighter than power.
func (p *parser) rest(x *expr, power int) *expr {
	for p.err == nil && p.peek().kind.power() > power {
		x = p.infix(x)
	}
	return x
}

func (p *parser) tooDeep(at token) {
	p.fault(LimitExceeded, at, "", "expressions within expressions more than %d deep", maxNesting)
}

// prefix reads an expression that needs nothing before it.
func (p *parser) prefix() *expr {
	t := p.peek()
	switch t.kind {
	case tokenIdentifier:
		p.next()
		if p.peek().kind == tokenOpenParen {
			return p.call(t)
		}
		return p.field(t)
	case tokenQuoted:
		p.next()
		return p.field(t)
	case tokenLiteral:
		p.next()
		return &expr{op: opLiteral, offset: t.offset, located: true, value: t.value}
	case tokenCurrent:
		p.next()
		return nothing(t.offset)
	case tokenStar:
		return p.values(nothing(t.offset))
	case tokenFlatten, tokenFilter:
		return p.infix(nothing(t.offset))
	case tokenOpenBracket:
		if p.atSpecifier() {
			return p.specifier(nothing(t.offset))
		}
		return p.list()
	case tokenOpenBrace:
		return p.hash()
	case tokenNot:
		p.next()
		return newExpr(opNot, t.offset, p.expression(powerNot))
	case tokenOpenParen:
		p.next()
		x := p.expression(0)
		p.expect(tokenCloseParen)
		return x
	case tokenNumber:
		p.fault(Syntax, t, "an expression", "found the number %s, expected an expression (write numbers in backticks)", t.text)
	default:
		p.unexpected("an expression")
	}
	return nothing(t.offset)
}

func (p *parser) field(t token) *expr {
	return &expr{op: opField, offset: t.offset, located: true, name: t.value.text, bare: t.kind == tokenIdentifier}
}

// infix reads what follows the expression left.
func (p *parser) infix(left *expr) *expr {
	t := p.peek()
	switch t.kind {
	case tokenDot:
		p.next()
		if p.peek().kind == tokenStar {
			return p.values(left)
		}
		return chain(t.offset, left, p.member())
	case tokenPipe:
		p.next()
		return chain(t.offset, left, p.expression(powerPipe))
	case tokenOr:
		p.next()
		return join(opOr, t.offset, left, p.expression(powerOr))
	case tokenAnd:
		p.next()
		return join(opAnd, t.offset, left, p.expression(powerAnd))
	case tokenFlatten:
		p.next()
		return newExpr(opProject, t.offset, newExpr(opFlatten, t.offset, left), p.projected(powerFlatten))
	case tokenFilter:
		p.next()
		condition := p.expression(0)
		p.expect(tokenCloseBracket)
		return newExpr(opFilter, t.offset, left, p.projected(powerFilter), condition)
	case tokenOpenBracket:
		if !p.atSpecifier() {
			p.next()
			p.unexpected("an index, a slice or '*'")
			return left
		}
		return p.specifier(left)
	default:
		return p.comparison(left)
	}
}

// member reads what may stand behind a dot, up to what binds no tighter than
// one.
func (p *parser) member() *expr {
	switch t := p.peek(); t.kind {
	case tokenIdentifier, tokenQuoted, tokenStar:
		return p.expression(powerDot)
	case tokenOpenBracket:
		return p.list()
	case tokenOpenBrace:
		return p.hash()
	default:
		p.unexpected("an identifier, '*', '[' or '{'")
		return nothing(t.offset)
	}
}

// projected reads what a projection applies to each of its elements. A list or
// a hash ends it: what follows one applies to the projection as a whole.
func (p *parser) projected(power int) *expr {
	t := p.peek()
	if p.err != nil || t.kind.power() < powerProjection {
		return nothing(t.offset)
	}
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxNesting {
		p.tooDeep(t)
		return nothing(t.offset)
	}
	if t.kind != tokenDot { // a filter or a bracket
		return p.rest(p.infix(nothing(t.offset)), power)
	}
	p.next()
	x := p.member()
	if x.op == opList || x.op == opHash {
		return x
	}
	return p.rest(x, power)
}

// values reads a star that stands for every member of left.
func (p *parser) values(left *expr) *expr {
	t := p.next()
	return newExpr(opValues, t.offset, left, p.projected(powerStar))
}

// comparison reads a comparator and its right side.
func (p *parser) comparison(left *expr) *expr {
	t := p.next()
	var right *expr
	if p.peek().kind == tokenNumber {
		right = p.bareInteger()
	} else {
		right = p.expression(powerComparator)
	}
	for _, side := range []*expr{left, right} {
		if side.op == opField && side.bare && (side.name == "true" || side.name == "false" || side.name == "null") {
			p.notes = append(p.notes, Note{side.offset, fmt.Sprintf("%s is the name of a field here; the value is `%[1]s`, in backticks", side.name)})
		}
	}
	x := newExpr(opCompare, t.offset, left, right)
	x.compare = t.kind
	return x
}

// bareInteger reads an integer without backticks as the right side of a
// comparison. The specification has no such thing; published policies do, and
// they can mean one thing only.
func (p *parser) bareInteger() *expr {
	t := p.next()
	if n := numberLength(t.text); n != len(t.text) || n > maxNumber {
		p.fault(Syntax, t, "an integer", "found %s, which is no integer in JSON", quote(t.text))
	} else if p.peek().kind.power() > powerComparator {
		p.unexpected("what may follow an integer")
	}
	p.notes = append(p.notes, Note{t.offset, fmt.Sprintf("standard JMESPath refuses the number %s here: write it in backticks", t.text)})
	v, _ := parseNumber(t.text)
	return &expr{op: opLiteral, offset: t.offset, located: true, value: v}
}

// list reads [a, b].
func (p *parser) list() *expr {
	t := p.next()
	return newExpr(opList, t.offset, p.sequence(tokenCloseBracket, func() *expr { return p.expression(0) })...)
}

// hash reads {name: a, name: b}. Of two members with the same name the last one
// counts.
func (p *parser) hash() *expr {
	t := p.next()
	byName := map[string]*expr{}
	p.sequence(tokenCloseBrace, func() *expr {
		name := p.peek()
		if name.kind != tokenIdentifier && name.kind != tokenQuoted {
			p.unexpected("a member's name")
			return nothing(name.offset)
		}
		p.next()
		p.expect(tokenColon)
		if p.err != nil {
			return nothing(name.offset)
		}
		x := p.expression(0)
		byName[name.value.text] = x
		return x
	})
	names := make([]string, 0, len(byName))
	for name := range byName {
		names = append(names, name)
	}
	slices.SortFunc(names, strings.Compare)
	args := make([]*expr, 0, len(names))
	for _, name := range names {
		args = append(args, byName[name])
	}
	x := newExpr(opHash, t.offset, args...)
	x.names = names
	return x
}

// sequence reads one item or more with commas between them, up to end.
func (p *parser) sequence(end tokenKind, item func() *expr) []*expr {
	var items []*expr
	for p.err == nil {
		items = append(items, item())
		if p.err != nil || p.peek().kind == end {
			p.expect(end)
			break
		}
		if p.peek().kind != tokenComma {
			p.unexpected("',' or " + end.String())
		}
		p.next()
	}
	return items
}
