package policy

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/azattest/azattest/claims"
)

// writer writes policies over a handful of types and values, with joins.
type writer struct {
	*rand.Rand

	// isFunctional is set for version 1.2.
	isFunctional bool
}

func (w *writer) pick(words ...string) string { return words[w.IntN(len(words))] }

// test writes a comparison. Functions in conditions are those that cannot fail:
// which of several failures comes first is nobody's business.
func (w *writer) test(names []string) string {
	switch {
	case w.isFunctional && len(names) > 0 && w.IntN(4) == 0:
		return w.pick("value==", "value!=") + w.pick(
			"ContainsOnlyValue("+w.pick(names...)+".value,1)", "IsSubsetOf("+w.pick(names...)+".value,"+w.pick(names...)+".value)",
			"NegateBool(IsSubsetOf("+w.pick(names...)+".type,\"a\"))", "JsonToClaimValue(\"[1,2]\")",
		)
	case len(names) > 0 && w.IntN(2) == 0:
		return fmt.Sprintf("value%s%s.value", w.pick("==", "!=", "<", ">="), w.pick(names...))
	case len(names) > 0 && w.IntN(4) == 0:
		return fmt.Sprintf("%s%s%s.type", w.pick("type", "value"), w.pick("==", "!="), w.pick(names...))
	}
	return w.pick(`value==1`, `value!=2`, `value<3`, `value=="a"`, `value!=true`, `issuer!="AttestationPolicy"`, `valueType=="Integer"`, `type!="b"`)
}

func (w *writer) conditions() ([]string, []string) {
	var conditions, names []string
	for i := range w.IntN(4) {
		var tests []string
		if w.IntN(4) > 0 {
			tests = append(tests, fmt.Sprintf("type==%q", w.pick("a", "b", "c", "m", "n", "pcrs")))
		}
		for range w.IntN(3) {
			tests = append(tests, w.test(names))
		}
		if w.isFunctional && w.IntN(5) == 0 {
			conditions = append(conditions, "!["+strings.Join(tests, ",")+"]")
			continue
		}
		name := fmt.Sprintf("x%d", i)
		conditions = append(conditions, name+":["+strings.Join(tests, ",")+"]")
		names = append(names, name)
	}
	return conditions, names
}

// value writes what an action sets a claim's value to.
func (w *writer) value(names []string) string {
	if len(names) == 0 || w.IntN(3) == 0 {
		return w.pick("1", "2", `"a"`, "true")
	}
	reference := func() string { return w.pick(names...) + w.pick(".value", ".value", ".type", ".issuer") }
	if !w.isFunctional || w.IntN(2) == 0 {
		return reference()
	}
	return w.pick(
		"AppendString("+w.pick(names...)+".type,"+reference()+")", "NegateBool("+w.pick(names...)+".value)", "JsonToClaimValue("+reference()+")",
		"JsonToClaimValue(JmesPath("+reference()+`,"@"))`, "JmesPath("+reference()+`,"@")`,
		"IsSubsetOf("+reference()+","+reference()+")", "ContainsOnlyValue("+reference()+","+reference()+")",
	)
}

func (w *writer) rule(actions ...string) string {
	conditions, names := w.conditions()
	action := w.pick(actions...)
	if action != "add" && action != "issue" {
		return strings.Join(conditions, "&&") + "=>" + action + "();\n"
	}
	kind := `"` + w.pick("m", "n") + `"`
	if len(names) > 0 && w.IntN(4) == 0 {
		kind = w.pick(names...) + ".type"
	}
	if w.isFunctional && len(names) > 0 && w.IntN(8) == 0 {
		kind = `AppendString("m",` + w.pick(names...) + ".type)"
	}
	return strings.Join(conditions, "&&") + "=>" + action + "(type=" + kind + ",value=" + w.value(names) + ");\n"
}

func (w *writer) policy() string {
	var b strings.Builder
	b.WriteString(map[bool]string{false: "version=1.0;", true: "version=1.2;"}[w.isFunctional] + "authorizationrules{\n")
	for range w.IntN(4) {
		b.WriteString(w.rule("permit", "permit", "deny", "add", "issue"))
	}
	b.WriteString("=>permit();};issuancerules{\n")
	for range w.IntN(5) {
		b.WriteString(w.rule("add", "issue", "issue"))
	}
	b.WriteString("};")
	return b.String()
}

// claims returns random claims for such policies.
func (w *writer) claims() *claims.Set {
	incoming := new(claims.Set)
	names := []string{"a", "b", "c"}
	if w.isFunctional {
		names = append(names, "pcrs")
	}
	for _, name := range names {
		for range w.IntN(4) {
			incoming.Add(name, []claims.Value{
				claims.Integer(1), claims.Integer(2), claims.Integer(3), claims.String("a"), claims.Boolean(true), claims.String("[2, 1, null]"),
			}[w.IntN(5+w.IntN(2))])
		}
	}
	return incoming
}
