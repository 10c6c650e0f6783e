package claims

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/azattest/azattest/internal/corpus"
)

// FuzzUnmarshalJSON checks that reading never panics, that what was read is
// written in one form only, and that this form is the same document.
func FuzzUnmarshalJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":[1,"x",true,null]}`, `{"b":{"a":1,"c":[]},"a":1.50}`, `{"a":1,"a":2}`, `{"a":"\ud800\u0000<"}`,
		`{"i":9223372036854775807,"j":-9223372036854775809,"k":-0}`, `[[[[`, "{\"\xff\":1}",
	} {
		f.Add([]byte(seed))
	}
	if _, ok := corpus.Find(); ok {
		for _, bodies := range recordedBodies(f) {
			for _, body := range bodies {
				f.Add(body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := new(Set)
		if err := s.UnmarshalJSON(raw); err != nil {
			if s.Len() != 0 {
				t.Errorf("refused (%v), yet it left %s", err, s.AppendJSON(nil))
			}
			return
		}
		written := s.AppendJSON(nil)
		if !json.Valid(written) {
			t.Fatalf("%q is written as %q, which is no JSON", raw, written)
		}
		again := new(Set)
		if err := again.UnmarshalJSON(written); err != nil {
			t.Fatalf("%q is refused: %v", written, err)
		}
		if !again.Equal(s) {
			t.Errorf("%q reads as %s", written, again.AppendJSON(nil))
		}
		// Compared as any decoder sees them, which knows numbers as float64.
		var before, after any
		if json.Unmarshal(raw, &before) == nil && json.Unmarshal(written, &after) == nil {
			if !reflect.DeepEqual(before, after) {
				t.Errorf("%q is written as %q, another document", raw, written)
			}
		}
	})
}
