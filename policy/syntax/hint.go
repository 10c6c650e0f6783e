package syntax

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Hints that several mistakes share.
const (
	doesHint      = "say what the rule does: … => permit(); or … => deny();"
	noOrHint      = "there is no or: write a second rule with the same action"
	andHint       = "and is written &&"
	arrowHint     = "conditions and action are joined by =>"
	bracketsHint  = `conditions stand in brackets: [type=="…", value==…]`
	insideHint    = "within brackets, comparisons are separated by ,"
	quoteHint     = `a quotation mark within a string is written \"`
	noListHint    = "there are no lists: write one rule for each value"
	noRegexHint   = "there are no regular expressions: compare whole values with == or !=, one rule for each"
	negateHint    = "to negate a Boolean write NegateBool(c.value), from version 1.2"
	negationHint  = "no claim may pass is written ![…], from version 1.2"
	placeholderIn = "put a value in place of the placeholder %s"
)

// hint guesses what the writer of an unexpected token meant.
func (p *parser) hint(expected []string) string {
	wants := func(kind tokenKind) bool { return slices.Contains(expected, string(kind)) }
	if hint := p.anywhereHint(); hint != "" {
		return hint
	}
	switch {
	case wants(tokenAnd):
		return p.afterConditionHint()
	case wants(tokenCloseBracket):
		return p.withinBracketsHint()
	case wants(tokenColon):
		return p.afterNameHint()
	case wants(tokenOpenBracket):
		return p.conditionHint()
	case wants(tokenCloseParen):
		return p.withinParenthesesHint()
	case wants(tokenString):
		return p.valueHint()
	}
	switch expected[0] {
	case "claim property":
		return p.missingPropertyHint()
	case "comparison operator":
		return p.operatorHint()
	case "action":
		return p.actionHint()
	case string(tokenOpenBrace):
		return "the rules of a section stand between { and };"
	case string(tokenWord):
		return "claim=c copies the claim that a condition has named c:[…]; for a new one write type=…, value=…"
	}
	return ""
}

// closers are the signs that are easily typed once too often.
var closers = [...]tokenKind{tokenSemicolon, tokenCloseBracket, tokenCloseParen, tokenComma, tokenColon}

// anywhereHint knows mistakes that are the same wherever they stand.
func (p *parser) anywhereHint() string {
	afterInteger := p.prev.kind == tokenInteger && p.prev.rng.End.Offset == p.tok.rng.Start.Offset
	afterString := p.prev.kind == tokenString && (p.tok.kind == tokenString || p.prev.rng.End.Offset == p.tok.rng.Start.Offset)
	switch {
	case p.tok.kind == tokenLess:
		if name, ok := placeholderAround(p.scanner.text, p.tok.rng.Start.Offset); ok {
			return fmt.Sprintf(placeholderIn, quoted(name))
		}
	case p.tok.kind == tokenDot && afterInteger:
		return "there are no fractions, only integers"
	case p.tok.kind == tokenWord && afterInteger && p.prev.text == "0" && (p.tok.text[0] == 'x' || p.tok.text[0] == 'X'):
		return hexadecimalHint(p.tok.text[1:])
	case p.tok.kind == tokenWord && afterInteger:
		return "integers are written in decimal digits alone; text stands in \""
	case p.tok.kind == p.prev.kind && slices.Contains(closers[:], p.tok.kind):
		return fmt.Sprintf("remove the second %s", p.tok.text)
	case afterString && (p.tok.kind == tokenWord || p.tok.kind == tokenString):
		return quoteHint
	}
	return ""
}

// afterConditionHint is for what stands where "&&" or "=>" should.
func (p *parser) afterConditionHint() string {
	switch p.tok.kind {
	case tokenAssign, tokenEqual, tokenGreater, tokenGreaterOrEqual, tokenColon:
		return arrowHint
	case tokenComma, tokenOpenBracket:
		return "conditions are joined by &&"
	case tokenSemicolon:
		return doesHint
	case tokenWord:
		if verb, ok := verbOf(p.tok.text); ok {
			return fmt.Sprintf("=> stands before %s", verb)
		}
		switch strings.ToLower(p.tok.text) {
		case "and":
			return andHint
		case "or":
			return noOrHint
		}
		return arrowHint
	default:
		return ""
	}
}

