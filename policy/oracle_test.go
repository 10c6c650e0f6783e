package policy

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// oracle is the meaning of a policy in its plainest form: every rule tries every
// combination of all claims, from the tree, without indexes or short cuts.
type oracle struct {
	facts  []fact
	permit bool
	deny   bool
	failed bool
	issued *claims.Set
}

func (o *oracle) run(s *syntax.Section) {
	if s == nil {
		return
	}
	for _, r := range s.Rules {
		if o.failed {
			return
		}
		o.rule(s.Kind, r)
	}
}

// tuples returns the combinations that satisfy a rule's first k conditions. A
// condition with ! takes a place in each, with the zero fact.
func (o *oracle) tuples(r *syntax.Rule, k int) [][]fact {
	if k == 0 {
		return [][]fact{nil}
	}
	before := o.tuples(r, k-1)
	c := r.Conditions[k-1]
	passes := func(tuple []fact, f fact) bool {
		return !slices.ContainsFunc(c.Tests, func(t *syntax.Test) bool {
			return !slices.ContainsFunc(o.operand(r, before, tuple, t.Operand, c.Negated).list, func(v claims.Value) bool {
				return compare(f.project(t.Property), t.Operator, v)
			})
		})
	}
	if c.Negated {
		if slices.ContainsFunc(o.facts, func(f fact) bool { return len(before) > 0 && passes(before[0], f) }) {
			return nil
		}
		return extended(before, fact{})
	}
	var after [][]fact
	for _, tuple := range before {
		for _, f := range o.facts {
			if passes(tuple, f) {
				after = append(after, append(slices.Clone(tuple), f))
			}
		}
	}
	return after
}

func extended(tuples [][]fact, f fact) [][]fact {
	var after [][]fact
	for _, t := range tuples {
		after = append(after, append(slices.Clone(t), f))
	}
	return after
}

// operand returns what an operand is: within functions and behind ! all that the
// combinations have, else what this one has.
func (o *oracle) operand(r *syntax.Rule, all [][]fact, tuple []fact, e syntax.Expression, isSet bool) values {
	if v, ok := literalOf(e); ok {
		return values{list: []claims.Value{v}}
	}
	if call, ok := e.(*syntax.Call); ok {
		var arguments []values
		for _, a := range call.Arguments {
			arguments = append(arguments, o.operand(r, all, tuple, a, true))
		}
		return o.call(call.Function.Name, arguments)
	}
	reference := e.(*syntax.Reference)
	place := slices.IndexFunc(r.Conditions, func(c *syntax.Condition) bool {
		return c.Name != nil && c.Name.Name == reference.Name.Name
	})
	if !isSet {
		all = [][]fact{tuple}
	}
	var made values
	for _, t := range all {
		made.readOnly = made.readOnly || (t[place].readOnly && reference.Property == syntax.Value || t[place].readOnlyType && reference.Property == syntax.Type)
		if v := t[place].project(reference.Property); !slices.Contains(made.list, v) {
			made.list = append(made.list, v)
		}
	}
	return made
}

func (o *oracle) call(name string, arguments []values) values {
	one := func(v claims.Value) values {
		return values{[]claims.Value{v}, slices.ContainsFunc(arguments, func(a values) bool { return a.readOnly })}
	}
	fail := func() values {
		o.failed = true
		return values{}
	}
	switch name {
	case "IsSubsetOf":
		return values{list: []claims.Value{claims.Boolean(!slices.ContainsFunc(arguments[0].list, func(v claims.Value) bool {
			return !slices.Contains(arguments[1].list, v)
		}))}}
	case "ContainsOnlyValue":
		if len(arguments[1].list) != 1 {
			return fail()
		}
		return values{list: []claims.Value{claims.Boolean(slices.Equal(arguments[0].list, arguments[1].list))}}
	}
	for _, a := range arguments {
		switch {
		case len(a.list) == 0:
			return values{readOnly: one(claims.Value{}).readOnly}
		case len(a.list) > 1:
			return fail()
		}
	}
	first, isString := arguments[0].list[0].Str()
	switch name {
	case "NegateBool":
		if b, ok := arguments[0].list[0].Bool(); ok {
			return one(claims.Boolean(!b))
		}
	case "AppendString":
		if second, ok := arguments[1].list[0].Str(); ok && isString {
			return one(claims.String(first + second))
		}
	case "JsonToClaimValue":
		return o.json(first, one(claims.Value{}).readOnly)
	case "JmesPath": // with @ for a query
		var v any
		if json.Unmarshal([]byte(first), &v) == nil {
			text, _ := json.Marshal(v)
			return one(claims.String(string(text)))
		}
	}
	return fail()
}

