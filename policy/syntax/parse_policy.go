package syntax

import (
	"cmp"
	"fmt"
	"strings"
)

// policy reads the whole text.
func (p *parser) policy() *Policy {
	tree := new(Policy)
	if !p.versionStatement(tree) {
		p.skipToSection()
		p.settle(0)
		if p.tok.kind == tokenEOF {
			return tree // no policy at all: one fault says it
		}
	}
	order := sections{tree: tree}
	for p.tok.kind != tokenEOF {
		if p.full() {
			p.drain()
			break
		}
		strays := p.prev.strays
		if !p.section(&order) {
			p.skipToSection()
		}
		p.settle(strays)
	}
	if tree.Authorization == nil && !order.doubtful && !p.scanner.swallowed {
		p.report(Diagnostic{
			Code:     MissingSection,
			Range:    p.tok.rng,
			Message:  "the policy has no authorizationrules",
			Hint:     "add authorizationrules { … }; with the rules that permit: without any, nothing is permitted",
			Expected: []string{"'authorizationrules'"},
		})
	}
	return tree
}

// versionStatement reads "version = 1.1 ;".
func (p *parser) versionStatement(tree *Policy) bool {
	defer p.enter("versionInfo")()
	if p.tok.kind != tokenWord || !strings.EqualFold(p.tok.text, wordVersion) {
		return p.missingVersion()
	}
	p.advance()
	if !p.expect(tokenAssign) {
		return p.versionHint()
	}
	if p.tok.kind == tokenString {
		return p.quotedVersion(tree)
	}
	start := p.tok.rng.Start
	major := p.tok.text
	if !p.expect(tokenInteger) || !p.expect(tokenDot) {
		return p.versionHint()
	}
	minor := p.tok.text
	if !p.expect(tokenInteger) {
		return p.versionHint()
	}
	tree.VersionRange = Range{start, p.prev.rng.End}
	p.setVersion(tree, major+"."+minor)
	if tree.Version == 0 {
		p.report(Diagnostic{
			Code:     UnknownVersion,
			Range:    tree.VersionRange,
			Message:  fmt.Sprintf("there is no version %s of the policy language", quoted(major+"."+minor)),
			Hint:     "the versions are 1.0, 1.1 and 1.2",
			Expected: []string{"1.0", "1.1", "1.2"},
		})
	}
	if p.tok.kind == tokenDot {
		p.unexpected(string(tokenSemicolon))
		return p.versionHint()
	}
	return p.semicolon("the version", tokenWord)
}

func (p *parser) setVersion(tree *Policy, number string) {
	for v := V10; v <= V12; v++ {
		if v.String() == number {
			tree.Version, p.version = v, v
		}
	}
}

const firstStatement = "version=1.0; or version=1.1; or version=1.2;"

// versionHint adds to the fault what the statement looks like. It returns false.
func (p *parser) versionHint() bool {
	p.fault.Hint = "the first statement is " + firstStatement
	return false
}

func (p *parser) missingVersion() bool {
	d := Diagnostic{
		Code:     MissingVersion,
		Range:    p.tok.rng,
		Message:  fmt.Sprintf("found %s, expected 'version'", p.tok.shown()),
		Hint:     "a policy begins with " + firstStatement,
		Expected: []string{"'version'"},
	}
	switch _, section := sectionOf(p.tok); {
	case p.tok.kind == tokenEOF:
		d.Message = "the text is empty, expected a policy"
	case section:
	case p.tok.kind == tokenWord && Nearest(p.tok.text, []string{wordVersion}) != "":
		d.Hint = "did you mean version?"
	}
	return p.stop(d)
}

// quotedVersion reports a version in quotation marks and goes on as if it had
// none.
func (p *parser) quotedVersion(tree *Policy) bool {
	number := stringValue(p.tok)
	p.report(Diagnostic{
		Code:     UnexpectedToken,
		Range:    p.tok.rng,
		Message:  fmt.Sprintf("found %s, expected integer", p.tok.shown()),
		Hint:     "write the version without quotation marks: " + firstStatement,
		Expected: []string{string(tokenInteger)},
	})
	tree.VersionRange = p.tok.rng
	p.setVersion(tree, number)
	p.advance()
	return p.semicolon("the version", tokenWord)
}

