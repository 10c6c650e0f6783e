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

// expression checks the identifiers of e.
func (c *checker) expression(s *scope, e syntax.Expression) {
	if reference, ok := e.(*syntax.Reference); ok {
		c.declared(s, reference.Name)
	}
}

// isText reports whether e is a string whatever the claims are.
func isText(e syntax.Expression) bool {
	if v, ok := literalOf(e); ok {
		return v.Kind() == claims.KindString
	}
	reference, ok := e.(*syntax.Reference)
	return ok && reference.Property != syntax.Value
}

// isOrdered reports whether o is one of <, <=, >, >=.
func isOrdered(o syntax.Operator) bool { return o >= syntax.Less }

// test refuses comparisons that no claim can satisfy. In a rule that denies,
// such a one would be a hole.
func (c *checker) test(s *scope, t *syntax.Test) {
	c.expression(s, t.Operand)
	literal, isLiteral := literalOf(t.Operand)
	if t.Property != syntax.Value && t.Property != 0 && isLiteral && literal.Kind() != claims.KindString {
		c.report(WrongKind, t.Range, fmt.Sprintf("%s is a String and never equals %s", t.Property, shown(literal)), "put it in quotation marks")
		return
	}
	isBoolean := isLiteral && literal.Kind() == claims.KindBoolean
	if isOrdered(t.Operator) && (t.Property != syntax.Value || isText(t.Operand) || isBoolean) {
		c.report(WrongKind, t.Range, fmt.Sprintf("%s compares integers only", t.Operator), "other kinds have == and !=")
		return
	}
	if isLiteral {
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
	literal, isLiteral := literalOf(a.Value)
	if isLiteral && (a.Property == syntax.Type || a.Property == syntax.ValueType) {
		switch text, ok := literal.Str(); {
		case !ok:
			c.report(WrongKind, a.Range, fmt.Sprintf("%s is set to %s, want a String", a.Property, shown(literal)), "put it in quotation marks")
		case a.Property == syntax.ValueType:
			c.closedName(a.Property, text, a.Value.Span())
		case text == "":
			c.report(WrongKind, a.Range, "a claim needs a type that is not empty", "")
		}
	}
	if a.Property == syntax.Issuer {
		c.report(ForbiddenArgument, a.Range, fmt.Sprintf("a rule cannot choose the issuer of its claims: it is %s", issuerPolicy), "remove issuer=…")
	}
}

// kinds reports a literal value of another kind than the valueType says.
func (c *checker) kinds(value, kind *syntax.Argument) {
	v, ok := literalOf(value.Value)
	if !ok {
		return
	}
	k, ok := literalOf(kind.Value)
	if !ok {
		return
	}
	if name, isString := k.Str(); isString && slices.Contains(valueTypes[:], name) && name != v.Kind().String() {
		c.report(WrongKind, value.Range, fmt.Sprintf("value is %s (%s), but valueType says %s", shown(v), v.Kind(), name), "")
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
