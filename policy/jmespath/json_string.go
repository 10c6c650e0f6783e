package jmespath

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// plain tells which bytes stand for themselves in a string: all ASCII but
// control characters, quotes and backslashes.
var plain = func() [256]bool {
	var is [256]bool
	for c := ' '; c < utf8.RuneSelf; c++ {
		is[c] = c != '"' && c != '\\'
	}
	return is
}()

// scanString reads the JSON string with which text begins and returns it, how
// long it is in the text, and what is wrong there if it is no string.
func scanString(text string) (string, int, string) {
	ascii := true
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case plain[c]:
		case c == '"':
			if inside := text[1:i]; ascii || utf8.ValidString(inside) {
				return inside, i + 1, ""
			}
			return "", 0, "the string that begins here is not UTF-8"
		case c == '\\':
			return unescape(text, i)
		case c < ' ':
			return "", i, "a control character in a string, want it escaped"
		default:
			ascii = false
		}
	}
	return "", 0, "the string that begins here never ends"
}

// unescape reads a string that has its first escape at i.
func unescape(text string, i int) (string, int, string) {
	var out strings.Builder
	out.WriteString(text[1:i])
	for i < len(text) {
		switch c := text[i]; {
		case c == '"':
			if !utf8.ValidString(out.String()) {
				return "", 0, "the string that begins here is not UTF-8"
			}
			return out.String(), i + 1, ""
		case c == '\\':
			r, n := escape(text[i:])
			if n == 0 {
				return "", i, "an escape that JSON does not have, or half of a surrogate pair"
			}
			out.WriteRune(r)
			i += n
		case c < ' ':
			return "", i, "a control character in a string, want it escaped"
		default:
			out.WriteByte(c)
			i++
		}
	}
	return "", 0, "the string that begins here never ends"
}

// escape returns what the escape with which text begins stands for and how long
// it is, 0 if it is none.
func escape(text string) (rune, int) {
	if len(text) < 2 {
		return 0, 0
	}
	switch c := text[1]; c {
	case '"', '\\', '/':
		return rune(c), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		return escapedRune(text)
	}
	return 0, 0
}

func escapedRune(text string) (rune, int) {
	const short, long = len(`\u0000`), len(`\u0000\u0000`)
	r := hexRune(text)
	switch {
	case r < 0:
		return 0, 0
	case !utf16.IsSurrogate(r):
		return r, short
	}
	if r = utf16.DecodeRune(r, hexRune(text[short:])); r == utf8.RuneError {
		return 0, 0
	}
	return r, long
}

// hexRune reads \uXXXX and returns -1 if text begins otherwise.
func hexRune(text string) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	for i := 2; i < 6; i++ {
		if c := text[i] | 0x20; !isDigit(text[i]) && (c < 'a' || c > 'f') {
			return -1
		}
	}
	code, err := strconv.ParseUint(text[2:6], 16, 16)
	if err != nil {
		return -1
	}
	return rune(code)
}
