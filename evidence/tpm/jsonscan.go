package tpm

import (
	"bytes"
	"encoding/binary"
)

// scanner goes over a JSON text (RFC 8259). After a problem it stays where it is.
type scanner struct {
	raw     []byte
	at      int
	problem string
	// isChecked says that the text is known to be right, so that strings may be
	// passed over in one step.
	isChecked bool
}

func (s *scanner) fail(problem string) {
	if s.problem == "" {
		s.problem = problem
	}
}

func (s *scanner) space() {
	for s.at < len(s.raw) {
		switch s.raw[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// more moves to the next member or element, or over the closing bracket.
func (s *scanner) more(closing byte) bool {
	s.space()
	if s.at < len(s.raw) && s.raw[s.at] == ',' {
		s.at++
		s.space()
	}
	if s.at < len(s.raw) && s.raw[s.at] == closing {
		s.at++
		return false
	}
	return s.at < len(s.raw)
}

// value passes over a value.
func (s *scanner) value(depth int) {
	s.space()
	if s.at == len(s.raw) {
		s.fail("the end of the text")
		return
	}
	switch c := s.raw[s.at]; {
	case depth > maxDepth:
		s.fail("values that nest too deep")
	case c == '{':
		s.list(depth, '}', true)
	case c == '[':
		s.list(depth, ']', false)
	case c == '"':
		s.text()
	case c == '-' || '0' <= c && c <= '9':
		s.number()
	default:
		for _, word := range []string{"true", "false", "null"} {
			if rest := s.raw[s.at:]; len(rest) >= len(word) && string(rest[:len(word)]) == word {
				s.at += len(word)
				return
			}
		}
		s.fail("something that is no value")
	}
}

// list passes over an object or an array.
func (s *scanner) list(depth int, closing byte, hasNames bool) {
	s.at++
	s.space()
	if s.at < len(s.raw) && s.raw[s.at] == closing {
		s.at++
		return
	}
	for s.problem == "" {
		if hasNames {
			s.space()
			s.text()
			s.space()
			s.expect(':')
		}
		s.value(depth + 1)
		s.space()
		switch {
		case s.problem != "":
		case s.at == len(s.raw):
			s.fail("the end of the text")
		case s.raw[s.at] == closing:
			s.at++
			return
		default:
			s.expect(',')
		}
	}
}

func (s *scanner) expect(c byte) {
	if s.problem != "" {
		return
	}
	if s.at == len(s.raw) || s.raw[s.at] != c {
		s.fail("no " + string(rune(c)))
		return
	}
	s.at++
}

// text passes over a string.
func (s *scanner) text() {
	if s.problem != "" {
		return
	}
	if s.at == len(s.raw) || s.raw[s.at] != '"' {
		s.fail("no string")
		return
	}
	if s.isChecked {
		s.skipText()
		return
	}
	for i := s.at + 1; i < len(s.raw); i++ {
		i += plainBytes(s.raw[i:])
		if i == len(s.raw) {
			break
		}
		switch c := s.raw[i]; {
		case c == '"':
			s.at = i + 1
			return
		case c == '\\':
			n := escapeSize(s.raw[i:])
			if n == 0 {
				s.at = i
				s.fail("no escape")
				return
			}
			i += n - 1
		case c < ' ':
			s.at = i
			s.fail("a control character in a string")
			return
		}
	}
	s.fail("a string without an end")
}

// plainBytes returns how many bytes at the beginning, eight by eight, are for sure
// nothing but characters of a string: no quote, no backslash, nothing below a space.
// Logs are nearly all of a request.
func plainBytes(raw []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; n+8 <= len(raw); n += 8 {
		// A byte is zero where it was the one that is looked for, and of a byte that is
		// zero, or less than what is taken away, the top bit is borrowed from.
		x := binary.LittleEndian.Uint64(raw[n:])
		quote, backslash := x^(ones*'"'), x^(ones*'\\')
		if ((quote-ones)&^quote|(backslash-ones)&^backslash|(x-ones*' ')&^x)&tops != 0 {
			break
		}
	}
	return n
}

// skipText passes over a string that is known to be one, which is what a log of
// some 100 KiB in base64 is each time that an object around it is taken apart.
func (s *scanner) skipText() {
	for i := s.at + 1; ; i++ {
		i += bytes.IndexByte(s.raw[i:], '"')
		escapes := 0
		for s.raw[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			s.at = i + 1
			return
		}
	}
}

// escapeSize returns the length of the escape at the beginning, 0 if it is none.
func escapeSize(raw []byte) int {
	if len(raw) < 2 {
		return 0
	}
	switch raw[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(raw) < 6 {
			return 0
		}
		for _, c := range raw[2:6] {
			if bytes.IndexByte([]byte("0123456789abcdefABCDEF"), c) < 0 {
				return 0
			}
		}
		return 6
	}
	return 0
}

// number passes over a number.
func (s *scanner) number() {
	digits := func() bool {
		start := s.at
		for s.at < len(s.raw) && '0' <= s.raw[s.at] && s.raw[s.at] <= '9' {
			s.at++
		}
		return s.at > start
	}
	is := func(c byte) bool {
		if s.at < len(s.raw) && s.raw[s.at] == c {
			s.at++
			return true
		}
		return false
	}
	is('-')
	if !is('0') && !digits() {
		s.fail("no number")
		return
	}
	if is('.') && !digits() {
		s.fail("no digits after a point")
		return
	}
	if is('e') || is('E') {
		if !is('+') {
			is('-')
		}
		if !digits() {
			s.fail("no digits in an exponent")
		}
	}
}

// kindOf names the kind of a value.
func kindOf(raw []byte) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}
