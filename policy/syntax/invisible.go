package syntax

import (
	"fmt"
	"strings"
)

// invisible refuses a character that misleads, within a comment or a string,
// unless it ends a line together with a line feed. It does not count as stray, since the token is read as it stands.
func (s *scanner) invisible(r rune, at Range, where string) {
	if r == '\r' && strings.HasPrefix(s.text[at.End.Offset:], "\n") || len(s.diagnostics) == maxDiagnostics {
		return
	}
	hint := "remove it"
	if r == '\r' {
		hint = "end lines with a line feed, or a carriage return and a line feed"
	}
	s.diagnostics = append(s.diagnostics, Diagnostic{
		Code:       InvisibleCharacter,
		Range:      at,
		Message:    fmt.Sprintf("found the character U+%04X in %s: it does not show, and can hide what stands beside it", r, where),
		Hint:       hint,
		Found:      at.Of(s.text),
		Production: "policy",
	})
}

// misleads reports whether r makes a text look other than it reads: a terminal
// obeys control characters, some editors begin a line at U+2028, and marks of
// direction reorder what follows. A reviewer would see a rule where there is a
// comment. What joins letters or has no width (U+200B to U+200F) stays:
// languages need it.
func misleads(r rune) bool {
	switch {
	case r == '\t', r == '\n':
		return false
	case r < ' ', r >= 0x7f && r <= 0x9f: // C0, DEL and C1
		return true
	}
	return r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
