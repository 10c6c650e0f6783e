package syntax

import (
	"cmp"
	"fmt"
)

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
	if !p.accept(tokenOpenParen) {
		p.unexpected(string(tokenOpenParen))
		if known {
			p.fault.Hint = callHint(verb)
		}
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
	if near := cmp.Or(Nearest(name.text, verbs), foreignVerb(name.text)); near != "" {
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
	if p.accept(tokenCloseParen) {
		return true
	}
	p.unexpected(string(tokenCloseParen))
	switch p.tok.kind {
	case tokenDot:
		p.fault.Hint = fmt.Sprintf("claim=%[1]s takes whole claims; for their value write value=%[1]s.value", cut(name.text, maxQuoted))
	case tokenComma:
		p.fault.Hint = claimAloneHint
	default:
	}
	return false
}

// arguments reads "property=expression, …" and the closing parenthesis.
func (p *parser) arguments(action *Action) bool {
	defer p.enter("claimArgument")()
	for {
		if !p.limit(len(action.Arguments), maxArguments, "arguments of one action") {
			return false
		}
		start := p.tok.rng.Start
		property, ok := p.argument()
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

const claimAloneHint = "claim=… stands alone: the copy has the claim's own type, value and issuer"

// argument reads the name of a property that an action sets.
func (p *parser) argument() (Property, bool) {
	word := p.tok
	if _, known := propertyOf(word.text); known || word.kind != tokenWord {
		return p.property()
	}
	p.advance()
	hint := propertyHint(word.text)
	switch {
	case word.text == wordTrue || word.text == wordFalse:
		hint = "name the property: value=" + word.text
	case word.text == wordClaim:
		hint = claimAloneHint
	case p.tok.kind == tokenCloseParen, p.tok.kind == tokenComma:
		hint = fmt.Sprintf("for the claim itself write claim=%[1]s, for a new one type=…, value=%[1]s.value", cut(word.text, maxQuoted))
	case p.tok.kind == tokenAssign:
		p.report(unknownProperty(word, hint))
		return 0, true
	}
	return 0, p.stop(unknownProperty(word, hint))
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
