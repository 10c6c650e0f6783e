package syntax

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// scanner cuts a text into tokens. What belongs to no token is reported and
// skipped, so the parser sees well-formed tokens only.
type scanner struct {
	text string
	pos  Position

	comments    []*Comment
	diagnostics []Diagnostic
	strays      int

	// told holds the stray texts that were reported in the current rule: the
	// same one again is no news.
	told map[string]bool
	// misled is set where a typographic quotation mark has turned the current
	// rule's strings inside out: what else strays there is a consequence.
	misled bool
	// suspect is the last string of the current rule with a typographic
	// quotation mark inside: probably one that should have ended it.
	suspect *token
	// swallowed is set by a string that never ends. What is missing at the end
	// of the text is no news then.
	swallowed bool
	// returned and escaped are set once a carriage return or a backslash has
	// strayed.
	returned, escaped bool
	// inverted is set where a suspect string has been reported: what are strings
	// after it, and what are not, is anybody's guess.
	inverted bool
	// endless is set once a comment as in C was found to have no end: the text
	// has no more ends then.
	endless bool
	// talkative holds the fault that there are more comments than are read.
	talkative []Diagnostic
}

func (s *scanner) next() token {
	for {
		s.skipBlank()
		if len(s.diagnostics) == maxDiagnostics {
			s.pos.Offset = len(s.text) // nothing else will be told
		}
		start := s.pos
		kind := s.token()
		if kind == "" {
			s.stray()
			continue
		}
		t := token{kind: kind, text: s.text[start.Offset:s.pos.Offset], rng: Range{start, s.pos}, strays: s.strays}
		s.watch(t)
		return t
	}
}

// token reads one token and returns its kind, or "" without moving if none
// begins here.
func (s *scanner) token() tokenKind {
	if s.pos.Offset == len(s.text) {
		return tokenEOF
	}
	switch c := s.text[s.pos.Offset]; {
	case isLetter(c):
		s.skipWhile(isWordByte)
		return tokenWord
	case isDigit(c), s.negative():
		s.step()
		s.skipWhile(isDigit)
		return tokenInteger
	case c == '"':
		s.scanString()
		return tokenString
	}
	kind, size := signAt(s.text[s.pos.Offset:])
	s.pos.Offset += size
	s.pos.Column += size
	return kind
}

// step moves over one code point.
func (s *scanner) step() rune {
	if c := s.text[s.pos.Offset]; c < utf8.RuneSelf {
		s.pos.Offset++
		s.pos.Column++
		if c == '\n' {
			s.pos.Line++
			s.pos.Column = 0
		}
		return rune(c)
	}
	r, size := utf8.DecodeRuneInString(s.text[s.pos.Offset:])
	at := s.pos
	s.pos.Offset += size
	s.pos.Column++
	if r == utf8.RuneError && size == 1 {
		s.fault(NotUTF8, Range{at, s.pos}, "the text is not UTF-8", "save the policy as UTF-8")
	}
	return r
}

// skipWhile moves over bytes of which each is a code point and none ends a line.
func (s *scanner) skipWhile(is func(byte) bool) {
	end := s.pos.Offset
	for end < len(s.text) && is(s.text[end]) {
		end++
	}
	s.pos.Column += end - s.pos.Offset
	s.pos.Offset = end
}

// skipBlank moves over white space and comments. A carriage return counts only
// before a line feed: editors disagree whether it ends a line on its own, and
// with the line a comment.
func (s *scanner) skipBlank() {
	for s.pos.Offset < len(s.text) {
		rest := s.text[s.pos.Offset:]
		switch {
		case rest[0] == ' ', rest[0] == '\t', rest[0] == '\n', strings.HasPrefix(rest, "\r\n"):
			s.step()
		case strings.HasPrefix(rest, "//"):
			s.comment()
		default:
			return
		}
	}
}

// comment moves over a comment and keeps it, without white space at its end.
func (s *scanner) comment() {
	start, end := s.pos, s.pos
	for s.pos.Offset < len(s.text) && s.text[s.pos.Offset] != '\n' && s.text[s.pos.Offset] != '\r' {
		at := s.pos
		r := s.step()
		if r != ' ' && r != '\t' {
			end = s.pos
		}
		if misleads(r) {
			s.invisible(r, Range{at, s.pos}, "a comment")
		}
	}
	at := Range{start, end}
	switch count := len(s.comments); {
	case count < maxComments:
		s.comments = append(s.comments, &Comment{Range: at, Text: at.Of(s.text)})
	case s.talkative == nil:
		s.talkative = []Diagnostic{{
			Code:       TooLarge,
			Range:      at,
			Message:    fmt.Sprintf("too many comments, at most %d are read", maxComments),
			Found:      at.Of(s.text),
			Production: "policy",
		}}
	}
}

// scanString moves over a string. A string may run over several lines. One that
// never ends is reported where it opens.
func (s *scanner) scanString() {
	start := s.pos
	s.step()
	opening := s.pos
	for s.pos.Offset < len(s.text) {
		at := s.pos
		r := s.step()
		if r == '"' {
			return
		}
		if r == '\\' && s.pos.Offset < len(s.text) {
			at = s.pos
			r = s.step()
		}
		if misleads(r) {
			s.invisible(r, Range{at, s.pos}, "a string")
		}
	}
	s.swallowed = true
	if s.escaped || s.inverted {
		s.strays++
		return // a consequence
	}
	hint := "close it with \""
	if i := strings.IndexAny(s.text[opening.Offset:], typographicQuotes); i >= 0 {
		hint = typographicHint
	}
	s.fault(OpenString, Range{start, opening}, "the string that opens here never ends", hint)
}

// watch keeps what the scanner remembers of the current rule.
func (s *scanner) watch(t token) {
	switch t.kind {
	case tokenSemicolon, tokenOpenBrace, tokenCloseBrace:
		s.told, s.misled, s.suspect = nil, false, nil
	case tokenString:
		if strings.ContainsAny(t.text, typographicQuotes) {
			suspect := t // keeps the other tokens off the heap
			s.suspect = &suspect
		}
	default:
	}
}

func (s *scanner) fault(code Code, at Range, message, hint string) {
	s.strays++
	if len(s.diagnostics) == maxDiagnostics {
		return
	}
	s.diagnostics = append(s.diagnostics, Diagnostic{
		Code:       code,
		Range:      at,
		Message:    message,
		Hint:       hint,
		Found:      at.Of(s.text),
		Production: "policy",
	})
}

// unescape resolves the escapes of a string's inside.
func unescape(inside string) string {
	if !strings.Contains(inside, `\`) {
		return inside
	}
	out := make([]byte, 0, len(inside))
	for i := 0; i < len(inside); i++ {
		if inside[i] == '\\' && i+1 < len(inside) {
			i++
		}
		out = append(out, inside[i])
	}
	return string(out)
}

// hasOtherEscapes reports whether a backslash stands before anything but a
// quotation mark or another one.
func hasOtherEscapes(text string) bool {
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '\\' {
			i++
			if text[i] != '"' && text[i] != '\\' {
				return true
			}
		}
	}
	return false
}

// negative reports whether a minus sign with a number behind it stands here.
func (s *scanner) negative() bool {
	rest := s.text[s.pos.Offset:]
	return len(rest) > 1 && rest[0] == '-' && isDigit(rest[1])
}

func isWordByte(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' }

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
