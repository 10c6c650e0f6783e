package wire

import "strings"

// Fold returns text with the letters A to Z in lower case. Names and paths are
// compared so, because Azure's framework does not regard their case; letters
// beyond ASCII stay what they are, so that no two spellings meet by surprise.
func Fold(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, text)
}

// Clip shortens what a client sent before it goes into an answer or a log, and
// makes it valid UTF-8.
func Clip(text string) string {
	if len(text) <= maxEcho {
		return strings.ToValidUTF8(text, "\ufffd")
	}
	return strings.ToValidUTF8(text[:maxEcho], "") + "…"
}
