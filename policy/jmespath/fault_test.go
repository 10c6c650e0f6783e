package jmespath

import (
	"errors"
	"testing"
)

// A bare integer may stand where published policies have one, and is told.
func TestNotes(t *testing.T) {
	t.Parallel()
	for query, want := range map[string][]int{
		"[?a == 12]":                    {7},
		"[?a ==20 && b < -3 || c!= 0]":  {6, 16, 26},
		"[?a == true]":                  {7},
		"null != @":                     {0},
		"[?false == null]":              {2, 11},
		"[?a == `12` || \"true\" == b]": nil,
		"[true]":                        nil,
		"true.a == b":                   nil,
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			var got []int
			for _, note := range mustCompile(t, query).Notes() {
				if note.Message == "" {
					t.Error("a note says nothing")
				}
				got = append(got, note.Offset)
			}
			if len(got) != len(want) {
				t.Fatalf("notes at %v, want %v", got, want)
			}
			for i := range got {
				if got[i] != want[i] {
					t.Errorf("notes at %v, want %v", got, want)
				}
			}
		})
	}
	checkFindings(t, `{"a":[{"n":12},{"n":9007199254740993},{"n":99999999999999999999}]}`, []finding{
		{`a[?n == 12]`, `[{"n":12}]`},
		{`a[?n > 12 && n < 9007199254740994]`, `[{"n":9007199254740993}]`},
		{`a[?n==99999999999999999999].n`, `[99999999999999999999]`},
		{`a | length(@) == 3 && @[0].n`, `12`},
	})
}

// What goes wrong in a search says where, and in which function.
func TestEvaluationErrors(t *testing.T) {
	t.Parallel()
	v := mustParse(t, `{"a":[1,"x",null],"o":{},"s":"text","n":1e308}`)
	for query, want := range map[string]EvaluationError{
		`abs(s)`:                    {InvalidType, 0, "abs", "argument 1 is a string, want a number"},
		` abs(missing)`:             {InvalidType, 1, "abs", "argument 1 is null, want a number"},
		`[o, length(n)]`:            {InvalidType, 4, "length", "argument 1 is a number, want a string or an array or an object"},
		`avg(a)`:                    {InvalidType, 0, "avg", "element 1 is a string, want a number"},
		`max(a)`:                    {InvalidType, 0, "max", "element 1 is a string, want a number"},
		`sort(a[2:])`:               {},
		"sort(`[true]`)":            {InvalidType, 0, "sort", "element 0 is a boolean, want a number or a string"},
		`sort_by(a, &@)`:            {InvalidType, 0, "sort_by", "element 1 is a string, want a number"},
		`min_by(a, &missing)`:       {InvalidType, 0, "min_by", "element 0 is null, want a number or a string"},
		`map(&abs(@), a)`:           {InvalidType, 5, "abs", "argument 1 is a string, want a number"},
		`sum([n, n])`:               {InvalidValue, 0, "sum", "the result is beyond float64"},
		`join(', ', a)`:             {InvalidType, 0, "join", "element 0 is a number, want a string"},
		`merge(o, s)`:               {InvalidType, 0, "merge", "argument 2 is a string, want an object"},
		`equals_ignore_case(s, n)`:  {InvalidType, 0, "equals_ignore_case", "argument 2 is a number, want a string"},
		`contains(n, s)`:            {InvalidType, 0, "contains", "argument 1 is a number, want a string or an array"},
		`a[?starts_with(@, 't')]`:   {InvalidType, 3, "starts_with", "argument 1 is a number, want a string"},
		`o.* | s || keys(a)`:        {InvalidType, 11, "keys", "argument 1 is null, want an object"},
		`s || keys(a)`:              {},
		`missing[?keys(a)]`:         {},
		`missing.length(@)`:         {InvalidType, 8, "length", "argument 1 is null, want a string or an array or an object"},
		`not_null(missing, abs(s))`: {InvalidType, 18, "abs", "argument 1 is a string, want a number"},
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			got, err := mustCompile(t, query).Search(v)
			if want == (EvaluationError{}) {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var failed *EvaluationError
			if !errors.As(err, &failed) {
				t.Fatalf("found %s, error %v, want an EvaluationError", got.JSON(), err)
			}
			if *failed != want {
				t.Errorf("got %+v\nwant %+v", *failed, want)
			}
			if !got.IsNull() || failed.Error() == "" {
				t.Errorf("beside the error stands %s", got.JSON())
			}
		})
	}
}

// Searches that share a budget end once it is spent, and not before.
func TestBudget(t *testing.T) {
	t.Parallel()
	q, v := mustCompile(t, "[*].a"), mustParse(t, `[{"a":1},{"a":2}]`)
	budget := Budget{Steps: 1000}
	if _, err := q.SearchWithin(v, &budget); err != nil {
		t.Fatal(err)
	}
	cost := 1000 - budget.Steps
	if cost < 5 || cost > 50 {
		t.Errorf("the search cost %d steps", cost)
	}
	budget.Steps = 2*cost + 1
	for i, want := range []Code{"", "", LimitExceeded, LimitExceeded} {
		_, err := q.SearchWithin(v, &budget)
		var got Code
		if failed, ok := errors.AsType[*EvaluationError](err); ok {
			got = failed.Code
		}
		if got != want {
			t.Errorf("search %d: error %v, want %q", i+1, err, want)
		}
	}
}
