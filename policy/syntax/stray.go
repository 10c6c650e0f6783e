package syntax

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	typographicQuotes = "“”„‟‘’‚‛«»"
	typographicHint   = `typographic quotation marks do not count, write "`
)

// stray moves over a run of characters that belong to no token and reports it.
func (s *scanner) stray() {
	start := s.pos
	faults := s.strays
	first := s.step()
	for s.pos.Offset < len(s.text) && !s.resumes() {
		s.step()
	}
	if s.strays > faults {
		return // the bytes were no UTF-8, which has been said
	}
	at := Range{start, s.pos}
	run := at.Of(s.text)
	if s.misled || s.told[run] || len(s.diagnostics) == maxDiagnostics {
		s.strays++
		return
	}
	if s.told == nil {
		s.told = make(map[string]bool)
	}
	s.told[run] = true
	if name, ok := placeholderAround(s.text, start.Offset); ok {
		s.fault(Placeholder, at, fmt.Sprintf("found the placeholder %s, expected a value", quoted(name)), "put a value in its place")
		return
	}
	s.misled = s.suspect != nil || strings.ContainsRune(typographicQuotes, first)
	s.fault(StrayCharacter, at, fmt.Sprintf("found %s, which is no part of the language", visible(first, run)), s.strayHint(first))
}

// resumes reports whether a token or a blank begins here.
func (s *scanner) resumes() bool {
	c := s.text[s.pos.Offset]
	if c == '"' || isLetter(c) || isDigit(c) || s.negative() || c == ' ' || c == '\t' || c == '\n' {
		return true
	}
	rest := s.text[s.pos.Offset:]
	for _, sign := range signs {
		if strings.HasPrefix(rest, sign.text) {
			return true
		}
	}
	return strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "\r\n")
}

// visible names a run by its text, or by number if it would not show.
func visible(first rune, run string) string {
	if unicode.IsGraphic(first) && !unicode.IsSpace(first) {
		return quoted(run)
	}
	return fmt.Sprintf("the character U+%04X", first)
}

// strayHint guesses what the writer meant.
func (s *scanner) strayHint(first rune) string {
	switch {
	case strings.ContainsRune(typographicQuotes, first):
		return typographicHint
	case s.suspect != nil:
		return fmt.Sprintf("the string that opens at %s holds a typographic quotation mark, which does not close it", s.suspect.rng)
	case unicode.IsSpace(first) && first != '\r':
		return "write a plain space"
	}
	switch first {
	case '\'', '`':
		return `strings stand in "`
	case '|':
		return "there is no or: write a second rule with the same action"
	case '&':
		return "and is written &&"
	case '~':
		return "there are no regular expressions: compare with == or !="
	case '-':
		return `a - stands before a number or within a string in "`
	case '#', '/':
		return "comments begin with // and end with the line"
	case '$', '@':
		return `claim types and values stand in "`
	case '\r':
		return "end lines with a line feed, or a carriage return and a line feed"
	case '\ufeff':
		return "save the text without a byte order mark"
	}
	return ""
}

// placeholderAround returns the "<name>" that offset lies in, as documentation
// writes it where a value has to be put.
func placeholderAround(text string, offset int) (string, bool) {
	inside := func(c byte) bool { return isWordByte(c) || c == '-' || c >= utf8.RuneSelf }
	start := offset
	for start > 0 && offset-start < maxWord && inside(text[start]) {
		start--
	}
	end := max(offset, start+1)
	for end < len(text) && end-offset < maxWord && inside(text[end]) {
		end++
	}
	if text[start] != '<' || end == len(text) || text[end] != '>' || end-start < 2 {
		return "", false
	}
	return text[start : end+1], true
}
