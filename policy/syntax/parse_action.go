package syntax

import "fmt"

// action reads what a rule does.
func (p *parser) action() (*Action, bool) {
	defer p.enter("action")()
	name := p.tok
	if name.kind != tokenWord {
		return nil, p.unexpected("action")
	}
	verb, known := verbOf(name.text)
	if !known {
		p.unknownAction(name)
	}
	p.advance()
	action := &Action{Verb: verb}
	if !p.expect(tokenOpenParen) {
		return nil, false
	}
	switch {
	case verb == Permit || verb == Deny:
		if !p.accept(tokenCloseParen) {
			p.unexpected(string(tokenCloseParen))
			p.fault.Hint = fmt.Sprintf("%s takes no arguments", verb)
			return nil, false
		}
	case !known && p.accept(tokenCloseParen):
	case p.tok.kind == tokenWord && p.tok.text == wordClaim:
		if !p.claim(action) {
			return nil, false
		}
	default:
		if !p.arguments(action) {
			return nil, false
		}
	}
	action.Range = Range{name.rng.Start, p.prev.rng.End}
	return action, true
}

func (p *parser) unknownAction(name token) {
	verbs := []string{Permit.String(), Deny.String(), Add.String(), Issue.String(), IssueProperty.String()}
	hint := "the actions are " + alternatives(verbs)
	if near := Nearest(name.text, verbs); near != "" {
		hint = "did you mean " + near + "?"
	}
	p.report(Diagnostic{
		Code:     UnknownAction,
		Range:    name.rng,
		Message:  fmt.Sprintf("found %s, expected an action", name.shown()),
		Hint:     hint,
		Expected: []string{"action"},
	})
}

// claim reads "claim=c" and the closing parenthesis.
func (p *parser) claim(action *Action) bool {
	defer p.enter("claimArgument")()
	p.advance()
	if !p.assign() {
		return false
	}
	if p.tok.kind != tokenWord {
		return p.unexpected(string(tokenWord))
	}
	name := p.tok
	p.advance()
	action.Claim = p.identifier(name)
	return p.expect(tokenCloseParen)
}

// arguments reads "property=expression, …" and the closing parenthesis.
func (p *parser) arguments(action *Action) bool {
	defer p.enter("claimArgument")()
	for {
		if !p.limit(len(action.Arguments), maxArguments, "arguments of one action") {
			return false
		}
		start := p.tok.rng.Start
		property, ok := p.property()
		if !ok || !p.assign() {
			return false
		}
		value, ok := p.expression()
		if !ok {
			return false
		}
		action.Arguments = append(action.Arguments, &Argument{
			Range:    Range{start, p.prev.rng.End},
			Property: property,
			Value:    value,
		})
		if p.accept(tokenCloseParen) {
			return true
		}
		if !p.accept(tokenComma) {
			return p.unexpected(string(tokenComma), string(tokenCloseParen))
		}
	}
}

// assign reads the "=" of an argument.
func (p *parser) assign() bool {
	if p.tok.kind != tokenEqual {
		return p.expect(tokenAssign)
	}
	p.report(Diagnostic{
		Code:     ComparisonInAction,
		Range:    p.tok.rng,
		Message:  "found '==', expected '='",
		Hint:     "an action sets its claim's properties with =",
		Expected: []string{string(tokenAssign)},
	})
	p.advance()
	return true
}