// sections keeps track of which sections have been read.
type sections struct {
	tree *Policy
	last SectionKind
	// doubtful is set by a section out of place or with an unknown name: that
	// another one is missing then is no news.
	doubtful bool
}

func (s *sections) slot(kind SectionKind) **Section {
	switch kind {
	case Configuration:
		return &s.tree.Configuration
	case Authorization:
		return &s.tree.Authorization
	default:
		return &s.tree.Issuance
	}
}

// expected lists the sections that may come next.
func (s *sections) expected() []string {
	switch s.last {
	case 0:
		return []string{"'configurationrules'", "'authorizationrules'"}
	case Configuration:
		return []string{"'authorizationrules'"}
	case Authorization:
		return []string{"'issuancerules'", string(tokenEOF)}
	default:
		return []string{string(tokenEOF)}
	}
}

// section reads "name { rules } ;".
func (p *parser) section(order *sections) bool {
	name := p.tok
	if name.kind != tokenWord {
		p.unexpected(order.expected()...)
		p.fault.Hint = cmp.Or(p.fault.Hint, p.outsideHint(name, order.last))
		return false
	}
	p.advance()
	kind, known := sectionOf(name)
	switch {
	case known:
		p.place(order, kind, name)
	case !strings.EqualFold(name.text, wordVersion) && (p.tok.kind == tokenOpenBrace || p.tok.kind == tokenAssign):
		kind = p.misspelled(order, name)
	default:
		return p.stop(Diagnostic{
			Code:     UnexpectedToken,
			Range:    name.rng,
			Message:  fmt.Sprintf("found %s, expected %s", name.shown(), alternatives(order.expected())),
			Hint:     p.outsideHint(name, order.last),
			Expected: order.expected(),
		})
	}
	if kind == Configuration {
		p.needs(V11, name.rng, "configurationrules")
	}
	section := &Section{Kind: kind, Name: name.rng}
	if slot := order.slot(kind); kind != 0 && *slot == nil {
		*slot = section
	}
	order.last = max(order.last, kind)
	ok := p.body(section)
	section.Range = Range{name.rng.Start, p.prev.rng.End}
	return ok
}

// place reports a section that stands twice or too late.
func (p *parser) place(order *sections, kind SectionKind, name token) {
	switch {
	case *order.slot(kind) != nil:
		p.report(Diagnostic{
			Code:     DuplicateSection,
			Range:    name.rng,
			Message:  fmt.Sprintf("%s stands twice", kind),
			Hint:     "put all its rules into one section",
			Expected: order.expected(),
			Related:  []Related{{(*order.slot(kind)).Name, "the first one stands here"}},
		})
	case order.doubtful:
	case kind < order.last, kind == Issuance && order.last < Authorization:
		order.doubtful = true
		hint := ""
		if order.tree.Authorization == nil {
			hint = "authorizationrules must stand before it: "
		}
		p.report(Diagnostic{
			Code:     SectionOrder,
			Range:    name.rng,
			Message:  fmt.Sprintf("found %s, expected %s", name.shown(), alternatives(order.expected())),
			Hint:     hint + "the order is configurationrules, authorizationrules, issuancerules",
			Expected: order.expected(),
		})
	}
}

// misspelled reports a section with an unknown name and returns the one that was
// probably meant, 0 if none resembles it.
func (p *parser) misspelled(order *sections, name token) SectionKind {
	order.doubtful = true
	d := Diagnostic{
		Code:     UnknownSection,
		Range:    name.rng,
		Message:  fmt.Sprintf("found %s, expected %s", name.shown(), alternatives(order.expected())),
		Expected: order.expected(),
	}
	d.Hint = "the sections are configurationrules, authorizationrules and issuancerules"
	var meant SectionKind
	names := []string{Configuration.String(), Authorization.String(), Issuance.String()}
	if near := cmp.Or(Nearest(name.text, names), alike(name.text, names)); near != "" {
		d.Hint = "did you mean " + near + "?"
		meant, _ = sectionOf(token{kind: tokenWord, text: near})
	}
	p.report(d)
	return meant
}

