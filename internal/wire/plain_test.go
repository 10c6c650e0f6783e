package wire

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// plainBodies are read without the decoder, or must not be.
var plainBodies = map[string]bool{
	`{}`: true,
	"\t\r\n {\"quote\" : \"AA\" ,\n\"nonce\":null } ":              true,
	`{"quote":"AA","runtimeData":{"data":"BB","dataType":"JSON"}}`: true,
	`{"quote":"AA","x":{"y":{},"y":{"y":null}}}`:                   true, // what nobody reads may stand twice
	`{"quote":"ä€😀"}`:                                              true,
	`{"":""}`:                                                      true,
	`{"a":` + strings.Repeat(`{"a":`, maxDepth-2) + `{}` + strings.Repeat(`}`, maxDepth-1): true,

	``: false, ` `: false, `null`: false, `[]`: false, `"quote"`: false, `{`: false, `{"`: false, `{"a"`: false, `{"a":`: false,
	`{"a":"`: false, `{"a":"b"`: false, `{"a":"b",`: false, `{"a":"b",}`: false, `{,"a":"b"}`: false, `{"a":"b"}}`: false,
	`{"a":"b"}{}`: false, `{"a":"b"}x`: false, `{"a" "b"}`: false, `{"a":"b" "c":"d"}`: false, `{a:"b"}`: false,
	`{"a":nul}`: false, `{"a":nullnull}`: false, `{"a":Null}`: false, `{null:"a"}`: false, `{{}:"a"}`: false, `{"a":{"b"}}`: false,
	"{\"a\":\"\n\"}": false, "{\"a\x00\":\"\"}": false, "{\"a\":\"b\"\v}": false, "{\"a\":\"b\"}\u00a0": false, "\ufeff{}": false,
	// JSON, but for the decoder.
	`{"a":1}`: false, `{"a":true}`: false, `{"a":[]}`: false, `{"a":"\n"}`: false, `{"\u0061":"b"}`: false, `{"a":"\""}`: false,
	// Refused by both, and the decoder says why.
	`{"a":"b","A":"c"}`: false,
}

func TestReadPlainKnowsWhatItCanRead(t *testing.T) {
	t.Parallel()
	for body, want := range plainBodies {
		o := newObject(bodyPath)
		if got := o.readPlain([]byte(body)); got != want {
			t.Errorf("%.60q: %t, want %t", body, got, want)
		}
	}
}

func TestReadPlainLeavesManyMembersToTheDecoder(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]bool{maxMembers: true, maxMembers + 1: false} {
		var members []string
		for i := range n {
			members = append(members, `"m`+strings.Repeat("x", i)+`":null`)
		}
		o := newObject(bodyPath)
		if got := o.readPlain([]byte("{" + strings.Join(members, ",") + "}")); got != want {
			t.Errorf("%d members: %t, want %t", n, got, want)
		}
	}
}

func TestHasControlFindsEveryControlCharacterEverywhere(t *testing.T) {
	t.Parallel()
	for length := 1; length <= 20; length++ {
		for at := range length {
			for _, around := range []byte{' ', '!', 'a', 0x7f, 0x80, 0xa0, 0xff} {
				text := bytes.Repeat([]byte{around}, length)
				for c := range 256 {
					text[at] = byte(c)
					if got := hasControl(text); got != (c < ' ') {
						t.Fatalf("%#x: %t", text, got)
					}
				}
			}
		}
	}
}

// FuzzReadPlain checks that what is read without the decoder is what the decoder
// reads, member by member, and that what the decoder refuses is never read.
func FuzzReadPlain(f *testing.F) {
	for body := range plainBodies {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parseBody(body)
		want := newObject(bodyPath)
		wantErr := want.readAny(body)
		if len(body) == 0 || !utf8.Valid(body) || depth(body) > maxDepth {
			// Refused, whatever the decoder says.
			if err == nil {
				t.Fatal("read, want it refused")
			}
			return
		}
		if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Fatalf("error %v, the decoder says %v", err, wantErr)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(want.members, got.members); diff != "" {
			t.Fatalf("(-decoder +plain):\n%s", diff)
		}
	})
}
