package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

// No rune gets through that a terminal might obey, and none is lost.
func TestJSONDoesNotPlayWithTerminals(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if 0xd800 <= r && r <= 0xdfff {
			continue // no runes by themselves
		}
		if r < 0x3000 || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			all.WriteRune(r)
		}
	}
	all.WriteString("日本語 😀 \\u009b")
	text := all.String()
	var b bytes.Buffer
	if err := printJSON(&b, map[string]string{text: text}); err != nil {
		t.Fatal(err)
	}
	for _, r := range b.String() {
		if r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			t.Errorf("%U stands in the document", r)
		}
	}
	if !strings.Contains(b.String(), `日本語 😀`) || !strings.Contains(b.String(), `\u202e`) || !strings.Contains(b.String(), `\udb40\udc01`) {
		t.Error("want text as it stands, and the rest escaped")
	}
	var got map[string]string
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || got[text] != text {
		t.Errorf("another text comes back (%v)", err)
	}
}

// A policy is whatever somebody set, and goes into documents whole.
func TestHostilePolicyInJSON(t *testing.T) {
	t.Parallel()
	i := startInstance(t, testTime)
	const hostile = somePolicy + "// \u009b2J\u202e\u2066\x7f"
	wantDone[changedPolicy](t, i.run(t, hostile, "policy", "set", "SgxEnclave", "-", "--json"))
	got := i.run(t, "", "policy", "get", "SgxEnclave", "--json")
	if strings.ContainsAny(got.stdout, "\u009b\u202e\u2066\x7f") || wantDone[shownPolicy](t, got).Policy != hostile {
		t.Errorf("%q", got.stdout)
	}
}

// What a document may not hold because a marshaler was careless is what decoders
// make of it.
func TestBrokenTextInJSON(t *testing.T) {
	t.Parallel()
	if got := string(harmless([]byte("\"a\xff\""))); got != `"a\ufffd"` {
		t.Errorf("%s", got)
	}
}