// alike returns the name that begins as word does, "" if there is none.
func alike(word string, names []string) string {
	const enough = 4 // "auth", "conf", "issu"
	if len(word) < enough {
		return ""
	}
	for _, name := range names {
		if strings.EqualFold(word[:enough], name[:enough]) {
			return name
		}
	}
	return ""
}

// body reads the rules of a section and what encloses them.
func (p *parser) body(section *Section) bool {
	defer p.enter(section.Kind.production())()
	if p.tok.kind == tokenAssign {
		p.report(Diagnostic{
			Code:     SectionAssignment,
			Range:    p.tok.rng,
			Message:  "found '=', expected '{'",
			Hint:     "write { right after the section's name",
			Expected: []string{string(tokenOpenBrace)},
		})
		p.advance()
	}
	if p.tok.kind == tokenColon && strings.HasPrefix(strings.TrimLeft(p.scanner.text[p.scanner.pos.Offset:], " \t\r\n"), "{") {
		p.report(Diagnostic{
			Code:     UnexpectedToken,
			Range:    p.tok.rng,
			Message:  "found ':', expected '{'",
			Hint:     "remove the :",
			Expected: []string{string(tokenOpenBrace)},
		})
		p.advance()
	}
	section.Body.Start = p.tok.rng.Start
	if !p.expect(tokenOpenBrace) {
		return false
	}
	broken := -1 // where the last rule broke off
	for number := 1; p.tok.kind != tokenCloseBrace && !p.atSectionEnd(); number++ {
		if p.full() {
			p.drain()
			return true
		}
		if !p.limit(p.rules, maxRules, "rules") {
			return false
		}
		p.rules++
		strays := p.prev.strays
		if rule, ok := p.rule(); ok {
			rule.Number = number
			section.Rules = append(section.Rules, rule)
		} else {
			broken = p.fault.Range.Start.Offset
			p.skipRule()
			p.settle(strays)
		}
	}
	if p.tok.kind != tokenCloseBrace && p.tok.rng.Start.Offset == broken {
		return true // the section ended within its last rule, which has been said
	}
	if strays := p.prev.strays; !p.expect(tokenCloseBrace) {
		p.fault.Hint = "close the section with };"
		p.fault.Related = []Related{{section.Name, "the section that begins here is still open"}}
		p.settle(strays)
		return true
	}
	section.Body.End = p.prev.rng.End
	return p.semicolon("the section", tokenWord)
}

func (k SectionKind) production() string {
	switch k {
	case Configuration:
		return "configurationRules"
	case Authorization:
		return "authorizationRules"
	case Issuance:
		return "issuanceRules"
	}
	return "section"
}

// atSectionEnd reports whether a section must have ended before the next token,
// its closing brace forgotten.
func (p *parser) atSectionEnd() bool {
	_, section := sectionOf(p.tok)
	return section || p.tok.kind == tokenEOF
}

// skipRule moves behind the semicolon of a rule that was given up, or before
// what ends its section.
func (p *parser) skipRule() {
	braces := 0 // open ones within the rule, where JSON was meant
	for (p.tok.kind != tokenCloseBrace || braces > 0) && !p.atSectionEnd() {
		switch p.tok.kind {
		case tokenSemicolon:
			p.advance()
			return
		case tokenOpenBrace:
			braces++
		case tokenCloseBrace:
			braces--
		default:
		}
		p.advance()
	}
}

// skipToSection moves before the next section.
func (p *parser) skipToSection() {
	for !p.atSectionEnd() {
		p.advance()
	}
}
