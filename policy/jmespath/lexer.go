package jmespath

import (
	"fmt"
	"strings"
)

// lexer cuts an expression into tokens.
type lexer struct {
	text string
	pos  int
}

// tokens returns all tokens, with tokenEnd as the last.
func (l *lexer) tokens() ([]token, *SyntaxError) {
	var all []token
	for {
		for l.pos < len(l.text) && strings.IndexByte(" \t\r\n", l.text[l.pos]) >= 0 {
			l.pos++
		}
		start := l.pos
		kind, value, err := l.token()
		if err != nil {
			return nil, err
		}
		all = append(all, token{kind: kind, offset: start, text: l.text[start:l.pos], value: value})
		if kind == tokenEnd {
			return all, nil
		}
	}
}

// token moves over one token.
func (l *lexer) token() (tokenKind, Value, *SyntaxError) {
	rest := l.text[l.pos:]
	if rest == "" {
		return tokenEnd, Value{}, nil
	}
	switch c := rest[0]; {
	case isLetter(c):
		n := 1
		for n < len(rest) && (isLetter(rest[n]) || isDigit(rest[n])) {
			n++
		}
		l.pos += n
		return tokenIdentifier, stringValue(rest[:n]), nil
	case isDigit(c), c == '-' && len(rest) > 1 && isDigit(rest[1]):
		n := 1
		for n < len(rest) && isDigit(rest[n]) {
			n++
		}
		l.pos += n
		return tokenNumber, Value{}, nil
	case c == '"':
		return l.quoted(rest)
	case c == '\'':
		return l.raw(rest)
	case c == '`':
		return l.literal(rest)
	}
	for _, sign := range signs {
		if strings.HasPrefix(rest, string(sign)) {
			l.pos += len(sign)
			return sign, Value{}, nil
		}
	}
	if rest[0] == '=' {
		return "", Value{}, l.fault("found '=', which compares nothing (write ==)")
	}
	return "", Value{}, l.fault("found %s, with which nothing begins", quote(firstRune(rest)))
}

// quoted moves over an identifier in double quotes, which is a JSON string.
func (l *lexer) quoted(rest string) (tokenKind, Value, *SyntaxError) {
	name, n, problem := scanString(rest)
	if problem != "" {
		l.pos += n
		return "", Value{}, l.fault("identifier in double quotes: %s", problem)
	}
	l.pos += n
	return tokenQuoted, stringValue(name), nil
}

// raw moves over a raw string. A backslash escapes a quote and nothing else,
// not even itself, but what stands behind one never ends the string.
func (l *lexer) raw(rest string) (tokenKind, Value, *SyntaxError) {
	inside, ok := delimited(rest)
	if !ok {
		return "", Value{}, l.fault("the string that begins here never ends (close it with ')")
	}
	l.pos += len(inside) + 2
	return tokenLiteral, stringValue(unescapeOnly(inside, '\'')), nil
}

// literal moves over JSON in backticks.
func (l *lexer) literal(rest string) (tokenKind, Value, *SyntaxError) {
	inside, ok := delimited(rest)
	if !ok {
		return "", Value{}, l.fault("the literal that begins here never ends (close it with `)")
	}
	v, err := ParseJSON(unescapeOnly(inside, '`'))
	if err != nil {
		return "", Value{}, l.fault("the literal %s is no JSON: %v (write text in single quotes)", quote(inside), err)
	}
	l.pos += len(inside) + 2
	return tokenLiteral, v, nil
}

// delimited returns what stands between the byte with which text begins and the
// next one like it that is not escaped.
func delimited(text string) (string, bool) {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case text[0]:
			return text[1:i], true
		case '\\':
			i++
		}
	}
	return "", false
}

// unescapeOnly takes the backslash from before each delimiter.
func unescapeOnly(inside string, delimiter byte) string {
	if strings.IndexByte(inside, delimiter) < 0 {
		return inside
	}
	out := make([]byte, 0, len(inside))
	for i := 0; i < len(inside); i++ {
		if inside[i] == '\\' && i+1 < len(inside) {
			i++
			if inside[i] != delimiter {
				out = append(out, '\\')
			}
		}
		out = append(out, inside[i])
	}
	return string(out)
}

func (l *lexer) fault(format string, args ...any) *SyntaxError {
	return &SyntaxError{Code: Syntax, Offset: l.pos, Found: firstRune(l.text[l.pos:]), Message: fmt.Sprintf(format, args...)}
}

// firstRune returns the first code point of text as text.
func firstRune(text string) string {
	for i := range text {
		if i > 0 {
			return text[:i]
		}
	}
	return text
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
