package jmespath

import "strconv"

// atSpecifier reports whether the bracket that is next holds an index, a slice
// or a star, and no list of expressions.
func (p *parser) atSpecifier() bool {
	inside := p.second().kind
	behind := p.tokens[min(p.pos+2, len(p.tokens)-1)].kind
	return inside == tokenNumber || inside == tokenColon || inside == tokenStar && behind == tokenCloseBracket
}

// specifier reads [n], [n:n:n] or [*] behind left.
func (p *parser) specifier(left *expr) *expr {
	t := p.next()
	if p.peek().kind == tokenStar {
		p.next()
		p.expect(tokenCloseBracket)
		return newExpr(opProject, t.offset, left, p.projected(powerStar))
	}
	bounds, sliced := p.bounds()
	p.expect(tokenCloseBracket)
	if !sliced {
		return p.bracket(opIndex, t, left, bounds)
	}
	if bounds.step.set && bounds.step.value == 0 {
		p.fault(InvalidValue, t, "", "a slice with a step of 0 never ends")
	}
	return newExpr(opProject, t.offset, p.bracket(opSlice, t, left, bounds), p.projected(powerStar))
}

// bracket joins an index or a slice to left.
func (p *parser) bracket(o op, at token, left *expr, bounds slice) *expr {
	x := &expr{op: o, offset: at.offset, located: o == opIndex, slice: bounds}
	if left.op == opCurrent {
		return x
	}
	return chain(at.offset, left, x)
}

// bounds reads what stands in the brackets of an index or a slice, and reports
// whether it is a slice.
func (p *parser) bounds() (slice, bool) {
	var s slice
	places := []*bound{&s.start, &s.stop, &s.step}
	place := 0
	for p.err == nil {
		switch t := p.peek(); {
		case t.kind == tokenColon && place < len(places)-1:
			place++
		case t.kind == tokenNumber && !places[place].set:
			n, err := strconv.ParseInt(t.text, 10, 64)
			if err != nil {
				p.fault(InvalidValue, t, "", "the index %s is beyond 64 bits", quote(t.text))
			}
			*places[place] = bound{n, true}
		default:
			return s, place > 0
		}
		p.next()
	}
	return s, place > 0
}
