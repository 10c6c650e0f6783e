package syntax

import (
	"fmt"
	"strings"
	"testing"
)

// pathological are texts of any size that are as hard to read as they can be
// made. Time must grow with their length, not faster.
var pathological = map[string]func(size int) string{
	"quotes":         filled("version=1.0;authorizationrules{", `"`, ""),
	"empty strings":  filled("version=1.0;authorizationrules{", `""`, ""),
	"open string":    filled("version=1.0;authorizationrules{\"", `a`, ""),
	"escapes":        filled("version=1.0;authorizationrules{\"", `\"`, ""),
	"brackets":       filled("", "[", ""),
	"braces":         filled("version=1.0;authorizationrules", "{", ""),
	"parentheses":    filled("version=1.2;authorizationrules{=>add(type=", "F(", ""),
	"comments":       filled("version=1.0;authorizationrules{", "//\n", "};"),
	"long comment":   filled("version=1.0;authorizationrules{//", "/", "\n};"),
	"open comments":  filled("version=1.0;authorizationrules{", "/*\n", ""),
	"C comments":     filled("version=1.0;authorizationrules{", "/*$*/ ", ""),
	"hashes":         filled("version=1.0;authorizationrules{", "a#", ""),
	"dashes":         filled("version=1.0;authorizationrules{", "a --", ""),
	"wide hashes":    filled("version=1.0;authorizationrules{", "a                #", ""),
	"hash comments":  filled("version=1.0;authorizationrules{", "#\n", "};"),
	"identifier":     filled("version=1.0;authorizationrules{", "c", ":[]=>permit();};"),
	"identifiers":    filled("version=1.0;authorizationrules{", "c:", ""),
	"short rules":    filled("version=1.0;authorizationrules{", "=>permit();", "};"),
	"a letter each":  filled("version=1.0;authorizationrules{", "a;", "};"),
	"semicolons":     filled("version=1.0;authorizationrules{", ";", "};"),
	"sections":       filled("version=1.0;", "a{};", ""),
	"misspelled":     filled("version=1.0;", "authorisationrules{};", ""),
	"actions":        filled("version=1.0;authorizationrules{", "=>permitt();", "};"),
	"conditions":     filled("version=1.0;authorizationrules{", "[]&&", "=>permit();};"),
	"tests":          filled("version=1.0;authorizationrules{[", "type==1 && ", "]=>permit();};"),
	"placeholders":   filled("version=1.0;authorizationrules{", "<a-b>", "};"),
	"angles":         filled("version=1.0;authorizationrules{", "<", "};"),
	"typographic":    filled("version=1.0;authorizationrules{", "“", "};"),
	"suspects":       filled("version=1.0;authorizationrules{", `"“"-;`, "};"),
	"strays":         filled("version=1.0;authorizationrules{", "$", "};"),
	"strays apart":   filled("version=1.0;authorizationrules{", "$;", "};"),
	"blanks":         filled("version=1.0;authorizationrules{", " ", "};"),
	"blanks within":  filled("version=1.0;authorizationrules{[type==1 && ", " ", "]=>permit();};"),
	"carriage":       filled("version=1.0;", "\r", ""),
	"not UTF-8":      filled("version=1.0;authorizationrules{", "\xff", ""),
	"digits":         filled("version=1.0;authorizationrules{[value==", "9", "]=>permit();};"),
	"hexadecimal":    filled("version=1.0;authorizationrules{[value==0x", "f", "]=>permit();};"),
	"base64":         filled("dmVyc2lvbj0xLjA7IGF1dGhvcml6YXRpb25ydWxlc3s9PiBwZXJtaXQoKTt9", "A", ""),
	"combining":      filled("version=1.0;authorizationrules{", "a\u0301", "};"),
	"entities":       filled("version=1.0;authorizationrules{", "&amp;", "};"),
	"minus":          filled("version=1.0;authorizationrules{", "-", "};"),
	"version":        filled("", "version", ""),
	"dots":           filled("version=1", ".1", ";"),
	"no line":        filled("version=1.0;authorizationrules{", "[type=\"a\"]=>permit();", "};"),
	"commented rule": filled("version=1.0;authorizationrules{[", "//\n", "]=>permit();};"),
}

// filled repeats a piece between two others.
func filled(before, piece, after string) func(int) string {
	return func(size int) string {
		n := max(0, size-len(before)-len(after)) / len(piece)
		return before + strings.Repeat(piece, n) + after
	}
}

// BenchmarkPathological parses each text, and renders or prints what comes out.
// Compare the sizes: four times the text must not cost much more than four times
// the time.
func BenchmarkPathological(b *testing.B) {
	for name, text := range pathological {
		for _, size := range []int{maxText / 4, maxText} {
			text := text(size)
			b.Run(fmt.Sprintf("%s/%dKiB", strings.ReplaceAll(name, " ", "-"), size>>10), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					tree, faults := Parse(text)
					if len(faults) == 0 {
						Print(tree)
					}
					Render("policy.maa", text, faults)
				}
			})
		}
	}
}

// BenchmarkFormat prints a policy of the usual kind, and the largest of it.
func BenchmarkFormat(b *testing.B) {
	const rule = "// one of ours\nc:[type==\"x-ms-sgx-mrsigner\",value==\"4aea5f9a\"] => issue(type=\"signer\",value=c.value);\n"
	for _, count := range []int{10, maxRules} {
		text := rules(strings.Repeat(rule, count))
		b.Run(fmt.Sprintf("%drules", count), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, faults := Format(text); len(faults) > 0 {
					b.Fatal(faults[0])
				}
			}
		})
	}
}

// TestPathological checks that such texts end in an answer that is small.
func TestPathological(t *testing.T) {
	t.Parallel()
	for name, text := range pathological {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := text(maxText / 4)
			_, faults := Parse(text)
			if len(faults) > maxDiagnostics {
				t.Errorf("%d faults", len(faults))
			}
			if n := len(Render("policy.maa", text, faults)); n > maxDiagnostics*4<<10 {
				t.Errorf("%d bytes are rendered", n)
			}
		})
	}
}
