package jmespath

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/azattest/azattest/internal/corpus"
)

var queries = []string{
	"a.b[0] | c", "[?a == `1` && !b || 'c' != d].e[]", "{x: a[*].b, \"y z\": [@, `{\"k\":[1.5]}`]}", "sort_by(a, &b)[::-1].*",
	"a[1:2:-1]", "join('\\'', map(&to_string(@), a))", "a == 12", "*.b.c", "[*][0][]", "equals_ignore_case(a, 'B')",
	"avg(a) >= sum(a) || max_by(a, &@)", "merge(a, {b: @}) | keys(@)", "((((a))))", "a[", "`", "'", "\"", "&a", "\xff",
	"to_number('9223372036854775808') < `1e20`", "contains(a, b.c) && starts_with(@, 'x')",
}

var texts = []string{
	`{"a":{"b":[{"c":1},null,2.5]},"d":"x"}`, `[1,9223372036854775808,-0.0,1e300,"\ud83d\ude00\n\u0000"]`,
	`{"a":1,"a":2}`, `[[[[]]]]`, `"\ud800"`, `-`, ``, `{"é":true,"e":false,"":null}`, `[1] 2`, "\xff",
}

// seed adds the corpus's queries, or what stands where they stand.
func seed(f *testing.F, add func(text string)) {
	f.Helper()
	dir, ok := corpus.Find()
	if !ok {
		return
	}
	for _, query := range policyQueries(f, dir) {
		add(query)
	}
}

// FuzzCompile checks that whatever compiles says the same again, and that a
// fault lies in the text.
func FuzzCompile(f *testing.F) {
	for _, query := range queries {
		f.Add(query)
	}
	seed(f, func(text string) { f.Add(text) })
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Compile(text)
		if err == nil {
			if q.String() != text || q.root.nesting > maxNesting {
				t.Errorf("the query is %q, %d deep", q, q.root.nesting)
			}
			if _, err := Compile("(" + text + ")"); err != nil && q.root.nesting < maxNesting/2 && len(text) < maxExpression-2 && strings.Count(text, "(")+strings.Count(text, "[")+strings.Count(text, "{")+strings.Count(text, "!") < maxNesting/2 {
				t.Errorf("in parentheses: %v", err)
			}
			for _, note := range q.Notes() {
				if note.Offset < 0 || note.Offset >= len(text) || note.Message == "" {
					t.Errorf("note %+v", note)
				}
			}
			return
		}
		var fault *SyntaxError
		if !errors.As(err, &fault) || q != nil {
			t.Fatalf("query %v, error %v, want a SyntaxError", q, err)
		}
		if fault.Offset < 0 || fault.Offset > len(text) || fault.Code == "" || fault.Message == "" {
			t.Errorf("fault %+v", fault)
		}
		if fault.Found != "" && !strings.HasPrefix(text[fault.Offset:], fault.Found) {
			t.Errorf("fault %+v does not stand in the text", fault)
		}
	})
}

// FuzzSearch checks that a search ends within its bounds, always alike, without
// touching the document, and that what it finds is JSON within the bounds of a
// document.
func FuzzSearch(f *testing.F) {
	for i, query := range queries {
		f.Add(query, texts[i%len(texts)])
		f.Add(query, texts[0])
	}
	seed(f, func(text string) { f.Add(text, eventLog(8)) })
	f.Fuzz(func(t *testing.T, query, text string) {
		q, err := Compile(query)
		if err != nil {
			return
		}
		document, err := ParseJSON(text)
		if err != nil {
			return
		}
		before := document.JSON()
		found, err := q.Search(document)
		again, errAgain := q.Search(document)
		if document.JSON() != before {
			t.Errorf("the document was %s and is %s", before, document.JSON())
		}
		if err != nil {
			var failed *EvaluationError
			if !errors.As(err, &failed) || !found.IsNull() || failed.Offset < 0 || failed.Offset >= len(query) {
				t.Fatalf("found %s, error %+v, want an EvaluationError", found.JSON(), err)
			}
			if errAgain == nil || errAgain.Error() != err.Error() {
				t.Errorf("first %v, then %v", err, errAgain)
			}
			return
		}
		if errAgain != nil || !found.Equal(again) {
			t.Errorf("first %s, then %s, %v", found.JSON(), again.JSON(), errAgain)
		}
		if size := found.size(); size < maxValues {
			checkRoundTrip(t, found)
		}
	})
}

// FuzzParseJSON checks that a document reads as encoding/json reads it, except
// that it may be refused, and that its JSON reads as the same value.
func FuzzParseJSON(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Add(eventLog(8))
	f.Fuzz(func(t *testing.T, text string) {
		v, err := ParseJSON(text)
		if err != nil {
			var fault *JSONError
			if !errors.As(err, &fault) || fault.Offset < 0 || fault.Offset > len(text) || fault.Problem == "" {
				t.Errorf("error %+v, want a JSONError", err)
			}
			return
		}
		if !json.Valid([]byte(text)) || !utf8.ValidString(text) {
			t.Fatalf("reads as %s and is no JSON", v.JSON())
		}
		checkRoundTrip(t, v)
		if !alike(decode(text), decode(v.JSON())) {
			t.Errorf("reads as %s", v.JSON())
		}
	})
}

// checkRoundTrip checks that the JSON of a value reads as the same value, of the
// same kind.
func checkRoundTrip(t *testing.T, v Value) {
	t.Helper()
	text := v.JSON()
	if len(text) > v.size() {
		t.Errorf("size %d, but %d bytes of JSON", v.size(), len(text))
	}
	if len(text) > maxDocument {
		return
	}
	again, err := ParseJSON(text)
	if err != nil {
		t.Fatalf("%s does not read: %v", text, err)
	}
	if !again.Equal(v) || again.Kind() != v.Kind() || again.JSON() != text {
		t.Errorf("%s reads as %s", text, again.JSON())
	}
}
