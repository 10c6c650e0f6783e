package syntax

import "strings"

// tokenKind says what a token is. Signs are their own kind, in single quotes as
// messages show them.
type tokenKind string

const (
	tokenEOF     tokenKind = "<EOF>"
	tokenWord    tokenKind = "identifier"
	tokenString  tokenKind = "string"
	tokenInteger tokenKind = "integer"

	tokenOpenBrace      tokenKind = "'{'"
	tokenCloseBrace     tokenKind = "'}'"
	tokenOpenBracket    tokenKind = "'['"
	tokenCloseBracket   tokenKind = "']'"
	tokenOpenParen      tokenKind = "'('"
	tokenCloseParen     tokenKind = "')'"
	tokenSemicolon      tokenKind = "';'"
	tokenColon          tokenKind = "':'"
	tokenComma          tokenKind = "','"
	tokenDot            tokenKind = "'.'"
	tokenNot            tokenKind = "'!'"
	tokenAnd            tokenKind = "'&&'"
	tokenAssign         tokenKind = "'='"
	tokenArrow          tokenKind = "'=>'"
	tokenEqual          tokenKind = "'=='"
	tokenNotEqual       tokenKind = "'!='"
	tokenLess           tokenKind = "'<'"
	tokenLessOrEqual    tokenKind = "'<='"
	tokenGreater        tokenKind = "'>'"
	tokenGreaterOrEqual tokenKind = "'>='"
)

// signAt returns the token made of punctuation with which rest begins, and its
// length, "" and 0 if none does.
func signAt(rest string) (tokenKind, int) {
	second := byte(0)
	if len(rest) > 1 {
		second = rest[1]
	}
	switch rest[0] {
	case '=':
		switch second {
		case '=':
			return tokenEqual, 2
		case '>':
			return tokenArrow, 2
		}
		return tokenAssign, 1
	case '&':
		if second == '&' {
			return tokenAnd, 2
		}
	case '!':
		if second == '=' {
			return tokenNotEqual, 2
		}
		return tokenNot, 1
	case '>':
		if second == '=' {
			return tokenGreaterOrEqual, 2
		}
		return tokenGreater, 1
	case '<':
		if second == '=' {
			return tokenLessOrEqual, 2
		}
		return tokenLess, 1
	case '[':
		return tokenOpenBracket, 1
	case ']':
		return tokenCloseBracket, 1
	case '(':
		return tokenOpenParen, 1
	case ')':
		return tokenCloseParen, 1
	case ',':
		return tokenComma, 1
	case ';':
		return tokenSemicolon, 1
	case ':':
		return tokenColon, 1
	case '.':
		return tokenDot, 1
	case '{':
		return tokenOpenBrace, 1
	case '}':
		return tokenCloseBrace, 1
	}
	return "", 0
}

type token struct {
	kind tokenKind
	// text is the token as the policy has it, a string with its quotation marks.
	text string
	rng  Range
	// strays counts the faults of single characters up to the token's end, so
	// that the parser can tell whether there were any within a rule.
	strays int
}

// shown is the token as messages name it.
func (t token) shown() string {
	if t.kind == tokenEOF {
		return string(tokenEOF)
	}
	return quoted(t.text)
}

// Words with a meaning. None of them can name what a condition binds.
const (
	wordVersion = "version"
	wordClaim   = "claim"
	wordTrue    = "true"
	wordFalse   = "false"
)

func verbOf(word string) (Verb, bool) {
	for v := Permit; v <= IssueProperty; v++ {
		if v.String() == word {
			return v, true
		}
	}
	return 0, false
}

func propertyOf(word string) (Property, bool) {
	for p := Type; p <= Issuer; p++ {
		if p.String() == word {
			return p, true
		}
	}
	return 0, false
}

func operatorOf(kind tokenKind) (Operator, bool) {
	switch kind {
	case tokenEqual:
		return Equal, true
	case tokenNotEqual:
		return NotEqual, true
	case tokenLess:
		return Less, true
	case tokenLessOrEqual:
		return LessOrEqual, true
	case tokenGreater:
		return Greater, true
	case tokenGreaterOrEqual:
		return GreaterOrEqual, true
	default:
		return 0, false
	}
}

func sectionOf(t token) (SectionKind, bool) {
	if t.kind != tokenWord {
		return 0, false
	}
	for k := Configuration; k <= Issuance; k++ {
		if strings.EqualFold(t.text, k.String()) {
			return k, true
		}
	}
	return 0, false
}

// isReserved reports whether word has a meaning of its own and so cannot be an
// identifier.
func isReserved(t token) bool {
	_, verb := verbOf(t.text)
	_, property := propertyOf(t.text)
	_, section := sectionOf(t)
	return verb || property || section || t.text == wordClaim || t.text == wordTrue || t.text == wordFalse || strings.EqualFold(t.text, wordVersion)
}
