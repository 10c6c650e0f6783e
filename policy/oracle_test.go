package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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
	issued *claims.Set
}

func (o *oracle) run(s *syntax.Section) {
	if s == nil {
		return
	}
	for _, r := range s.Rules {
		var made []func()
		o.combine(r, nil, func(tuple []fact) { made = append(made, o.action(s.Kind, r, tuple)) })
		for _, do := range made {
			do()
		}
	}
}

func (o *oracle) combine(r *syntax.Rule, tuple []fact, found func([]fact)) {
	if len(tuple) == len(r.Conditions) {
		found(tuple)
		return
	}
	for _, f := range o.facts {
		next := append(slices.Clone(tuple), f)
		if !slices.ContainsFunc(r.Conditions[len(tuple)].Tests, func(t *syntax.Test) bool {
			return !compare(f.project(t.Property), t.Operator, o.value(r, next, t.Operand))
		}) {
			o.combine(r, next, found)
		}
	}
}

func (o *oracle) value(r *syntax.Rule, tuple []fact, e syntax.Expression) claims.Value {
	if v, ok := literalOf(e); ok {
		return v
	}
	reference := e.(*syntax.Reference)
	place := slices.IndexFunc(r.Conditions, func(c *syntax.Condition) bool {
		return c.Name != nil && c.Name.Name == reference.Name.Name
	})
	return tuple[place].project(reference.Property)
}

func (o *oracle) action(kind syntax.SectionKind, r *syntax.Rule, tuple []fact) func() {
	switch r.Action.Verb {
	case syntax.Permit:
		return func() { o.permit = true }
	case syntax.Deny:
		return func() { o.deny = true }
	default:
	}
	name, _ := o.value(r, tuple, r.Action.Arguments[0].Value).Str()
	made := fact{name: name, value: o.value(r, tuple, r.Action.Arguments[1].Value), issuer: issuerPolicy}
	return func() {
		if !slices.Contains(o.facts, made) {
			o.facts = append(o.facts, made)
		}
		if kind == syntax.Issuance && r.Action.Verb == syntax.Issue && !slices.Contains(o.issued.Values(name), made.value) {
			o.issued.Add(name, made.value)
		}
	}
}

// randomPolicy writes a policy over a handful of types and values, with joins.
func randomPolicy(r *rand.Rand) string {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	rule := func(actions ...string) string {
		var conditions, names []string
		for i := range r.IntN(4) {
			var tests []string
			if r.IntN(4) > 0 {
				tests = append(tests, fmt.Sprintf("type==%q", pick("a", "b", "c", "m", "n")))
			}
			for range r.IntN(3) {
				switch {
				case len(names) > 0 && r.IntN(2) == 0:
					tests = append(tests, fmt.Sprintf("value%s%s.value", pick("==", "!=", "<", ">="), pick(names...)))
				case len(names) > 0 && r.IntN(4) == 0:
					tests = append(tests, fmt.Sprintf("%s%s%s.type", pick("type", "value"), pick("==", "!="), pick(names...)))
				default:
					tests = append(tests, pick(`value==1`, `value!=2`, `value<3`, `value=="a"`, `value!=true`, `issuer!="AttestationPolicy"`, `valueType=="Integer"`, `type!="b"`))
				}
			}
			name := fmt.Sprintf("x%d", i)
			conditions = append(conditions, name+":["+strings.Join(tests, ",")+"]")
			names = append(names, name)
		}
		action := pick(actions...)
		if action == "add" || action == "issue" {
			kind, value := `"`+pick("m", "n")+`"`, pick("1", "2", `"a"`, "true")
			if len(names) > 0 && r.IntN(3) > 0 {
				value = pick(names...) + pick(".value", ".value", ".type", ".issuer")
			}
			if len(names) > 0 && r.IntN(4) == 0 {
				kind = pick(names...) + ".type"
			}
			action += "(type=" + kind + ",value=" + value + ")"
		} else {
			action += "()"
		}
		return strings.Join(conditions, "&&") + "=>" + action + ";\n"
	}
	var b strings.Builder
	b.WriteString("version=1.0;authorizationrules{\n")
	for range r.IntN(4) {
		b.WriteString(rule("permit", "permit", "deny", "add", "issue"))
	}
	b.WriteString("=>permit();};issuancerules{\n")
	for range r.IntN(5) {
		b.WriteString(rule("add", "issue", "issue"))
	}
	b.WriteString("};")
	return b.String()
}

// TestAgainstOracle compares random policies over random claims with their
// plainest meaning.
func TestAgainstOracle(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable, not secret
	permitted, nonempty := 0, 0
	for range 3000 {
		text := randomPolicy(random)
		tree, _ := syntax.Parse(text)
		incoming := new(claims.Set)
		o := &oracle{issued: new(claims.Set)}
		for _, name := range []string{"a", "b", "c"} {
			for range random.IntN(4) {
				v := []claims.Value{claims.Integer(1), claims.Integer(2), claims.Integer(3), claims.String("a"), claims.Boolean(true)}[random.IntN(5)]
				incoming.Add(name, v)
				if f := (fact{name: name, value: v}); !slices.Contains(o.facts, f) {
					o.facts = append(o.facts, f)
				}
			}
		}
		o.run(tree.Authorization)
		want := "permit"
		switch {
		case o.deny:
			want = "denied"
		case !o.permit:
			want = "no-permit"
		default:
			o.run(tree.Issuance)
		}
		d, err := mustCompile(t, text).Decide(incoming)
		got := outcome(t, err)
		if got != want {
			t.Fatalf("%s, want %s, for %s under\n%s", got, want, incoming.AppendJSON(nil), text)
		}
		if got != "permit" {
			continue
		}
		permitted++
		if o.issued.Len() > 0 {
			nonempty++
		}
		if diff := cmp.Diff(string(o.issued.AppendJSON(nil)), string(d.Issued.AppendJSON(nil))); diff != "" {
			t.Fatalf("issued (-want +got):\n%s\nfor %s under\n%s", diff, incoming.AppendJSON(nil), text)
		}
	}
	if permitted < 1000 || nonempty < 500 {
		t.Errorf("%d decisions permitted, %d issued something: too few to mean anything", permitted, nonempty)
	}
}
