package syntax

import (
	"fmt"
	"strconv"
	"strings"
)

// printed writes a tree in one canonical form, without positions, so that tests
// can compare trees as text and parse what they print.
func printed(tree *Policy) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version=%s;\n", tree.Version)
	for _, s := range []*Section{tree.Configuration, tree.Authorization, tree.Issuance} {
		if s == nil {
			continue
		}
		fmt.Fprintf(&b, "%s{\n", s.Kind)
		for _, r := range s.Rules {
			fmt.Fprintf(&b, "  %s;\n", printedRule(r))
		}
		b.WriteString("};\n")
	}
	return b.String()
}

func printedRule(r *Rule) string {
	var conditions []string
	for _, c := range r.Conditions {
		var tests []string
		for _, t := range c.Tests {
			tests = append(tests, fmt.Sprintf("%s%s%s", t.Property, t.Operator, printedExpression(t.Operand)))
		}
		text := "[" + strings.Join(tests, ",") + "]"
		if c.Name != nil {
			text = c.Name.Name + ":" + text
		}
		if c.Negated {
			text = "!" + text
		}
		conditions = append(conditions, text)
	}
	a := r.Action
	var arguments []string
	if a.Claim != nil {
		arguments = []string{"claim=" + a.Claim.Name}
	}
	for _, x := range a.Arguments {
		arguments = append(arguments, fmt.Sprintf("%s=%s", x.Property, printedExpression(x.Value)))
	}
	return fmt.Sprintf("%s => %s(%s)", strings.Join(conditions, " && "), a.Verb, strings.Join(arguments, ","))
}

func printedExpression(e Expression) string {
	switch e := e.(type) {
	case *StringLiteral:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(e.Value) + `"`
	case *IntegerLiteral:
		return strconv.FormatInt(e.Value, 10)
	case *BooleanLiteral:
		return strconv.FormatBool(e.Value)
	case *Reference:
		return e.Name.Name + "." + e.Property.String()
	case *Call:
		var arguments []string
		for _, a := range e.Arguments {
			arguments = append(arguments, printedExpression(a))
		}
		return e.Function.Name + "(" + strings.Join(arguments, ",") + ")"
	}
	return "?"
}
