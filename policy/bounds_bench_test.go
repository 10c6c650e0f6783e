package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/azattest/azattest/claims"
)

// costly are policies that take as much as the bounds let them, or nearly.
func costly() map[string]struct {
	text     string
	incoming *claims.Set
} {
	numbers := "[" + strings.Repeat("1,", 10_000) + "1]"
	distinct := "[0"
	for i := 1; i < 4000; i++ {
		distinct += fmt.Sprintf(",%d", i)
	}
	distinct += "]"
	texts := make([]any, 4000)
	for i := range texts {
		texts[i] = fmt.Sprintf("a text of some length %d", i)
	}
	repeated := func(n int, rule string) string {
		rules := make([]string, n)
		for i := range rules {
			rules[i] = strings.ReplaceAll(rule, "%d", fmt.Sprint(i+1))
		}
		return functional(rules...)
	}
	asked := func(query string) string {
		return repeated(500, `c:[type=="j"] => add(type="x", value=JmesPath(c.value, "`+query+`"));`)
	}
	return map[string]struct {
		text     string
		incoming *claims.Set
	}{
		"subset":           {repeated(500, `c:[type=="n"] => add(type="x", value=IsSubsetOf(c.value, c.value));`), set("n", texts)},
		"subset, integers": {repeated(500, `c:[type=="n"] => add(type="x", value=IsSubsetOf(c.value, c.value));`), set("n", many(4000))},
		"subset, queried":  {repeated(500, `c:[type=="j"] => add(type="x", value=IsSubsetOf(JsonToClaimValue(JmesPath(c.value, "@")), JsonToClaimValue(JmesPath(c.value, "@"))));`), set("j", distinct)},
		"issue":            {repeated(500, `c:[type=="n"] => issue(type="x", value=c.value);`), set("n", texts)},
		"issue, two types": {repeated(250, `c:[type=="n"] => issue(type="x", value=c.value);c:[type=="n"] => issue(type="y", value=c.value);`), set("n", texts)},
		"issue claims":     {repeated(500, `c:[type=="n"] => issue(claim=c);`), set("n", many(4000))},
		"add":              {repeated(500, `c:[type=="n"] => add(type="n", value=c.value);`), set("n", many(2000))},
		"compared":         {repeated(500, `c:[type=="n"] && d:[type=="n", value==c.value] => issue(claim=d);`), set("n", many(1000))},
		"contains":         {asked("[contains(@,'" + strings.Repeat("x", 100) + "…'),`%d`]"), set("j", `"`+strings.Repeat("x", 1<<19)+`"`)},
		"contains, rare":   {asked("[contains(@,'…'),`%d`]"), set("j", `"`+strings.Repeat("‥", 1<<17)+`"`)},
		"folded":           {asked("[equals_ignore_case(@,@),`%d`]"), set("j", `"`+strings.Repeat("É", 1<<18)+`"`)},
		"text reversed":    {asked("[length(reverse(@)),`%d`]"), set("j", `"`+strings.Repeat("x", 1<<19)+`"`)},
		"text length":      {asked("[length(@),`%d`]"), set("j", `"`+strings.Repeat("É", 1<<18)+`"`)},
		"slice":            {asked("length([%d:])"), set("j", numbers)},
		"slice back":       {asked("length([::-1])|[@,`%d`]"), set("j", numbers)},
		"reverse":          {asked("[length(reverse(@)),`%d`]"), set("j", numbers)},
		"sort":             {asked("[length(sort(@)),`%d`]"), set("j", numbers)},
		"sort by":          {asked("[length(sort_by(@,&@)),`%d`]"), set("j", numbers)},
		"project":          {asked("[length([*]),`%d`]"), set("j", numbers)},
		"filter":           {asked("[length([?@>`0`]),`%d`]"), set("j", numbers)},
		"flatten":          {asked("[length([]),`%d`]"), set("j", numbers)},
		"sum":              {asked("[sum(@),`%d`]"), set("j", numbers)},
		"map":              {asked("[length(map(&[@],@)),`%d`]"), set("j", numbers)},
		"hash":             {asked("[length([*].{a:@}),`%d`]"), set("j", numbers)},
		"written":          {asked("[length(to_string(@)),`%d`]"), set("j", numbers)},
		"read":             {repeated(500, `c:[type=="j"] => add(type="x", value=JmesPath(AppendString(c.value, " "), "[%d]"));`), set("j", numbers)},
	}
}

// BenchmarkBounds measures the worst that an evaluation can take.
func BenchmarkBounds(b *testing.B) {
	for name, c := range costly() {
		b.Run(name, func(b *testing.B) {
			p := mustCompile(b, c.text)
			end := ""
			for b.Loop() {
				_, err := p.Decide(c.incoming)
				if end = "permit"; err != nil {
					end = err.Error()
				}
			}
			if len(end) > 300 {
				end = end[:300]
			}
			b.Log(end)
		})
	}
}
