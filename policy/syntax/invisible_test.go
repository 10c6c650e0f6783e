package syntax

import (
	"fmt"
	"testing"
)

// TestInvisible tries every character of the first planes within a comment, a
// string and an escape: the refused ones are those that make a text look other
// than it reads.
func TestInvisible(t *testing.T) {
	t.Parallel()
	refused := func(r rune) bool {
		switch {
		case r < 0x20:
			return r != '\t' && r != '\n'
		case r >= 0x7f && r <= 0x9f, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return true
		}
		return false
	}
	for r := range rune(0x3000) {
		for place, text := range map[string]string{
			"comment": rules(fmt.Sprintf("// a%cb\n=> permit();", r)),
			"string":  rules(fmt.Sprintf(`[type=="a%cb"] => permit();`, r)),
			"escape":  rules(fmt.Sprintf(`[type=="a\%cb"] => permit();`, r)),
		} {
			if r == '"' && place == "string" || r == '\n' && place == "comment" {
				continue // it ends there
			}
			want := InvisibleCharacter
			if r == '\r' && place == "comment" {
				want = StrayCharacter // the comment ends before it
			}
			_, faults := Parse(text)
			switch {
			case !refused(r) && len(faults) > 0:
				t.Errorf("U+%04X in a %s is refused: %s", r, place, faults[0])
			case refused(r) && (len(faults) == 0 || faults[0].Code != want || faults[0].Hint == ""):
				t.Errorf("U+%04X in a %s: faults %v, want %s with a hint", r, place, faults, want)
			}
		}
	}
	mustParse(t, "// a\r\n"+rules("[type==\"a\r\nb\\\r\n\"] => permit();\r\n"))
}

// TestInvisibleHidesNothing checks that the rest of the rule is read as usual.
func TestInvisibleHidesNothing(t *testing.T) {
	t.Parallel()
	if got := placesOf(rules("[type==\"\u202e\" // \u2066\n value==1] => permit();")); len(got) != 3 {
		t.Errorf("faults %v, want two characters and a comma", got)
	}
}