// withinBracketsHint is for what stands where "," or "]" should.
func (p *parser) withinBracketsHint() string {
	switch p.tok.kind {
	case tokenAnd, tokenSemicolon:
		return insideHint
	case tokenArrow, tokenCloseParen, tokenCloseBrace:
		return "close the condition with ]"
	case tokenWord:
		if _, ok := propertyOf(p.tok.text); ok || strings.EqualFold(p.tok.text, "and") {
			return insideHint
		}
		if strings.EqualFold(p.tok.text, "or") {
			return noOrHint
		}
		return ""
	case tokenEqual, tokenNotEqual, tokenLess, tokenLessOrEqual, tokenGreater, tokenGreaterOrEqual:
		return "a comparison has one operator: for a range write value>=1, value<=5"
	default:
		return ""
	}
}

// afterNameHint is for what stands where ":" should, after a word that should
// have been a condition's name.
func (p *parser) afterNameHint() string {
	word := strings.ToLower(p.prev.text)
	_, property := propertyOf(p.prev.text)
	verb, isVerb := verbOf(p.prev.text)
	switch {
	case isVerb && p.before == tokenAnd:
		return fmt.Sprintf("write => %[1]s in place of && %[1]s", verb)
	case isVerb:
		return fmt.Sprintf("=> stands before %s", verb)
	case property:
		return bracketsHint
	case word == "not":
		return negationHint
	case Foreign(word) != "":
		return Foreign(word)
	case word == "and":
		return andHint
	case word == "or":
		return noOrHint
	case p.tok.kind == tokenOpenBracket:
		return "the name of a condition ends with a colon: c:[…]"
	}
	return bracketsHint
}

// conditionHint is for what stands where a condition should begin.
func (p *parser) conditionHint() string {
	switch {
	case p.tok.kind == tokenArrow && p.prev.kind == tokenAnd:
		return "remove the && before =>"
	case p.tok.kind == tokenAnd && p.prev.kind == tokenAnd:
		return "remove the second &&"
	case p.prev.kind == tokenNot && p.tok.kind == tokenNot:
		return "! stands once"
	case p.tok.kind == tokenEqual, p.tok.kind == tokenAssign, p.tok.kind == tokenGreaterOrEqual:
		return "a rule without conditions begins with =>"
	case p.tok.kind == tokenOpenParen, p.tok.kind == tokenString, p.tok.kind == tokenInteger:
		return bracketsHint
	}
	return ""
}

// withinParenthesesHint is for what stands where "," or ")" should.
func (p *parser) withinParenthesesHint() string {
	switch p.tok.kind {
	case tokenSemicolon, tokenCloseBrace, tokenCloseBracket, tokenArrow:
		return "close it with )"
	case tokenAnd:
		return "arguments are separated by ,"
	case tokenWord:
		if _, ok := propertyOf(p.tok.text); ok {
			return "arguments are separated by ,"
		}
		if strings.EqualFold(p.tok.text, "and") {
			return "arguments are separated by ,"
		}
		return ""
	default:
		return ""
	}
}

// valueHint is for what stands where a value should.
func (p *parser) valueHint() string {
	switch p.tok.kind {
	case tokenOpenBracket, tokenOpenParen:
		return noListHint
	case tokenOpenBrace:
		return `JSON stands in a string: "{\"a\": 1}"`
	case tokenNot:
		return negateHint
	case tokenLess:
		return "put a value in place of <…"
	case tokenCloseParen, tokenCloseBracket, tokenComma, tokenSemicolon, tokenArrow, tokenAnd:
		if p.prev.kind == tokenComma {
			return fmt.Sprintf("remove the comma before %s", strings.Trim(string(p.tok.kind), "'"))
		}
		return "the value is missing"
	case tokenDot:
		return "there are no fractions, only integers"
	default:
		return ""
	}
}

// missingPropertyHint is for what stands where type, value, … should.
func (p *parser) missingPropertyHint() string {
	switch {
	case p.tok.kind == tokenString && p.prev.kind == tokenOpenBracket:
		return fmt.Sprintf("name the property: type==%s", inDoubleQuotes(p.tok))
	case p.tok.kind == tokenString && p.prev.kind == tokenOpenParen:
		return fmt.Sprintf("name the property: type=%s", inDoubleQuotes(p.tok))
	case p.tok.kind == tokenString, p.tok.kind == tokenInteger:
		return "name the property: value=…"
	case p.prev.kind == tokenComma && (p.tok.kind == tokenCloseBracket || p.tok.kind == tokenCloseParen):
		return fmt.Sprintf("remove the comma before %s", strings.Trim(string(p.tok.kind), "'"))
	case p.prev.kind == tokenDot:
		return "after the dot stands type, value, valueType or issuer: c.value"
	case p.tok.kind == tokenCloseParen:
		return "say which claim: (type=…, value=…) or (claim=c)"
	case p.tok.kind == tokenNot:
		return "! stands before the bracket: ![…], from version 1.2"
	}
	return ""
}

