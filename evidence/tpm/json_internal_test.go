package tpm

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// acceptable is what encoding/json says of a text that is one object.
func acceptable(raw []byte) bool {
	return utf8.Valid(raw) && json.Valid(raw) && bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{"))
}

// FuzzParseJSON holds the reader against encoding/json: it takes no text that is
// none, and of what it takes all members are there as the library sees them.
func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { "a" : [1, -0.5e+7, {"b":null}], "c":"\u00e9\\\"", "d": true } `, `{"a":1,"a":2}`, `{"a":01}`, `{"a":"` + "\x01" + `"}`,
		`{"a":"\x"}`, `{"a":1,}`, `{"a" 1}`, `{"a":tru}`, `{"a":1}}`, `[{}]`, `{"a":"\\"}`, `{"\\":"b"}`, `{"a":-}`, `{"a":1.}`, `{"a":1e}`, "{\"a\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := parseJSON("payload", raw)
		if err != nil {
			return
		}
		if !acceptable(raw) {
			t.Fatalf("%q was taken", raw)
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		if len(want) != len(o.members) {
			t.Fatalf("%q: %d members, want %d", raw, len(o.members), len(want))
		}
		for name, value := range want {
			if !bytes.Equal(o.members[name], value) {
				t.Fatalf("%q: member %q is %q, want %q", raw, name, o.members[name], value)
			}
		}
	})
}

// What is JSON is taken, but for what is stricter here on purpose.
func TestParseJSON(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		`{}`, ` {"a":{"b":[{"c":"d"},[],{}]}} `, `{"a":"\/\b\f\n\r\t\u12aF"}`, `{"a":0,"b":-0,"c":10.25,"d":1E-3,"e":1e+3}`, `{"a":"}{\"]["}`,
	} {
		if _, err := parseJSON("payload", []byte(raw)); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
		if !acceptable([]byte(raw)) {
			t.Errorf("%s is no JSON", raw)
		}
	}
	deep := bytes.Repeat([]byte(`{"a":`), 50)
	for _, raw := range []string{
		``, ` `, `[]`, `"a"`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{a:1}`, `{"a":'b'}`, `{"a":1 "b":2}`, `{"a":.5}`, `{"a":+1}`, `{"a":1} {}`, `{"a":"b`,
		`{"a":"\u12g4"}`, `{"a":"\u12`, `{"a":nul}`, `{"a":1,"a":1}`, `{"\u0061":1}`, "{\"a\":\"\n\"}", string(deep) + `1` + string(bytes.Repeat([]byte("}"), 50)),
	} {
		if o, err := parseJSON("payload", []byte(raw)); err == nil {
			t.Errorf("%q was taken: %v", raw, o.members)
		}
	}
}
