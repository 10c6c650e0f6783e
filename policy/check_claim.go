package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// literalOf returns the value that an expression always has, if it has one.
func literalOf(e syntax.Expression) (claims.Value, bool) {
	switch e := e.(type) {
	case *syntax.StringLiteral:
		return claims.String(e.Value), true
	case *syntax.IntegerLiteral:
		return claims.Integer(e.Value), true
	case *syntax.BooleanLiteral:
		return claims.Boolean(e.Value), true
	}
	return claims.Value{}, false
}

// expression checks the identifiers and the functions of e.
func (c *checker) expression(s *scope, e syntax.Expression) {
	switch e := e.(type) {
	case *syntax.Reference:
		c.declared(s, e.Name)
	case *syntax.Call:
		c.call(s, e)
	}
}

// isOrdered reports whether o is one of <, <=, >, >=.
func isOrdered(o syntax.Operator) bool { return o >= syntax.Less }

// test refuses comparisons that no claim can satisfy. In a rule that denies,
// such a one would be a hole.
func (c *checker) test(s *scope, t *syntax.Test) {
	c.expression(s, t.Operand)
	kind := kindOf(t.Operand)
	if t.Property != syntax.Value && t.Property != 0 && kind != 0 && kind != claims.KindString {
		hint := "put it in quotation marks"
		if _, isLiteral := literalOf(t.Operand); !isLiteral {
			hint = ""
		}
		c.report(WrongKind, t.Range, fmt.Sprintf("%s is a String and never equals %s", t.Property, described(t.Operand)), hint)
		return
	}
	if isOrdered(t.Operator) && (t.Property != syntax.Value || kind != 0 && kind != claims.KindInteger) {
		c.report(WrongKind, t.Range, fmt.Sprintf("%s compares integers only", t.Operator), "other kinds have == and !=")
		return
	}
	if literal, isLiteral := literalOf(t.Operand); isLiteral {
		text, _ := literal.Str()
		c.closedName(t.Property, text, t.Operand.Span())
	}
}

// closedName reports a valueType or an issuer that there is not.
func (c *checker) closedName(p syntax.Property, name string, at syntax.Range) {
	var known []string
	switch p {
	case syntax.ValueType:
		known = valueTypes[:]
	case syntax.Issuer:
		known = issuers[:]
	default:
		return
	}
	if slices.Contains(known, name) {
		return
	}
	hint := "there are " + strings.Join(known, ", ")
	if near := c.nearest(name, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	c.report(UnknownName, at, fmt.Sprintf("no claim has the %s %s", p, shown(claims.String(name))), hint)
}

// arguments checks what an action makes of its claim.
func (c *checker) arguments(s *scope, action *syntax.Action) {
	if action.Claim != nil || action.Verb == 0 || action.Verb == syntax.Permit || action.Verb == syntax.Deny {
		return
	}
	given := make(map[syntax.Property]*syntax.Argument)
	for _, a := range action.Arguments {
		if given[a.Property] != nil && a.Property != 0 {
			c.report(RepeatedArgument, a.Range, fmt.Sprintf("%s is set twice", a.Property), "set it once")
		}
		given[a.Property] = a
		c.argument(s, a)
	}
	for _, p := range []syntax.Property{syntax.Type, syntax.Value} {
		if given[p] == nil && given[0] == nil {
			c.report(MissingArgument, action.Range, fmt.Sprintf("%s sets no %s", action.Verb, p), fmt.Sprintf("add %s=…", p))
		}
	}
	if value, kind := given[syntax.Value], given[syntax.ValueType]; value != nil && kind != nil {
		c.kinds(value, kind)
	}
}

func (c *checker) argument(s *scope, a *syntax.Argument) {
	c.expression(s, a.Value)
	if a.Property == syntax.Issuer {
		c.report(ForbiddenArgument, a.Range, fmt.Sprintf("a rule cannot choose the issuer of its claims: it is %s", issuerPolicy), "remove issuer=…")
		return
	}
	if a.Property != syntax.Type && a.Property != syntax.ValueType {
		return
	}
	literal, isLiteral := literalOf(a.Value)
	text, _ := literal.Str()
	switch kind := kindOf(a.Value); {
	case kind != 0 && kind != claims.KindString:
		hint := "put it in quotation marks"
		if !isLiteral {
			hint = ""
		}
		c.report(WrongKind, a.Range, fmt.Sprintf("%s is set to %s, want a String", a.Property, described(a.Value)), hint)
	case !isLiteral:
	case a.Property == syntax.ValueType:
		c.closedName(a.Property, text, a.Value.Span())
	case text == "":
		c.report(WrongKind, a.Range, "a claim needs a type that is not empty", "")
	}
}

// kinds reports a value of another kind than the valueType says.
func (c *checker) kinds(value, kind *syntax.Argument) {
	is := kindOf(value.Value)
	k, ok := literalOf(kind.Value)
	if !ok || is == 0 {
		return
	}
	if name, isString := k.Str(); isString && slices.Contains(valueTypes[:], name) && name != is.String() {
		c.report(WrongKind, value.Range, fmt.Sprintf("value is %s (%s), but valueType says %s", described(value.Value), is, name), "")
	}
}

// property checks what issueproperty sets, as far as the text says it.
func (c *checker) property(section syntax.SectionKind, rule *syntax.Rule) {
	var kind, value *syntax.Argument
	for _, a := range rule.Action.Arguments {
		switch a.Property {
		case syntax.Type:
			kind = a
		case syntax.Value:
			value = a
		default:
		}
	}
	if kind == nil {
		return
	}
	literal, _ := literalOf(kind.Value)
	name, ok := literal.Str()
	if !ok {
		return
	}
	p, known := propertyNamed(name)
	if !known {
		hint := "the properties are " + strings.Join(propertyNames(), ", ")
		if near := c.nearest(name, propertyNames()); near != "" {
			hint = "did you mean " + near + "?"
		}
		c.report(UnknownPolicyProperty, kind.Value.Span(), fmt.Sprintf("there is no property %s", shown(literal)), hint)
		return
	}
	if p.section != section {
		c.report(MisplacedAction, kind.Value.Span(), fmt.Sprintf("property %s has no effect in %s", name, section), "it belongs in "+p.section.String())
		return
	}
	if value == nil {
		return
	}
	v, ok := literalOf(value.Value)
	if !ok {
		return
	}
	if fault := p.fault(v); fault != "" {
		c.report(PolicyPropertyValue, value.Value.Span(), fault, "")
		return
	}
	if before, twice := c.always[name]; twice && before != v && len(rule.Conditions) == 0 {
		c.report(PolicyPropertyTwice, rule.Action.Range, fmt.Sprintf("property %s is set to %s here and to %s before", name, shown(v), shown(before)), "set it once")
	}
	if len(rule.Conditions) == 0 {
		c.always[name] = v
	}
}
