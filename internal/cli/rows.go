package cli

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// rows writes a list under one name, nothing if it is empty.
func (t *table) rows(name string, values []string) {
	for _, value := range values {
		t.row(name, clean(value))
		name = ""
	}
}

// escaped replaces what would do more to a terminal than show, and line breaks, by
// what Go writes for them. Unlike [clean] it leaves the rest of a sentence alone.
func escaped(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if one := text[:size]; unicode.IsPrint(r) && utf8.ValidString(one) {
			b.WriteString(one)
		} else {
			quoted := strconv.Quote(one)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		text = text[size:]
	}
	return b.String()
}

// clean quotes text that would do more to a terminal than show: whoever wrote a
// token or a certificate chose what stands in it.
func clean(text string) string {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}
