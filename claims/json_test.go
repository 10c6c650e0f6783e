package claims

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parse(tb testing.TB, text string) *Set {
	tb.Helper()
	s := new(Set)
	if err := json.Unmarshal([]byte(text), s); err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestAppendJSON(t *testing.T) {
	t.Parallel()
	s := new(Set)
	s.Add("b", Integer(1))
	s.Add("B", Integer(2))
	s.Add("$", Integer(3))
	s.Add("ä", Integer(4))
	s.Add("b", Integer(5))
	s.Add("", Integer(6))
	s.Add("\U0001F600", Integer(7))
	s.Add("\uffff", Integer(8))
	// The order is that of bytes, in which U+FFFF comes before U+1F600.
	const want = `{"":6,"$":3,"B":2,"b":[1,5],"ä":4,"` + "\uffff" + `":8,"` + "\U0001F600" + `":7}`
	if diff := cmp.Diff(want, string(s.AppendJSON(nil))); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
	if got := string(s.AppendJSON([]byte("x="))); got != "x="+want {
		t.Errorf("appended: %s", got)
	}
	// HTML needs no escapes here, so go through MarshalJSON directly.
	if got, err := s.MarshalJSON(); err != nil || string(got) != want {
		t.Errorf("marshaled %s, %v", got, err)
	}
}

func TestStrings(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"":                         `""`,
		`"\/`:                      `"\"\\/"`,
		"\b\f\n\r\t":               `"\b\f\n\r\t"`,
		"\x00\x01\x1f\x7f":         "\"\\u0000\\u0001\\u001f\x7f\"",
		"<a href='&'>":             `"<a href='&'>"`,
		"ä€\U0001F600\u2028\ufffd": "\"ä€\U0001F600\u2028\ufffd\"",
		"a\xffb\xc3":               "\"a\ufffdb\ufffd\"",
	}
	for text, want := range tests {
		got := string(String(text).AppendJSON(nil))
		if got != want {
			t.Errorf("%q is written %s, want %s", text, got, want)
		}
		var back string
		if err := json.Unmarshal([]byte(got), &back); err != nil || back != strings.ToValidUTF8(text, "\ufffd") {
			t.Errorf("%s reads as %q, %v", got, back, err)
		}
	}
}

