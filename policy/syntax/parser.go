package syntax

import (
	"fmt"
	"slices"
	"strings"
)

// parser is a recursive descent with one token of lookahead. Every method that
// reads a piece of grammar returns false after an unexpected token, whereupon
// the rule is given up and reading resumes at the next one. Known mistakes with
// an obvious meaning are reported and read on, so that one rule can show several.
type parser struct {
	scanner scanner
	tok     token     // the next token
	prev    token     // the last token read
	before  tokenKind // the kind of the one before that

	diagnostics []Diagnostic
	// fault is the unexpected token that stopped the current rule. It waits
	// until the rule's end is found: see settle.
	fault       *Diagnostic
	faultStrays int

	version     Version
	rules       int
	nesting     int
	productions []string
}

func newParser(text string) *parser {
	p := &parser{scanner: scanner{text: text, pos: Position{Line: 1}}, productions: []string{"policy"}}
	p.tok = p.scanner.next()
	return p
}

func (p *parser) advance() {
	p.before, p.prev = p.prev.kind, p.tok
	p.tok = p.scanner.next()
}

// accept reads the next token if it is of that kind.
func (p *parser) accept(kind tokenKind) bool {
	if p.tok.kind != kind {
		return false
	}
	p.advance()
	return true
}

func (p *parser) expect(kind tokenKind) bool {
	return p.accept(kind) || p.unexpected(string(kind))
}

// semicolon reads the semicolon after what. Where it is missing it is reported
// and taken as read, provided that the next token can begin something new.
func (p *parser) semicolon(what string, fresh ...tokenKind) bool {
	if p.accept(tokenSemicolon) {
		return true
	}
	hint := fmt.Sprintf("end %s with ;", what)
	var related []Related
	if end := p.prev.rng.End; end.Line != p.tok.rng.Start.Line {
		hint += fmt.Sprintf(" on line %d", end.Line)
		related = []Related{{Range{end, end}, "the ; is missing here"}}
	}
	if p.tok.kind != tokenEOF && !slices.Contains(fresh, p.tok.kind) {
		p.unexpected(string(tokenSemicolon))
		if p.fault.Hint == "" {
			p.fault.Hint, p.fault.Related = hint, related
		}
		return false
	}
	p.report(Diagnostic{
		Code:     MissingSemicolon,
		Range:    p.tok.rng,
		Message:  fmt.Sprintf("found %s, expected ';' after %s", p.tok.shown(), what),
		Hint:     hint,
		Expected: []string{string(tokenSemicolon)},
		Related:  related,
	})
	return true
}

// unexpected notes that the next token is none of those expected. It returns
// false, for the caller to return.
func (p *parser) unexpected(expected ...string) bool {
	return p.stop(Diagnostic{
		Code:     UnexpectedToken,
		Range:    p.tok.rng,
		Message:  fmt.Sprintf("found %s, expected %s", p.tok.shown(), alternatives(expected)),
		Hint:     p.hint(expected),
		Expected: expected,
	})
}

// stop notes what makes it impossible to read on. It returns false.
func (p *parser) stop(d Diagnostic) bool {
	d = p.complete(d)
	p.fault, p.faultStrays = &d, p.tok.strays
	return false
}

// settle reports the fault that stopped a rule, unless stray characters since
// the rule's beginning or an open string explain it.
func (p *parser) settle(straysBefore int) {
	if p.fault == nil {
		return
	}
	explained := max(p.faultStrays, p.prev.strays) > straysBefore || p.scanner.swallowed && p.fault.Found == string(tokenEOF)
	if !explained {
		p.append(*p.fault)
	}
	p.fault = nil
}

// report tells of a fault that does not keep the parser from reading on.
func (p *parser) report(d Diagnostic) { p.append(p.complete(d)) }

func (p *parser) append(d Diagnostic) {
	if !p.full() {
		p.diagnostics = append(p.diagnostics, d)
	}
}

// full reports whether no more faults of grammar will be told.
func (p *parser) full() bool { return len(p.diagnostics) == maxDiagnostics }

// drain moves to the end of the text, for the faults of characters in it.
func (p *parser) drain() {
	for p.tok.kind != tokenEOF {
		p.advance()
	}
}

func (p *parser) complete(d Diagnostic) Diagnostic {
	d.Found = d.Range.Of(p.scanner.text)
	if d.Found == "" {
		d.Found = string(tokenEOF)
	}
	d.Production = strings.Join(p.productions, " > ")
	return d
}

// enter names the production that is read from here on; the function that it
// returns goes back.
func (p *parser) enter(production string) func() {
	p.productions = append(p.productions, production)
	return func() { p.productions = p.productions[:len(p.productions)-1] }
}

// limit stops where there are more than most of something.
func (p *parser) limit(count, most int, what string) bool {
	if count < most {
		return true
	}
	return p.stop(Diagnostic{
		Code:    TooLarge,
		Range:   p.tok.rng,
		Message: fmt.Sprintf("too many %s, at most %d are read", what, most),
	})
}

// needs reports a form that the policy's version does not have.
func (p *parser) needs(v Version, at Range, what string) {
	if p.version == 0 || p.version >= v {
		return
	}
	p.report(Diagnostic{
		Code:    NeedsVersion,
		Range:   at,
		Message: fmt.Sprintf("%s needs version %s, and this policy says version %s", what, v, p.version),
		Hint:    fmt.Sprintf("write version=%s;", v),
	})
}
