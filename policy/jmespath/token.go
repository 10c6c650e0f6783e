package jmespath

// tokenKind is what the parser tells tokens by. For those with one spelling it
// is the spelling.
type tokenKind string

const (
	tokenEnd        tokenKind = "the end"
	tokenIdentifier tokenKind = "a name"
	tokenQuoted     tokenKind = "a quoted name"
	tokenLiteral    tokenKind = "a literal" // `…` or '…'
	tokenNumber     tokenKind = "an integer"

	tokenDot          tokenKind = "."
	tokenStar         tokenKind = "*"
	tokenFlatten      tokenKind = "[]"
	tokenFilter       tokenKind = "[?"
	tokenOpenBracket  tokenKind = "["
	tokenCloseBracket tokenKind = "]"
	tokenOpenParen    tokenKind = "("
	tokenCloseParen   tokenKind = ")"
	tokenOpenBrace    tokenKind = "{"
	tokenCloseBrace   tokenKind = "}"
	tokenComma        tokenKind = ","
	tokenColon        tokenKind = ":"
	tokenCurrent      tokenKind = "@"
	tokenExpression   tokenKind = "&"
	tokenAnd          tokenKind = "&&"
	tokenOr           tokenKind = "||"
	tokenPipe         tokenKind = "|"
	tokenNot          tokenKind = "!"
	tokenEqual        tokenKind = "=="
	tokenNotEqual     tokenKind = "!="
	tokenLess         tokenKind = "<"
	tokenLessEqual    tokenKind = "<="
	tokenGreater      tokenKind = ">"
	tokenGreaterEqual tokenKind = ">="
)

// signs are the tokens with one spelling, the longer before what they begin
// with.
var signs = []tokenKind{
	tokenFlatten, tokenFilter, tokenAnd, tokenOr, tokenEqual, tokenNotEqual, tokenLessEqual, tokenGreaterEqual,
	tokenDot, tokenStar, tokenOpenBracket, tokenCloseBracket, tokenOpenParen, tokenCloseParen, tokenOpenBrace,
	tokenCloseBrace, tokenComma, tokenColon, tokenCurrent, tokenExpression, tokenPipe, tokenNot, tokenLess, tokenGreater,
}

// String returns the kind as a message names it.
func (k tokenKind) String() string {
	switch k {
	case tokenEnd, tokenIdentifier, tokenQuoted, tokenLiteral, tokenNumber:
		return string(k)
	default:
		return "'" + string(k) + "'"
	}
}

// token is a piece of an expression.
type token struct {
	kind tokenKind
	// offset is where it begins, text how it is written.
	offset int
	text   string
	// value is a literal's value, or an identifier's name as a string.
	value Value
}

// power says how tightly a token binds to the expression before it; 0 means
// that it ends one. A projection reaches over what binds tighter than
// powerProjection.
func (k tokenKind) power() int {
	switch k {
	case tokenPipe:
		return powerPipe
	case tokenOr:
		return powerOr
	case tokenAnd:
		return powerAnd
	case tokenEqual, tokenNotEqual, tokenLess, tokenLessEqual, tokenGreater, tokenGreaterEqual:
		return powerComparator
	case tokenFlatten:
		return powerFlatten
	case tokenFilter:
		return powerFilter
	case tokenDot:
		return powerDot
	case tokenOpenBracket:
		return powerBracket
	default:
		return 0
	}
}

// The powers. That a flattening binds weaker than powerProjection is why it
// ends the projection before it.
const (
	powerPipe = iota + 1
	powerOr
	powerAnd
	powerComparator
	// powerNot: the specification leaves open whether !a.b is !(a.b) or (!a).b,
	// which is null whatever a is. Only the first can be meant.
	powerNot
	powerFlatten
	powerProjection
	powerStar
	powerFilter
	powerDot
	powerBracket
)
