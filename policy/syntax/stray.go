package syntax

import (
	"fmt"
	"html"
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
	entity := entityAt(s.text[start.Offset:])
	first := s.step()
	s.stepTo(start.Offset + len(entity))
	for entity == "" && s.pos.Offset < len(s.text) && !s.resumes() {
		s.step()
	}
	at := Range{start, s.pos}
	defer s.skipForeignComment(at)
	if s.strays > faults {
		return // the bytes were no UTF-8, which has been said
	}
	run := at.Of(s.text)
	if s.everywhere(first) {
		s.strays++
		return
	}
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
	s.misled = s.suspect != nil || strings.ContainsRune("$'`", first) || strings.ContainsRune(typographicQuotes, first)
	s.fault(StrayCharacter, at, fmt.Sprintf("found %s, which is no part of the language", visible(first, run)), s.strayHint(first, at))
	if s.suspect != nil {
		s.inverted = true
		last := &s.diagnostics[len(s.diagnostics)-1]
		last.Related = []Related{{s.suspect.rng, "this string holds a typographic quotation mark, which does not close it"}}
	}
}

// everywhere reports whether a stray character is one that a text has everywhere
// if it has it at all, and has been reported: line ends of another kind, escapes.
func (s *scanner) everywhere(first rune) bool {
	switch first {
	case '\r':
		told := s.returned
		s.returned = true
		return told
	case '\\':
		told := s.escaped
		s.escaped = true
		return told
	}
	return false
}

// skipForeignComment moves to the end of a comment as other languages write it,
// of which at is the beginning. One that begins with # or -- is recognized where
// nothing stands before it on its line.
func (s *scanner) skipForeignComment(at Range) {
	run := at.Of(s.text)
	switch before := s.text[:at.Start.Offset]; {
	case strings.HasPrefix(run, "/*"):
		if s.endless {
			break
		}
		if i := strings.Index(s.text[at.Start.Offset:], "*/"); i >= 0 {
			s.stepTo(at.Start.Offset + i + len("*/"))
			return
		}
		s.endless = true
	case strings.HasPrefix(run, "#"), strings.HasPrefix(run, "--"):
		if line := strings.TrimRight(before, " \t"); line != "" && line[len(line)-1] != '\n' {
			return
		}
	default:
		return
	}
	for s.pos.Offset < len(s.text) && s.text[s.pos.Offset] != '\n' {
		s.step()
	}
}

func (s *scanner) stepTo(offset int) {
	for s.pos.Offset < offset {
		s.step()
	}
}

// entityAt returns the HTML entity with which rest begins, "" if with none: what
// was copied out of a web page's source has them.
func entityAt(rest string) string {
	for _, entity := range []string{"&amp;", "&gt;", "&lt;", "&quot;", "&#39;", "&#34;", "&nbsp;"} {
		if strings.HasPrefix(rest, entity) {
			return entity
		}
	}
	return ""
}

// resumes reports whether a token or a blank begins here.
func (s *scanner) resumes() bool {
	c := s.text[s.pos.Offset]
	if c == '"' || isLetter(c) || isDigit(c) || s.negative() || c == ' ' || c == '\t' || c == '\n' {
		return true
	}
	rest := s.text[s.pos.Offset:]
	if kind, _ := signAt(rest); kind != "" {
		return true
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

// strayHint guesses what the writer of what stands at a place meant.
func (s *scanner) strayHint(first rune, at Range) string {
	switch {
	case strings.ContainsRune(typographicQuotes, first):
		return typographicHint
	case s.suspect != nil:
		return fmt.Sprintf("the string on line %d holds a typographic quotation mark, which does not close it: write \"", s.suspect.rng.Start.Line)
	case entityAt(at.Of(s.text)) != "":
		return fmt.Sprintf("the text was escaped for HTML: write %s", html.UnescapeString(entityAt(at.Of(s.text))))
	case unicode.IsSpace(first) && first != '\r':
		return "write a plain space"
	}
	switch first {
	case '\'', '`':
		return `strings stand in "`
	case '|':
		return noOrHint
	case '&':
		return andHint
	case '~':
		return noRegexHint
	case '-':
		return s.minusHint(at)
	case '#', '/':
		return "comments begin with // and end with the line"
	case '*':
		if strings.HasSuffix(at.Of(s.text), "*/") {
			return "comments begin with // and end with the line"
		}
		return "there is no arithmetic, and no wildcard"
	case '+':
		return "there is no arithmetic; to join two texts write AppendString(a, b), from version 1.2"
	case '%', '^':
		return "there is no arithmetic"
	case '?':
		return "there is no choice within a rule: write one rule for each case"
	case '$', '@':
		return `claim types and values stand in "`
	case '\\':
		return `a \ stands only within strings; if the text was escaped, for JSON for example, resolve the escapes first`
	case '_':
		return "identifiers begin with a letter, and numbers have digits alone"
	case '\r':
		return "end lines with a line feed, or a carriage return and a line feed"
	case '\ufeff':
		return "save the text without a byte order mark"
	}
	if !unicode.IsGraphic(first) {
		return "remove this invisible character"
	}
	return ""
}

func (s *scanner) minusHint(at Range) string {
	switch before := s.text[:at.Start.Offset]; {
	case strings.HasPrefix(s.text[at.Start.Offset:], "->"):
		return "conditions and action are joined by =>"
	case strings.HasPrefix(at.Of(s.text), "--"):
		return "comments begin with // and end with the line"
	case before != "" && isWordByte(before[len(before)-1]):
		return `names of claims are strings: [type=="x-ms-…", value==…]`
	}
	return `a - stands before a number or within a string in "`
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
		return wordsAround(text, offset)
	}
	return text[start : end+1], true
}

// wordsAround returns the "<several words>" that offset lies in, where a value
// should stand: <, not in place of a comparison, and a letter right behind it.
func wordsAround(text string, offset int) (string, bool) {
	const others = "\"<>,;=&|()[]{}\n" // what no such words hold
	before := text[:min(offset+1, len(text))]
	start := strings.LastIndexAny(before[max(0, len(before)-maxWord):], others)
	if start += max(0, len(before)-maxWord); start < 0 || start+1 >= len(text) || text[start] != '<' {
		return "", false
	}
	inside := text[start+1 : min(len(text), start+1+maxWord)]
	end := strings.IndexAny(inside, others)
	if end <= 0 || inside[end] != '>' || !isLetter(inside[0]) && inside[0] < utf8.RuneSelf {
		return "", false
	}
	value := strings.TrimRight(before[:start], " \t")
	if value == "" || !strings.ContainsRune("=<>(,", rune(value[len(value)-1])) {
		return "", false
	}
	return text[start : start+1+end+1], true
}
