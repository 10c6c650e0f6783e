package syntax

import (
	"fmt"
	"strings"
)

// ruleStarts are the tokens with which a rule can begin.
var ruleStarts = [...]tokenKind{tokenOpenBracket, tokenWord, tokenNot, tokenArrow, tokenCloseBrace}

// rule reads "conditions => action ;".
func (p *parser) rule() (*Rule, bool) {
	defer p.enter("claimRule")()
	rule := &Rule{Range: Range{Start: p.tok.rng.Start}}
	if p.tok.kind != tokenArrow && !p.conditions(rule) {
		return nil, false
	}
	if !p.accept(tokenArrow) {
		return nil, p.unexpected(string(tokenAnd), string(tokenArrow))
	}
	action, ok := p.action()
	if !ok {
		return nil, false
	}
	rule.Action = action
	if p.atSecondAction() {
		return nil, p.stop(Diagnostic{
			Code:     SeveralActions,
			Range:    p.tok.rng,
			Message:  fmt.Sprintf("found %s, expected ';' after the rule", p.tok.shown()),
			Hint:     "a rule has one action: write a second rule with the same conditions",
			Expected: []string{string(tokenSemicolon)},
		})
	}
	if !p.semicolon("the rule", ruleStarts[:]...) {
		return nil, false
	}
	rule.Range.End = p.prev.rng.End
	return rule, true
}

// atSecondAction reports whether the rule goes on where it should have ended.
func (p *parser) atSecondAction() bool {
	_, verb := verbOf(p.tok.text)
	return verb || p.tok.kind == tokenComma || p.tok.kind == tokenAnd
}

func (p *parser) conditions(rule *Rule) bool {
	for {
		if !p.limit(len(rule.Conditions), maxConditions, "conditions in one rule") {
			return false
		}
		condition, ok := p.condition()
		if !ok {
			return false
		}
		rule.Conditions = append(rule.Conditions, condition)
		if !p.accept(tokenAnd) {
			return true
		}
	}
}

// condition reads "name:[tests]".
func (p *parser) condition() (*Condition, bool) {
	defer p.enter("condition")()
	condition := &Condition{Range: Range{Start: p.tok.rng.Start}}
	if p.tok.kind == tokenNot {
		p.needs(V12, p.tok.rng, "a condition with !")
		condition.Negated = true
		p.advance()
	}
	if p.tok.kind == tokenWord {
		name, joined := p.tok, p.prev
		p.advance()
		if verb, ok := verbOf(name.text); ok && p.tok.kind == tokenOpenParen {
			return nil, p.noArrow(verb, joined, name)
		}
		if !p.expect(tokenColon) {
			return nil, false
		}
		condition.Name = p.identifier(name)
	}
	if p.tok.kind != tokenOpenBracket {
		if condition.Name != nil || condition.Negated {
			return nil, p.unexpected(string(tokenOpenBracket))
		}
		return nil, p.unexpected(string(tokenOpenBracket), string(tokenWord), string(tokenArrow))
	}
	p.advance()
	if !p.accept(tokenCloseBracket) && !p.tests(condition) {
		return nil, false
	}
	condition.Range.End = p.prev.rng.End
	return condition, true
}

// noArrow stops at an action that stands where a condition should, behind the
// token joined. It returns false.
func (p *parser) noArrow(verb Verb, joined, name token) bool {
	d := Diagnostic{
		Code:     UnexpectedToken,
		Range:    name.rng,
		Message:  fmt.Sprintf("found %s, expected '=>' before it", name.shown()),
		Hint:     fmt.Sprintf("=> stands before %s", verb),
		Expected: []string{string(tokenArrow)},
	}
	if joined.kind == tokenAnd {
		d.Message = fmt.Sprintf("found '&&' before %s, expected '=>'", name.shown())
		d.Hint = fmt.Sprintf("write => %[1]s in place of && %[1]s", verb)
	}
	return p.stop(d)
}

