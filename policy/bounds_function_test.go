package policy

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/azattest/azattest/policy/jmespath"
)

// exceeds checks that a decision ends at a bound, with a problem that begins so.
func exceeds(t *testing.T, text string, incoming []any, problem string) {
	t.Helper()
	failed := failure(t, text, set(incoming...))
	if !failed.IsBound || !strings.HasPrefix(failed.Problem, problem) || failed.Rule == nil {
		t.Errorf("failed for %q, by a bound: %t, want %q", failed.Problem, failed.IsBound, problem)
	}
}

func TestStringsAreBounded(t *testing.T) {
	t.Parallel()
	// Each rule doubles the string: 1000 of them would make 2^1000 bytes.
	doubling := []string{`=> add(type="s0", value="0123456789abcdef");`}
	for i := range 1000 {
		doubling = append(doubling, fmt.Sprintf(`c:[type=="s%d"] => add(type="s%d", value=AppendString(c.value, c.value));`, i, i+1))
	}
	exceeds(t, functional(doubling...), nil, "a function makes a string of 2097152 bytes")

	// None of these is long, but there are many.
	half := strings.Repeat("x", maxString/2)
	var many []string
	for i := range 2 * maxMade / maxString * 2 {
		many = append(many, fmt.Sprintf(`c:[type=="s"] => add(type="n%d", value=AppendString(c.value, "%d"));`, i, i))
	}
	exceeds(t, functional(many...), []any{"s", half}, "functions make strings of more than")

	// What a function gives to a function counts as well.
	nested := `c.value`
	for range 15 {
		nested = `AppendString(` + nested + `,"x")`
	}
	var rules []string
	for range 30 {
		rules = append(rules, `c:[type=="s"] => add(type="n", value=`+nested+`);`)
	}
	exceeds(t, functional(rules...), []any{"s", half}, "functions make strings of more than")
}

func TestQueriesAreBounded(t *testing.T) {
	t.Parallel()
	// A query of cubic cost, from the claims and from the text.
	const cubic = "a[?b[?c[?@ == `1`]]]"
	items := "[" + strings.TrimSuffix(strings.Repeat("1,", 200), ",") + "]"
	inner := `{"c":` + items + `}`
	inner = `{"b":[` + strings.TrimSuffix(strings.Repeat(inner+",", 40), ",") + `]}`
	document := `{"a":[` + strings.TrimSuffix(strings.Repeat(inner+",", 20), ",") + `]}`
	exceeds(t, functional(`c:[type=="j"] => add(type="x", value=JmesPath(c.value, "`+cubic+`"));`), []any{"j", document}, "JmesPath cannot answer the query")

	// Each of these is within bounds, but there are a thousand.
	var rules []string
	for i := range 1000 {
		rules = append(rules, fmt.Sprintf("c:[type==\"j\"] => add(type=\"x\", value=JmesPath(c.value, \"a[0].b[?c[?@ == `%d`]] | [0]\"));", i))
	}
	exceeds(t, functional(rules...), []any{"j", document}, "the queries need more than")

	deep := strings.Repeat("[", 1000) + strings.Repeat("]", 1000)
	failed := failure(t, functional(`c:[type=="j"] => add(type="x", value=JmesPath(c.value, "a"));`), set("j", deep))
	if !strings.HasPrefix(failed.Problem, "JmesPath gets a text that is no JSON") || failed.Unwrap() == nil {
		t.Errorf("failed for %q", failed.Problem)
	}
	exceeds(t, functional(`c:[type=="q"] => add(type="x", value=JmesPath("{}", c.value));`), []any{"q", strings.Repeat("a", 1<<15)}, "JmesPath gets a text that is no query")
	failed = failure(t, functional(`c:[type=="q"] => add(type="x", value=JmesPath("{}", c.value));`), set("q", strings.Repeat("(", 1000)))
	if !strings.HasPrefix(failed.Problem, "JmesPath gets a text that is no query") {
		t.Errorf("failed for %q", failed.Problem)
	}
}

func TestHugeSets(t *testing.T) {
	t.Parallel()
	incoming := set("a", many(2000), "b", many(2000))
	for rule, want := range map[string]string{
		`c:[type=="a"] && d:[type=="b"] => issue(type="x", value=IsSubsetOf(c.value, d.value));`: `{"x":true}`,
		`c:[type=="a"] => issue(type="x", value=ContainsOnlyValue(c.value, 1));`:                 `{"x":false}`,
		`c:[type=="a"] && ![type=="b", value<0] => issue(type="x", value=true);`:                 `{"x":true}`,
	} {
		if got := issued(t, functional(rule), incoming); got != want {
			t.Errorf("%s\n got %s\nwant %s", rule, got, want)
		}
	}
	d, err := mustCompile(t, functional(`c:[type=="a"] => issue(type="x", value=c.value);`, `c:[type=="b"] => issue(type="x", value=c.value);`, `=> issue(type="y", value=1);`)).Decide(incoming)
	if err != nil || len(d.Issued.Values("x")) != 2000 || d.Issued.Len() != 2 {
		t.Errorf("2000 values issued twice: %v", err)
	}
	d, err = mustCompile(t, functional(`c:[type=="a"] => issue(type="x", value=c.value);`, `c:[type=="a"] => issue(type="y", value=c.value);`, `c:[type=="b"] => issue(type="x", value=c.value);`)).Decide(incoming)
	if err != nil || len(d.Issued.Values("x")) != 2000 || len(d.Issued.Values("y")) != 2000 {
		t.Errorf("2000 values issued under two types: %v", err)
	}
}

