package syntax

import (
	"strings"
	"unicode"
)

// alternatives returns "a", "a or b", "a, b or c".
func alternatives(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// quoted returns text for use in a message: on one line, in single quotes, not
// too long.
func quoted(text string) string {
	// Enough for all that is shown, however wide its blanks are spread.
	long := len(text) > maxQuotedBytes
	if long {
		text = text[:maxQuotedBytes]
	}
	text = strings.Join(strings.Fields(text), " ")
	if short := cut(text, maxQuoted); long || short != text {
		text = short + "…"
	}
	return "'" + plain(text) + "'"
}

// cut returns the first runes of text.
func cut(text string, runes int) string {
	for i := range text {
		if runes == 0 {
			return text[:i]
		}
		runes--
	}
	return text
}

// plain returns text with a replacement character for all that would not show or
// would move the cursor: who prints a message must not be told what to do by the
// policy that it quotes.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