// identifier makes an identifier of a word, which must not have a meaning of
// its own: the service's generated parser keeps such words for itself.
func (p *parser) identifier(word token) *Identifier {
	if len(word.text) > maxIdentifier {
		p.report(Diagnostic{
			Code:    TooLarge,
			Range:   word.rng,
			Message: fmt.Sprintf("the identifier has %d bytes, at most %d are read", len(word.text), maxIdentifier),
		})
		word.text = word.text[:maxIdentifier]
	}
	if isReserved(word) {
		p.report(Diagnostic{
			Code:    ReservedWord,
			Range:   word.rng,
			Message: fmt.Sprintf("%s is a word of the language and cannot be an identifier", word.shown()),
			Hint:    "choose another name, c for example",
		})
	}
	return &Identifier{Range: word.rng, Name: word.text}
}

// tests reads what stands between brackets, and the closing one.
func (p *parser) tests(condition *Condition) bool {
	for {
		if !p.limit(len(condition.Tests), maxTests, "comparisons in one condition") {
			return false
		}
		test, ok := p.test()
		if !ok {
			return false
		}
		condition.Tests = append(condition.Tests, test)
		if p.accept(tokenCloseBracket) {
			return true
		}
		if p.accept(tokenComma) {
			continue
		}
		p.unexpected(string(tokenComma), string(tokenCloseBracket))
		if !p.goesOn() {
			return false
		}
	}
}

// goesOn reports the fault at once and passes over the next token, if it stands
// where a comma should and a comparison follows.
func (p *parser) goesOn() bool {
	if p.tok.kind != tokenSemicolon && p.tok.kind != tokenAnd {
		return false
	}
	rest := strings.TrimLeft(p.scanner.text[p.scanner.pos.Offset:], " \t\r\n")
	for property := Type; property <= Issuer; property++ {
		if strings.HasPrefix(rest, property.String()) {
			p.append(*p.fault)
			p.fault = nil
			p.advance()
			return true
		}
	}
	return false
}

// test reads "property == expression".
func (p *parser) test() (*Test, bool) {
	start := p.tok.rng.Start
	property, ok := p.property()
	if !ok {
		return nil, false
	}
	operator, ok := operatorOf(p.tok.kind)
	if wrong, found := p.wrongOperator(); found {
		operator, ok = wrong, true
	} else if p.tok.kind == tokenAssign {
		p.report(Diagnostic{
			Code:     AssignmentInCondition,
			Range:    p.tok.rng,
			Message:  "found '=', expected a comparison operator",
			Hint:     "equality is written ==",
			Expected: []string{"comparison operator"},
		})
		operator, ok = Equal, true
	}
	if !ok {
		return nil, p.unexpected("comparison operator")
	}
	p.advance()
	operand, ok := p.expression()
	if !ok {
		return nil, false
	}
	return &Test{
		Range:    Range{start, p.prev.rng.End},
		Property: property,
		Operator: operator,
		Operand:  operand,
	}, true
}

// property reads the name of a claim's property. An unknown one is reported and
// returned as 0.
func (p *parser) property() (Property, bool) {
	if p.tok.kind != tokenWord {
		return 0, p.unexpected("claim property")
	}
	property, known := propertyOf(p.tok.text)
	if !known && !p.isTorn(p.tok) {
		p.report(unknownProperty(p.tok, propertyHint(p.tok.text)))
	}
	p.advance()
	return property, true
}

// isTorn reports whether a word is a piece of a bare claim type, x-ms-a or $a:
// its other characters have been or will be reported.
func (p *parser) isTorn(word token) bool {
	text, start, end := p.scanner.text, word.rng.Start.Offset, word.rng.End.Offset
	return start > 0 && text[start-1] == '$' || end < len(text) && text[end] == '-'
}

func unknownProperty(word token, hint string) Diagnostic {
	return Diagnostic{
		Code:     UnknownProperty,
		Range:    word.rng,
		Message:  fmt.Sprintf("found %s, expected a claim property", word.shown()),
		Hint:     hint,
		Expected: []string{"claim property"},
	}
}
