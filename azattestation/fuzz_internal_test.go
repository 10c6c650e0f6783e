package azattestation

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzParseObject: our reader and encoding/json see the same members, where names
// are distinct.
func FuzzParseObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { "a" : 1 , "b" : [ {"a":"}"} , "\"" , -1.5e3 ] , "" : null } `, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"\ud800":1,"\ud801":2}`,
		`{"a":"\\"}`, `{"a":true,"b":false}`, "{\"\xff\":1}", `[]`, `null`, `"{}"`, `{"a":{}}x`, "{\"a\":\t1\r\n}", `{"\u2028":"<"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := parseObject(text)
		var m map[string]json.RawMessage
		mapErr := json.Unmarshal(text, &m)
		if err != nil {
			if mapErr == nil && m != nil && utf8.Valid(text) && len(m) <= maxMembers && countMembers(t, text) == len(m) {
				t.Fatalf("%q is refused: %v", text, err)
			}
			return
		}
		if mapErr != nil || len(m) != len(o) {
			t.Fatalf("%q: %d members, encoding/json sees %d (%v)", text, len(o), len(m), mapErr)
		}
		for _, member := range o {
			name := string(member.name)
			if !bytes.Equal(member.value, m[name]) || !bytes.Equal(o.get(name), member.value) {
				t.Errorf("%q: member %q is %q, encoding/json sees %q", text, name, member.value, m[name])
			}
			var want any
			if err := json.Unmarshal(member.value, &want); err != nil {
				t.Fatalf("%q: member %q is %q: %v", text, name, member.value, err)
			}
			got, isText := decodeString(member.value)
			if wanted, ok := want.(string); ok != isText || got != wanted {
				t.Errorf("%q: member %q is the string %q, encoding/json sees %q", text, name, got, want)
			}
		}
		if len(o.toMap()) != len(m) {
			t.Errorf("%q: the map has %d members", text, len(o.toMap()))
		}
	})
}

// countMembers counts the members of an object, those of one name each.
func countMembers(t *testing.T, text []byte) int {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; d.More(); n++ {
		var value json.RawMessage
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// FuzzNumericDate: a date is the number of seconds that it says, from 1970 to
// 9999.
func FuzzNumericDate(f *testing.F) {
	for _, seed := range []string{
		"0", "-0", "-1", "1617920664.0", "1617920664.75", "1e9", "1E+9", "253402300799", "253402300799.9", "253402300800", "9223372036854775807", "9223372036854775808",
		"1e400", "1e-400", "0.1", `"1"`, "null", "true", "[]", "{}", "", "-0.0", "-1e-9", "0x10", "1_0", "+1", "Inf", "NaN",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		at, err := parseNumericDate(text)
		if !json.Valid(text) || len(text) == 0 || bytes.ContainsAny(text, " \t\r\n") {
			return // a value of parseObject is JSON without space around it
		}
		var want float64
		numErr := json.Unmarshal(text, &want)
		if err != nil {
			if numErr == nil && string(text) != "null" && want >= 0 && want <= maxNumericDate {
				t.Fatalf("%q is refused: %v", text, err)
			}
			return
		}
		if got := float64(at.Unix()) + float64(at.Nanosecond())/1e9; math.Abs(got-want) > 1e-4 || at.Year() < 1970 || at.Year() > 9999 || at.Location() != time.UTC {
			t.Errorf("%q is %s, want %f", text, at, want)
		}
		if again, err := parseNumericDate([]byte(strconv.FormatInt(at.Unix(), 10))); err != nil || !again.Equal(at.Truncate(time.Second)) {
			t.Errorf("%q, whole: %s (%v)", text, again, err)
		}
	})
}
