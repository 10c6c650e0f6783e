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

// clean quotes text that would do more to a terminal than show: whoever wrote a
// token or a certificate chose what stands in it.
func clean(text string) string {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}