func TestUnmarshalJSON(t *testing.T) {
	t.Parallel()
	s := parse(t, ` { "s":"x" , "i":-1,"t":true,"f":false , "several":["a",1,true],
		"null":null,"fraction":1.0,"exponent":1e2,"object":{"b":1,"a":2},
		"none":[],"one":[1],"nested":[1,[2]],"objects":[{"a":1},{"b":2}],"nulls":[1,null],
		"largest":9223372036854775807,"smallest":-9223372036854775808,"larger":9223372036854775808,"precise":9007199254740993 } `)
	want := map[string][]Value{
		"s": {String("x")}, "i": {Integer(-1)}, "t": {Boolean(true)}, "f": {Boolean(false)},
		"several": {String("a"), Integer(1), Boolean(true)},
		"null":    {mustJSON(t, "null")}, "fraction": {mustJSON(t, "1.0")}, "exponent": {mustJSON(t, "1e2")},
		"object": {mustJSON(t, `{"a":2,"b":1}`)}, "none": {mustJSON(t, "[]")}, "one": {mustJSON(t, "[1]")},
		"nested": {mustJSON(t, "[1,[2]]")}, "objects": {mustJSON(t, `[{"a":1},{"b":2}]`)}, "nulls": {mustJSON(t, "[1,null]")},
		"largest": {Integer(9223372036854775807)}, "smallest": {Integer(-9223372036854775808)},
		"larger": {mustJSON(t, "9223372036854775808")}, "precise": {Integer(9007199254740993)},
	}
	for name, values := range want {
		if diff := cmp.Diff(values, s.Values(name), cmp.Comparer(func(a, b Value) bool { return a == b })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if s.Len() != len(want) {
		t.Errorf("%d names, want %d", s.Len(), len(want))
	}
	if names := s.Names(); !cmp.Equal(names[:3], []string{"exponent", "f", "fraction"}) {
		t.Errorf("names begin %v, want them sorted", names[:3])
	}
}

// TestCanonicalForm checks what canonical means: sorted, compact, numbers and
// texts untouched.
func TestCanonicalForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{\"b\":{\"d\":[ ],\"c\":{ }},\n\"a\":[1 ,\t2.50,-0,1E+2]}": `{"a":[1,2.50,-0,1E+2],"b":{"c":{},"d":[]}}`,
		`"\u00e4\/\u003c\ud83d\ude00"`:                              "\"ä/<\U0001F600\"",
		`{"\u0061":1}`:                                              `{"a":1}`,
		" true ":                                                    `true`,
		`123456789012345678901234567890.1`:                          `123456789012345678901234567890.1`,
		`{"B":1,"a":2,"A":3}`:                                       `{"A":3,"B":1,"a":2}`,
	} {
		if got := mustJSON(t, text).String(); got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
	}
}

func TestRefusedJSON(t *testing.T) {
	t.Parallel()
	nested := func(n int, left, inner, right string) string {
		return strings.Repeat(left, n) + inner + strings.Repeat(right, n)
	}
	tests := map[string]struct{ text, want string }{
		"nothing":               {"", "not valid JSON"},
		"white space":           {" \n", "not valid JSON"},
		"a word":                {"maybe", "not valid JSON"},
		"two values":            {"{} {}", "found more after the value"},
		"a trailing word":       {"{}x", "found more after the value"},
		"a trailing bracket":    {"[1]]", "found more after the value"},
		"an open object":        {`{"a":1`, "object has no end"},
		"an open array":         {`[1`, "array has no end"},
		"an open string":        {`"a`, "not valid JSON"},
		"a comma too many":      {`[1,]`, "not valid JSON"},
		"a comma before":        {`[,1]`, "not valid JSON"},
		"a comma in an object":  {`{"a":1,}`, "not valid JSON"},
		"no comma":              {`[1 2]`, "not valid JSON"},
		"no colon":              {`{"a" 1}`, "not valid JSON"},
		"no value":              {`{"a":}`, "not valid JSON"},
		"mismatched brackets":   {`[1}`, "array has no end"},
		"a number as name":      {`{1:2}`, "not valid JSON"},
		"a leading zero":        {`01`, "found more after the value"},
		"a plus sign":           {`+1`, "not valid JSON"},
		"single quotation mark": {`'a'`, "not valid JSON"},
		"a comment":             {`{} // x`, "found more after the value"},
		"a control character":   {"\"a\nb\"", "not valid JSON"},
		"bad UTF-8":             {"\"a\xff\"", "not valid UTF-8"},
		"a name twice":          {`{"a":1,"b":2,"a":1}`, `member "a" stands twice`},
		"a name twice, escaped": {`{"a":1,"\u0061":2}`, `member "a" stands twice`},
		"a name twice, inside":  {`{"x":[{"a":1,"a":2}]}`, `member "a" stands twice`},
		"too deep an array":     {nested(65, "[", "1", "]"), "nested deeper than 64 levels"},
		"too deep an object":    {nested(65, `{"a":`, "1", "}"), "nested deeper than 64 levels"},
		"very deep":             {strings.Repeat("[", 1<<20), "nested deeper than 64 levels"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := JSON([]byte(test.text))
			var bad *JSONError
			if !errors.As(err, &bad) || v != (Value{}) {
				t.Fatalf("value %s, error %v, want a JSONError", v, err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q, want one that says %q", err, test.want)
			}
			if bad.Offset < 0 || bad.Offset > int64(len(test.text)) {
				t.Errorf("offset %d in %d bytes", bad.Offset, len(test.text))
			}
			s := example()
			if err := s.UnmarshalJSON([]byte(test.text)); err == nil || !s.Equal(example()) {
				t.Errorf("as a claim set: error %v, set %s", err, s.AppendJSON(nil))
			}
		})
	}
	for name, text := range map[string]string{"arrays": nested(64, "[", "1", "]"), "objects": nested(64, `{"a":`, "1", "}")} {
		if got := mustJSON(t, text).String(); got != text {
			t.Errorf("64 %s become %s", name, got)
		}
	}
	// Names are compared within one object only.
	mustJSON(t, `[{"a":1},{"a":{"a":{}}}]`)
}

func TestOnlyObjectsAreClaimSets(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"null", "1", `"a"`, "true", "[]", `[{"a":1}]`} {
		s := example()
		var bad *JSONError
		if err := s.UnmarshalJSON([]byte(text)); !errors.As(err, &bad) || !s.Equal(example()) {
			t.Errorf("%s: error %v, set %s", text, err, s.AppendJSON(nil))
		}
	}
}