func (o *oracle) json(text string, readOnly bool) values {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		o.failed = true
	}
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	made := values{readOnly: readOnly}
	for _, e := range list {
		var one claims.Value
		switch e := e.(type) {
		case nil:
			continue
		case string:
			one = claims.String(e)
		case bool:
			one = claims.Boolean(e)
		case float64:
			one = claims.Integer(int64(e))
		default:
			o.failed = true
		}
		if !slices.Contains(made.list, one) {
			made.list = append(made.list, one)
		}
	}
	return made
}

func (o *oracle) rule(kind syntax.SectionKind, r *syntax.Rule) {
	tuples := o.tuples(r, len(r.Conditions))
	if len(tuples) == 0 {
		return
	}
	switch r.Action.Verb {
	case syntax.Permit:
		o.permit = true
		return
	case syntax.Deny:
		o.deny = true
		return
	default:
	}
	var made []fact
	for _, tuple := range tuples {
		names := o.operand(r, tuples, tuple, r.Action.Arguments[0].Value, false)
		vs := o.operand(r, tuples, tuple, r.Action.Arguments[1].Value, false)
		for _, name := range names.list {
			for _, v := range vs.list {
				text, isString := name.Str()
				o.failed = o.failed || !isString || text == ""
				made = append(made, fact{name: text, value: v, issuer: issuerPolicy, readOnly: names.readOnly || vs.readOnly, readOnlyType: names.readOnly})
			}
		}
	}
	for _, f := range made {
		if kind == syntax.Issuance && r.Action.Verb == syntax.Issue {
			o.failed = o.failed || f.readOnly
			if !slices.Contains(o.issued.Values(f.name), f.value) {
				o.issued.Add(f.name, f.value)
			}
		}
		o.state(f)
	}
}

// state adds a claim, or marks one that is there.
func (o *oracle) state(f fact) {
	i := slices.IndexFunc(o.facts, func(g fact) bool { return g.name == f.name && g.value == f.value && g.issuer == f.issuer })
	if i < 0 {
		o.facts = append(o.facts, f)
		return
	}
	o.facts[i].readOnly = o.facts[i].readOnly || f.readOnly
	o.facts[i].readOnlyType = o.facts[i].readOnlyType || f.readOnlyType
}

// decision is what the oracle says.
func (o *oracle) decision(tree *syntax.Policy, incoming *claims.Set) string {
	for name, v := range incoming.All() {
		o.state(fact{name: name, value: v, readOnly: name == "pcrs"})
	}
	o.run(tree.Authorization)
	switch {
	case o.failed:
		return "evaluation"
	case o.deny:
		return "denied"
	case !o.permit:
		return "no-permit"
	}
	o.run(tree.Issuance)
	if o.failed {
		return "evaluation"
	}
	return "permit"
}

// TestAgainstOracle compares random policies over random claims with their
// plainest meaning.
func TestAgainstOracle(t *testing.T) {
	t.Parallel()
	for name, isFunctional := range map[string]bool{"1.0": false, "1.2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &writer{rand.New(rand.NewPCG(1, 2)), isFunctional} //nolint:gosec // repeatable, not secret
			ends, nonempty := make(map[string]int), 0
			for range 3000 {
				text, incoming := w.policy(), w.claims()
				tree, _ := syntax.Parse(text)
				o := &oracle{issued: new(claims.Set)}
				want := o.decision(tree, incoming)
				p := mustCompile(t, text)
				d, err := p.Decide(incoming)
				got := outcome(t, err)
				if got != want {
					t.Fatalf("%s (%v), want %s, for %s under\n%s", got, err, want, incoming.AppendJSON(nil), text)
				}
				if x := p.Explain(incoming); x.Verdict != map[string]string{"evaluation": "error"}[got] && x.Verdict != got {
					t.Fatalf("the explanation says %s, the decision is %s, for %s under\n%s", x.Verdict, got, incoming.AppendJSON(nil), text)
				}
				ends[got]++
				if got != "permit" {
					continue
				}
				if o.issued.Len() > 0 {
					nonempty++
				}
				if diff := cmp.Diff(string(o.issued.AppendJSON(nil)), string(d.Issued.AppendJSON(nil))); diff != "" {
					t.Fatalf("issued (-want +got):\n%s\nfor %s under\n%s", diff, incoming.AppendJSON(nil), text)
				}
			}
			if ends["permit"] < 1000 || nonempty < 500 || isFunctional && ends["evaluation"] < 100 {
				t.Errorf("decisions %v, %d issued something: too few to mean anything", ends, nonempty)
			}
		})
	}
}
