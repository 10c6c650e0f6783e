package jmespath

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The oracle shares nothing with the package: it decodes documents into maps
// and rationals, and writes down queries together with what they mean. A path
// is a list of steps there, not a tree, so a projection is "the steps up to the
// one that stops it, for each element".

// meaning is what an expression gives for the current value.
type meaning func(any) any

// step is a piece of a path: one that projects, one that applies, or a stop.
type step struct {
	text string
	// elements, if set, begins a projection; ok is false for what cannot be
	// projected.
	elements func(any) ([]any, bool)
	apply    meaning
	// ends is set of what ends a projection before it (a flattening, a pipe) or
	// behind it (a list, a hash).
	before, behind bool
}

func follow(v any, steps []step) any {
	for len(steps) > 0 {
		s := steps[0]
		steps = steps[1:]
		if s.elements == nil {
			v = s.apply(v)
			continue
		}
		stop := 0
		for stop < len(steps) && !steps[stop].before {
			if stop++; steps[stop-1].behind {
				break
			}
		}
		items, ok := s.elements(v)
		if !ok {
			v = nil
		} else {
			out := []any{}
			for _, item := range items {
				if got := follow(item, steps[:stop]); got != nil {
					out = append(out, got)
				}
			}
			v = out
		}
		steps = steps[stop:]
	}
	return v
}

func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

func alike(a, b any) bool {
	x, isNumber := a.(*big.Rat)
	y, bothNumbers := b.(*big.Rat)
	if isNumber && bothNumbers {
		return x.Cmp(y) == 0
	}
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, alike)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, alike)
	}
	return reflect.DeepEqual(a, b)
}

// writer makes up queries.
type writer struct{ *rand.Rand }

func (w writer) of(choices ...string) string { return choices[w.IntN(len(choices))] }

func (w writer) name() string { return w.of("a", "b", "c", "d", "e") }

// expression writes at one level of precedence: 0 pipe, 1 or, 2 and, 3
// comparison, 4 not, 5 path.
func (w writer) expression(level, depth int) (string, meaning) {
	if level == 5 || depth <= 0 {
		return w.path(depth)
	}
	if w.IntN(3) > 0 {
		return w.expression(level+1, depth)
	}
	if level == 4 {
		text, of := w.expression(4, depth-1)
		return "!" + text, func(v any) any { return !truth(of(v)) }
	}
	left, a := w.expression(level, depth-1)
	right, b := w.expression(level+1, depth-1)
	switch level {
	case 0:
		return left + " | " + right, func(v any) any { return b(a(v)) }
	case 1:
		return left + "||" + right, func(v any) any {
			if x := a(v); truth(x) {
				return x
			}
			return b(v)
		}
	case 2:
		return left + " && " + right, func(v any) any {
			if x := a(v); !truth(x) {
				return x
			}
			return b(v)
		}
	}
	operator := w.of("==", "!=", "<", "<=", ">", ">=")
	return left + operator + right, func(v any) any { return compare(operator, a(v), b(v)) }
}