// TestQueriesOfRunTimeAreKept checks that a program keeps the queries that its
// rules put together, and not all of them.
func TestQueriesOfRunTimeAreKept(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, functional(`q:[type=="q"] => issue(type="x", value=JmesPath("{\"a\": 1}", q.value));`))
	run := func(query string) {
		if _, err := p.Decide(set("q", query)); err != nil {
			t.Fatal(err)
		}
	}
	run("a")
	first := p.queries.find("a")
	if run("a"); first == nil || p.queries.find("a") != first {
		t.Error("the query was compiled again")
	}
	for i := range 2 * maxQueries {
		run(fmt.Sprintf("a%d", i))
	}
	if n := len(p.queries.compiled); n > maxQueries {
		t.Errorf("%d queries are kept, want %d at most", n, maxQueries)
	}
	long := strings.Repeat("a", maxKeptQuery+1)
	if run(long); p.queries.find(long) != nil {
		t.Error("a long query is kept")
	}
}

// TestDocumentsAreReadOnce checks that what has been read or written is found
// again, and that the oldest gives way.
func TestDocumentsAreReadOnce(t *testing.T) {
	t.Parallel()
	var d documents
	v, err := jmespath.ParseJSON(`{"a":1}`)
	if err != nil {
		t.Fatal(err)
	}
	d.keep("first", v)
	if found, ok, _ := d.find("first"); !ok || found.JSON() != `{"a":1}` {
		t.Error("not found again")
	}
	// Two texts of one length, asked the same.
	issues(t, set("one", `{"a":1}`, "two", `{"a":2}`), map[string]string{
		`c:[type=="one"] && d:[type=="two"] => issue(type="x", value=AppendString(JmesPath(c.value, "a"), JmesPath(d.value, "a")));`: `{"x":"12"}`,
	})
	for i := range maxDocuments {
		d.keep(fmt.Sprint(i), v)
	}
	if _, ok, _ := d.find("first"); ok || len(d.texts) != maxDocuments {
		t.Errorf("%d documents are kept, the first among them: %t", len(d.texts), ok)
	}
}

// TestFunctionalConcurrency runs one program of version 1.2 from several
// goroutines, with queries of their own; the race detector looks on.
func TestFunctionalConcurrency(t *testing.T) {
	t.Parallel()
	p := mustCompile(t, functional(
		`c:[type=="n"] => add(type="q", value=AppendString(AppendString("a[", c.value), "]"));`,
		`c:[type=="j"] && q:[type=="q"] => issue(type="x", value=JsonToClaimValue(JmesPath(c.value, q.value)));`,
		`![type=="x", value==0] => issue(type="y", value=true);`,
	))
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			for range 100 {
				got := ""
				d, err := p.Decide(set("n", fmt.Sprint(n), "j", `{"a":[0,1,2,3,4,5,6,7]}`))
				if err == nil {
					got = string(d.Issued.AppendJSON(nil))
				}
				want := fmt.Sprintf(`{"x":%d,"y":true}`, n)
				if n == 0 {
					want = `{"x":0}`
				}
				if got != want {
					t.Errorf("issued %s, %v, want %s", got, err, want)
				}
				if x := p.Explain(set("n", fmt.Sprint(n), "j", "{")); x.Verdict != "error" {
					t.Errorf("verdict %s", x.Verdict)
				}
			}
		})
	}
	group.Wait()
}

// TestWorkIsCharged checks that what takes long is dear: each of these takes some
// milliseconds, and no more than so many fit.
func TestWorkIsCharged(t *testing.T) {
	t.Parallel()
	const steps, queries = "the rules need more than", "the queries need more than"
	ask := func(query string) string {
		return `c:[type=="j"] => add(type="x", value=JmesPath(c.value, "` + query + `"));`
	}
	numbers := strings.ReplaceAll(fmt.Sprint(many(4000)), " ", ",")
	ones := "[" + strings.Repeat("1,", 10_000) + "1]"
	tests := map[string]struct {
		rule     string
		value    any
		fit, not int
		problem  string
	}{
		"subset":        {`c:[type=="j"] => add(type="x", value=IsSubsetOf(c.value, c.value));`, many(4000), 9, 30, steps},
		"issue":         {`c:[type=="j"] => issue(type="x", value=c.value);`, many(4000), 9, 60, steps},
		"queried":       {`c:[type=="j"] => add(type="x", value=IsSubsetOf(JsonToClaimValue(JmesPath(c.value, "@")), 1));`, numbers, 9, 50, steps},
		"contains":      {ask("[contains(@,'…'),`%d`]"), `"` + strings.Repeat("x", 1<<19) + `"`, 9, 20, queries},
		"length":        {ask("[length(@),`%d`]"), `"` + strings.Repeat("x", 1<<19) + `"`, 9, 20, queries},
		"folded":        {ask("[equals_ignore_case(@,@),`%d`]"), `"` + strings.Repeat("x", 1<<18) + `"`, 9, 20, queries},
		"slice":         {ask("length([%d:])"), ones, 5, 20, queries},
		"reverse":       {ask("[length(reverse(@)),`%d`]"), ones, 9, 40, queries},
		"sort":          {ask("[length(sort(@)),`%d`]"), ones, 9, 30, queries},
		"project":       {ask("[length([*]),`%d`]"), ones, 9, 40, queries},
		"flatten":       {ask("[length([@][]),`%d`]"), ones, 5, 20, queries},
		"text of array": {ask("[length(to_string(@)),`%d`]"), ones, 9, 100, queries},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules := make([]string, test.not)
			for i := range rules {
				rules[i] = strings.ReplaceAll(test.rule, "%d", fmt.Sprint(i+1))
			}
			if got := decided(t, functional(rules[:test.fit]...), set("j", test.value)); got != "permit" {
				t.Errorf("%d of them: %s", test.fit, got)
			}
			exceeds(t, functional(rules...), []any{"j", test.value}, test.problem)
		})
	}
}
