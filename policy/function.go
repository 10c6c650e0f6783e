package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// function is one of the six functions of version 1.2. There are no others.
type function uint8

const (
	jmesPath function = iota + 1
	jsonToClaimValue
	isSubsetOf
	containsOnlyValue
	appendString
	negateBool
)

// signature says what a function takes and gives. Documentation has the names of
// the functions; those of the parameters are ours, for messages.
type signature struct {
	function   function
	name       string
	parameters []parameter
	// result is 0 where the kind depends on the claims.
	result claims.Kind
	// carries is set if what comes of a read-only claim is read-only, too.
	carries bool
}

type parameter struct {
	name string
	// kind is 0 for any.
	kind claims.Kind
	// isSet is set if the parameter takes all values there are; others take one.
	isSet bool
}

var signatures = [...]signature{
	{jmesPath, "JmesPath", []parameter{{parameterJSON, claims.KindString, false}, {"query", claims.KindString, false}}, claims.KindString, true},
	{jsonToClaimValue, "JsonToClaimValue", []parameter{{parameterJSON, claims.KindString, false}}, 0, true},
	{isSubsetOf, "IsSubsetOf", []parameter{{"set", 0, true}, {"superset", 0, true}}, claims.KindBoolean, false},
	{containsOnlyValue, "ContainsOnlyValue", []parameter{{"set", 0, true}, {"value", 0, false}}, claims.KindBoolean, false},
	{appendString, "AppendString", []parameter{{"first", claims.KindString, false}, {"second", claims.KindString, false}}, claims.KindString, true},
	{negateBool, "NegateBool", []parameter{{"bool", claims.KindBoolean, false}}, claims.KindBoolean, true},
}

// parameterJSON is the name of the parameters that take JSON.
const parameterJSON = "json"

// maxParameters is the largest number of parameters above.
const maxParameters = 2

func functionNamed(name string) (*signature, bool) {
	i := slices.IndexFunc(signatures[:], func(s signature) bool { return s.name == name })
	if i < 0 {
		return nil, false
	}
	return &signatures[i], true
}

func functionNames() []string {
	names := make([]string, 0, len(signatures))
	for _, s := range signatures {
		names = append(names, s.name)
	}
	return names
}

// String is the function with its parameters: "JmesPath(json, query)".
func (s *signature) String() string {
	names := make([]string, 0, maxParameters)
	for _, p := range s.parameters {
		names = append(names, p.name)
	}
	return s.name + "(" + strings.Join(names, ", ") + ")"
}

// kindOf returns the kind that an expression has whatever the claims are, 0 if
// that depends on them.
func kindOf(e syntax.Expression) claims.Kind {
	switch e := e.(type) {
	case *syntax.Reference:
		if e.Property != syntax.Value && e.Property != 0 {
			return claims.KindString
		}
		return 0
	case *syntax.Call:
		if s, known := functionNamed(e.Function.Name); known {
			return s.result
		}
		return 0
	}
	v, _ := literalOf(e)
	return v.Kind()
}

// described is what messages call an expression: its value, or what makes it.
func described(e syntax.Expression) string {
	switch e := e.(type) {
	case *syntax.Reference:
		return fmt.Sprintf("%s.%s", e.Name.Name, e.Property)
	case *syntax.Call:
		return e.Function.Name + "(…)"
	}
	v, _ := literalOf(e)
	return shown(v)
}