func compare(operator string, a, b any) any {
	switch operator {
	case "==":
		return alike(a, b)
	case "!=":
		return !alike(a, b)
	}
	x, isNumber := a.(*big.Rat)
	y, bothNumbers := b.(*big.Rat)
	if !isNumber || !bothNumbers {
		return nil
	}
	c := x.Cmp(y)
	return map[string]bool{"<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[operator]
}

func (w writer) path(depth int) (string, meaning) {
	text, first := w.head(depth)
	var steps []step
	for range w.IntN(4) {
		s := w.step(depth)
		text += s.text
		steps = append(steps, s)
	}
	return text, func(v any) any { return follow(first(v), steps) }
}

func (w writer) head(depth int) (string, meaning) {
	switch w.IntN(5) {
	case 0:
		return "@", func(v any) any { return v }
	case 1:
		text := w.of("1", "2.5", "9007199254740993", "18446744073709551617", "1.8446744073709551616e19", `"x"`, "null", "[1,[2]]", "true", `{"a":1}`)
		return "`" + text + "`", func(any) any { return decode(text) }
	case 2:
		if depth > 0 {
			text, of := w.expression(0, depth-1)
			return "(" + text + ")", of
		}
	}
	name := w.name()
	return name, func(v any) any { return member(v, name) }
}

func member(v any, name string) any {
	o, _ := v.(map[string]any)
	return o[name]
}

func elements(v any) ([]any, bool) {
	a, ok := v.([]any)
	return a, ok
}

func (w writer) step(depth int) step {
	name := w.name()
	switch kind := w.IntN(9); {
	case kind == 0:
		return step{text: "[*]", elements: elements}
	case kind == 1:
		return step{text: ".*", elements: func(v any) ([]any, bool) {
			o, ok := v.(map[string]any)
			var items []any
			for _, name := range slices.Sorted(maps.Keys(o)) {
				items = append(items, o[name])
			}
			return items, ok
		}}
	case kind == 2:
		return step{text: "[]", before: true, elements: func(v any) ([]any, bool) {
			a, ok := v.([]any)
			var flat []any
			for _, item := range a {
				if inner, ok := item.([]any); ok {
					flat = append(flat, inner...)
				} else {
					flat = append(flat, item)
				}
			}
			return flat, ok
		}}
	case kind == 3:
		return w.slice()
	case kind == 4 && depth > 0:
		text, of := w.expression(0, depth-1)
		return step{text: "[?" + text + "]", elements: func(v any) ([]any, bool) {
			a, ok := v.([]any)
			var kept []any
			for _, item := range a {
				if truth(of(item)) {
					kept = append(kept, item)
				}
			}
			return kept, ok
		}}
	case kind == 5 && depth > 0:
		text, of := w.expression(0, depth-1)
		return step{text: ".{x:" + text + "}", behind: true, apply: func(v any) any {
			if v == nil {
				return nil
			}
			return map[string]any{"x": of(v)}
		}}
	case kind == 6:
		i := w.IntN(7) - 3
		return step{text: fmt.Sprintf("[%d]", i), apply: func(v any) any {
			a, _ := v.([]any)
			if i < 0 && -i <= len(a) {
				return a[len(a)+i]
			}
			if i >= 0 && i < len(a) {
				return a[i]
			}
			return nil
		}}
	}
	return step{text: "." + name, apply: func(v any) any { return member(v, name) }}
}

// slice writes a slice, which it understands as a walk over all indexes.
func (w writer) slice() step {
	bound := func() (string, int, bool) {
		n := w.IntN(13) - 6
		if w.IntN(3) == 0 {
			return "", 0, false
		}
		return fmt.Sprint(n), n, true
	}
	from, start, hasStart := bound()
	to, stop, hasStop := bound()
	by, pace, hasStep := bound()
	if !hasStep {
		pace = 1
	} else if pace == 0 {
		by, pace = "1", 1
	}
	return step{text: "[" + from + ":" + to + ":" + by + "]", elements: func(v any) ([]any, bool) {
		a, ok := v.([]any)
		at := func(i int) int {
			if i < 0 {
				return i + len(a)
			}
			return i
		}
		var order []int // all indexes, in the order in which the slice walks
		for i := range a {
			order = append(order, i)
		}
		if pace < 0 {
			slices.Reverse(order)
		}
		var kept []any
		next := 0
		for _, i := range order {
			inside := (!hasStart || (pace > 0 && i >= at(start)) || (pace < 0 && i <= at(start))) &&
				(!hasStop || (pace > 0 && i < at(stop)) || (pace < 0 && i > at(stop)))
			if !inside {
				continue
			}
			if next%max(pace, -pace) == 0 {
				kept = append(kept, a[i])
			}
			next++
		}
		return kept, ok
	}}
}

func decode(text string) any {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		panic(err)
	}
	return exact(v)
}

func exact(v any) any {
	switch v := v.(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return new(big.Rat).SetFloat64(f)
		}
		r, _ := new(big.Rat).SetString(v.String())
		return r
	case []any:
		for i := range v {
			v[i] = exact(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = exact(v[name])
		}
	}
	return v
}

// Made-up queries find what the oracle says they mean.
func TestSearchAgreesWithOracle(t *testing.T) {
	t.Parallel()
	documents := []string{
		`{"a":{"b":[{"c":1,"d":"x"},{"c":9007199254740993},{"c":null},5,"s",[1,[2,3]],[]],"c":{"a":1,"b":[3,1,2]}},"b":[[1,2],[3,[4]],5,null],"c":true,"d":"x","e":[]}`,
		`[{"a":1,"b":{"c":[1,2]}},{"a":2.5,"b":{"c":[3]}},{"a":null},{"b":"x"},[[{"a":3}]]]`,
		`{"b":{"a":{"c":{"d":[0,1,2,3,4,5,6]}}},"e":[{"a":18446744073709551617,"c":2},{"a":18446744073709551616,"c":1}]}`,
	}
	const queries = 4000
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := writer{rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // repeatable, not secret
			found := 0
			for range queries {
				text, of := w.expression(0, 3)
				document := documents[w.IntN(len(documents))]
				want := of(decode(document))
				got, err := mustCompile(t, text).Search(mustParse(t, document))
				if err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				if !alike(decode(got.JSON()), want) {
					t.Errorf("%s on %s finds %s, want %v", text, document, got.JSON(), want)
				}
				if truth(want) {
					found++
				}
			}
			if found < queries/5 {
				t.Errorf("only %d of %d queries found anything", found, queries)
			}
		})
	}
}