// inDoubleQuotes is a string as the policy has it, shortened.
func inDoubleQuotes(t token) string {
	if len(t.text) > maxQuoted || plain(t.text) != t.text {
		return "…"
	}
	return t.text
}

// operatorHint is for what stands where == or its like should.
func (p *parser) operatorHint() string {
	switch p.tok.kind {
	case tokenColon:
		return "equality is written =="
	case tokenNot:
		return "not equal is written !="
	case tokenComma, tokenCloseBracket:
		return fmt.Sprintf("compare it with something: %s==…", cut(p.prev.text, maxQuoted))
	case tokenWord:
		switch strings.ToLower(p.tok.text) {
		case "in":
			return noListHint
		case "eq", "is", "equals":
			return "equality is written =="
		case "ne", "not":
			return "not equal is written !="
		case "contains", "like", "matches", "startswith", "endswith":
			return "there is no search in text: compare whole values with == or !=, one rule for each"
		}
		return "the operators are ==, !=, <, <=, > and >="
	case tokenArrow, tokenCloseParen:
		return fmt.Sprintf("compare it with something: %s==…, and close the condition with ]", cut(p.prev.text, maxQuoted))
	case tokenOpenParen:
		return "functions stand on the right-hand side: value==F(…)"
	default:
		return "the operators are ==, !=, <, <=, > and >="
	}
}

// actionHint is for what stands where an action should.
func (p *parser) actionHint() string {
	switch p.tok.kind {
	case tokenOpenParen:
		return "say what to do with the claim: => issue(…)"
	case tokenOpenBracket:
		return "conditions stand before =>"
	case tokenSemicolon, tokenCloseBrace:
		return doesHint
	default:
		return ""
	}
}

// outsideHint is for what stands where a section should begin.
func (p *parser) outsideHint(t token, last SectionKind) string {
	_, verb := verbOf(t.text)
	switch {
	case t.kind == tokenArrow, t.kind == tokenOpenBracket, t.kind == tokenNot, verb, t.kind == tokenWord && p.tok.kind == tokenColon:
		return "rules stand within a section: authorizationrules { … };"
	case t.kind == tokenCloseBrace:
		return "there is one } too many"
	case t.kind == tokenWord && strings.EqualFold(t.text, wordVersion):
		return "the version stands once, in front"
	case t.kind == tokenWord && last == 0:
		return "the sections are configurationrules, authorizationrules and issuancerules"
	case t.kind == tokenSemicolon:
		return "remove the ;"
	}
	return "nothing but a section can stand here: remove what is no policy"
}

// propertyHint says what a word that is no property may have meant.
func propertyHint(word string) string {
	properties := []string{Type.String(), Value.String(), ValueType.String(), Issuer.String()}
	switch strings.ToLower(word) {
	case "store", "types", "query", "param":
		return "there are no attribute stores: claims come from the evidence and from rules"
	case "exists", "count", "not":
		return Foreign(word)
	}
	if near := Nearest(word, properties); near != "" {
		return "did you mean " + near + "?"
	}
	return "a claim has " + alternatives(properties)
}

// bareWordHint says what a word that stands alone as a value may have meant.
func bareWordHint(word string) string {
	switch strings.ToLower(word) {
	case "null", "nil", "none", "undefined":
		return "there is no null: a claim that is not there passes no condition"
	case "not":
		return negateHint
	}
	if len(word) > maxIdentifier {
		return ""
	}
	return fmt.Sprintf("a claim's value is %[1]s.value, the text is %[1]q", word)
}

// callHint says how a verb is followed.
func callHint(verb Verb) string {
	if verb == Permit || verb == Deny {
		return fmt.Sprintf("write %s()", verb)
	}
	return fmt.Sprintf("write %s(type=…, value=…)", verb)
}

// hexadecimalHint says what a hexadecimal number would be in decimal.
func hexadecimalHint(digits string) string {
	i, err := strconv.ParseInt(digits, 16, 64)
	if err != nil {
		return "integers are written in decimal"
	}
	return fmt.Sprintf("integers are written in decimal: %d", i)
}
