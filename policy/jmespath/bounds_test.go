package jmespath

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// What is too large to compile is refused; as much as is allowed compiles.
func TestCompileBounds(t *testing.T) {
	t.Parallel()
	deep := func(before, middle, after string, n int) string {
		return strings.Repeat(before, n) + middle + strings.Repeat(after, n)
	}
	for name, build := range map[string]func(n int) string{
		"parentheses": func(n int) string { return deep("(", "a", ")", n) },
		"nots":        func(n int) string { return deep("!", "a", "", n) },
		"lists":       func(n int) string { return deep("[", "a", "]", n) },
		"hashes":      func(n int) string { return deep("{a:", "a", "}", n) },
		"calls":       func(n int) string { return deep("abs(", "a", ")", n) },
		"references":  func(n int) string { return deep("map(&", "a", ",b)", n) },
		"filters":     func(n int) string { return deep("a[?", "a", "]", n) },
		"flattenings": func(n int) string { return deep("", "a", "[]", n) },
		"projections": func(n int) string { return deep("", "a", "[*]", n) },
		"stars":       func(n int) string { return deep("", "*", ".*", n) },
		"comparisons": func(n int) string { return deep("", "a", "==a", n) },
	} {
		for _, n := range []int{maxNesting/2 - 2, 2 * maxNesting, maxExpression / 8} {
			query := build(n)
			if len(query) > maxExpression {
				query = query[:maxExpression]
			}
			_, err := Compile(query)
			var fault *SyntaxError
			switch {
			case n < maxNesting && err != nil:
				t.Errorf("%s, %d of them: %v", name, n, err)
			case n > maxNesting && (!errors.As(err, &fault) || fault.Code != LimitExceeded):
				t.Errorf("%s, %d of them: error %v, want one of a limit", name, n, err)
			}
		}
	}
	for _, operator := range []string{"||", "&&", "|", "."} {
		query := strings.Repeat("a"+operator, maxExpression/(1+len(operator))-1) + "a"
		if _, err := mustCompile(t, query).Search(mustParse(t, `{"a":{"a":[]}}`)); err != nil {
			t.Errorf("a long chain of %s: %v", operator, err)
		}
	}
	var fault *SyntaxError
	if _, err := Compile(strings.Repeat(" ", maxExpression) + "a"); !errors.As(err, &fault) || fault.Code != LimitExceeded {
		t.Errorf("error %v, want one of a limit", err)
	}
	mustCompile(t, strings.Repeat(" ", maxExpression-1)+"a")
}

// extremes are searches that would take long, or build much.
func extremes() map[string]struct{ query, document string } {
	numbers := "[" + strings.Repeat("1,", 60000) + "1]"
	texts := `["` + strings.Repeat("x", 900000) + `","` + strings.Repeat("x", 899999) + `y"]`
	bigs := "[" + strings.Repeat(strings.Repeat("9", 300)+",", 6000) + "1]"
	object := "{"
	for i := range 20000 {
		object += fmt.Sprintf(`"member%d":%d,`, i, i)
	}
	object += `"z":1}`
	repeat := func(text, separator string) string {
		return strings.Repeat(text+separator, (maxExpression-64)/(len(text)+len(separator))-1) + text
	}
	return map[string]struct{ query, document string }{
		"doubling":           {repeat("[@,@]", "|"), `1`},
		"doubling flat":      {repeat("[@,@][]", "|"), `[1]`},
		"doubling text":      {repeat("join('',[@,@])", "|"), `"x"`},
		"doubling as text":   {repeat("to_string([@,@])", "|"), `"\"\\"`},
		"doubling merge":     {repeat("{a:@,b:@}", "|"), object},
		"deepening":          {repeat("[@]", "|"), `1`},
		"squares":            {"[*].[[@][0],`1`][]|[?@[?@]]", numbers},
		"products":           {"@.map(&map(&@, `[1,2,3,4,5,6,7,8,9]`), @)", numbers},
		"equal texts":        {repeat("[0]==[1]", "||"), texts},
		"equal arrays":       {repeat("[*]!=@", "||"), numbers},
		"equal folded":       {repeat("equals_ignore_case([0],[1])", "||"), texts},
		"contained":          {repeat("contains([0],[1])", "||"), texts},
		"contained elements": {repeat("contains(@,`2`)", "||"), numbers},
		"reversed":           {repeat("reverse(@)", "|"), numbers},
		"reversed text":      {"[0]|" + repeat("reverse(@)", "|"), texts},
		"lengths":            {repeat("!length([0])", "||"), texts},
		"sorted":             {"map(&sort(@), [@,@,@,@])", numbers},
		"sorted texts":       {repeat("!sort(@)", "||"), texts},
		"sorted bigs":        {"sort(@)|" + repeat("sort(@)", "|"), bigs},
		"summed bigs":        {repeat("!sum(@)", "||"), bigs},
		"keys":               {repeat("!keys(@)", "||"), object},
		"merged":             {"merge(" + repeat("@", ",") + ")", object},
		"flattened":          {"[@,@,@,@,@]|" + repeat("[]", "|"), numbers},
		"sliced":             {repeat("@[::-1]", "|"), numbers},
		"joined":             {repeat("!join([0],[@[1],@[1]])", "||"), texts},
		"greatest":           {repeat("!max(@)", "||"), bigs},
		"averaged":           {repeat("!avg(@)", "||"), bigs},
		"converted":          {repeat("!to_string(@)", "||"), bigs},
		"hashed":             {"[*].{" + repeat("a:@", ",") + "}", numbers},
		"listed":             {"[*].[" + repeat("@", ",") + "]", numbers},
	}
}

func TestSearchBounds(t *testing.T) {
	t.Parallel()
	for name, extreme := range extremes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := mustCompile(t, extreme.query).Search(mustParse(t, extreme.document))
			var failed *EvaluationError
			if !errors.As(err, &failed) || failed.Code != LimitExceeded {
				t.Errorf("error %v, want one of a limit; found %d values", err, found.Len())
			}
		})
	}
}

// What a query builds is no larger than a document may be.
func TestResultsAreBounded(t *testing.T) {
	t.Parallel()
	text := mustParse(t, `"`+strings.Repeat("x", 900000)+`"`)
	if _, err := mustCompile(t, "[@, @]").Search(text); err != nil {
		t.Error(err)
	}
	for _, query := range []string{"[@, @, @]", "{a: @, b: @, c: @}", "[[@, @], @]", "join('', [@, @, @])", "to_string([@, @, @])"} {
		_, err := mustCompile(t, query).Search(text)
		if failed, ok := errors.AsType[*EvaluationError](err); !ok || failed.Code != LimitExceeded || !strings.Contains(failed.Message, "bytes") {
			t.Errorf("%s: error %v, want one of too many bytes", query, err)
		}
	}
}

// As much as a real log needs is within the bounds.
func TestSearchesWithinBounds(t *testing.T) {
	t.Parallel()
	log := mustParse(t, eventLog(2000))
	for _, query := range healthQueries {
		if _, err := mustCompile(t, query).Search(log); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}
