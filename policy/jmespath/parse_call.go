package jmespath

import "fmt"

// call reads the arguments of the function called name.
func (p *parser) call(name token) *expr {
	p.next() // the parenthesis
	var args []*expr
	if p.peek().kind == tokenCloseParen {
		p.next()
	} else {
		args = p.sequence(tokenCloseParen, p.argument)
	}
	x := newExpr(opCall, name.offset, args...)
	if p.err == nil {
		x.function = p.resolve(name, args)
	}
	return x
}

func (p *parser) argument() *expr {
	t := p.peek()
	if t.kind != tokenExpression {
		return p.expression(0)
	}
	p.next()
	return newExpr(opReference, t.offset, p.expression(0))
}

// resolve finds a function and checks what can be known of its arguments now.
func (p *parser) resolve(name token, args []*expr) *function {
	f, known := functions[name.text]
	if !known {
		p.fault(UnknownFunction, name, "", "no function is called %s%s", quote(name.text), suggestion(name.text))
		return nil
	}
	least := len(f.params)
	if len(args) < least || len(args) > least && !f.variadic {
		p.fault(InvalidArity, name, "", "%s takes %s, found %d", name.text, f.arity(), len(args))
		return nil
	}
	for i, arg := range args {
		if wanted := f.param(i) == typeExpression; wanted != (arg.op == opReference) {
			at := token{offset: arg.offset}
			if wanted {
				p.fault(InvalidType, at, "'&'", "argument %d of %s is an expression to apply: write & before it", i+1, name.text)
			} else {
				p.fault(InvalidType, at, "", "argument %d of %s is a value, not an expression to apply: take the & away", i+1, name.text)
			}
			return nil
		}
	}
	return f
}

// arity says how many arguments f takes.
func (f *function) arity() string {
	switch n := len(f.params); {
	case n == 1 && f.variadic:
		return "1 argument or more"
	case n == 1:
		return "1 argument"
	default:
		return fmt.Sprintf("%d arguments", n)
	}
}
