package jmespath

import (
	"fmt"
	"strings"
)

// types is a set of types that an argument may have.
type types uint8

const (
	typeNull types = 1 << iota
	typeBoolean
	typeNumber
	typeString
	typeArray
	typeObject
	// typeExpression is an expression that the function applies by itself.
	typeExpression

	typeAny = typeNull | typeBoolean | typeNumber | typeString | typeArray | typeObject
)

// function is what a call can call.
type function struct {
	name   string
	params []types
	// variadic lets the last parameter stand any number of times.
	variadic bool
	// call applies the function to arguments that have its parameters' types;
	// an expression's argument is null, see [expr.reference].
	call func(e *evaluator, x *expr, args []Value) (Value, error)
}

// functions are those of the specification, and equals_ignore_case, which
// policies have besides.
var functions = byName([]function{
	{"abs", []types{typeNumber}, false, callAbs},
	{"avg", []types{typeArray}, false, callAvg},
	{"ceil", []types{typeNumber}, false, callCeil},
	{"contains", []types{typeArray | typeString, typeAny}, false, callContains},
	{"ends_with", []types{typeString, typeString}, false, callEndsWith},
	{"equals_ignore_case", []types{typeString, typeString}, false, callEqualsIgnoreCase},
	{"floor", []types{typeNumber}, false, callFloor},
	{"join", []types{typeString, typeArray}, false, callJoin},
	{"keys", []types{typeObject}, false, callKeys},
	{"length", []types{typeString | typeArray | typeObject}, false, callLength},
	{"map", []types{typeExpression, typeArray}, false, callMap},
	{"max", []types{typeArray}, false, callMax},
	{"max_by", []types{typeArray, typeExpression}, false, callMaxBy},
	{"merge", []types{typeObject}, true, callMerge},
	{"min", []types{typeArray}, false, callMin},
	{"min_by", []types{typeArray, typeExpression}, false, callMinBy},
	{"not_null", []types{typeAny}, true, callNotNull},
	{"reverse", []types{typeString | typeArray}, false, callReverse},
	{"sort", []types{typeArray}, false, callSort},
	{"sort_by", []types{typeArray, typeExpression}, false, callSortBy},
	{"starts_with", []types{typeString, typeString}, false, callStartsWith},
	{"sum", []types{typeArray}, false, callSum},
	{"to_array", []types{typeAny}, false, callToArray},
	{"to_number", []types{typeAny}, false, callToNumber},
	{"to_string", []types{typeAny}, false, callToString},
	{"type", []types{typeAny}, false, callType},
	{"values", []types{typeObject}, false, callValues},
})

func byName(list []function) map[string]*function {
	m := make(map[string]*function, len(list))
	for i := range list {
		m[list[i].name] = &list[i]
	}
	return m
}

// param returns what argument i may be.
func (f *function) param(i int) types { return f.params[min(i, len(f.params)-1)] }

// reference returns the expression that an argument refers to.
func (x *expr) reference(i int) *expr { return x.args[i].args[0] }

// check holds an argument against what the function takes.
func (e *evaluator) check(x *expr, i int, v Value) error {
	if want := x.function.param(i); want&v.types() == 0 {
		return x.fault(InvalidType, fmt.Sprintf("argument %d is %s, want %s", i+1, v.described(), want))
	}
	return nil
}

func (v Value) types() types {
	switch v.kind {
	case KindBoolean:
		return typeBoolean
	case KindInteger, KindFloat:
		return typeNumber
	case KindString:
		return typeString
	case KindArray:
		return typeArray
	case KindObject:
		return typeObject
	default:
		return typeNull
	}
}

// described returns what v is, with its article.
func (v Value) described() string {
	if v.kind == KindNull {
		return "null"
	}
	return v.types().String()
}

// String names the types with their articles.
func (t types) String() string {
	var names []string
	for i, name := range []string{"null", "a boolean", "a number", "a string", "an array", "an object", "an expression"} {
		if t&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}

// uniform checks that all elements of an array are of one of the types wanted,
// all of the same.
func (e *evaluator) uniform(x *expr, items []Value, want types) error {
	if err := e.spend(x, len(items)); err != nil {
		return err
	}
	for i, item := range items {
		if item.types()&want == 0 {
			return x.fault(InvalidType, fmt.Sprintf("element %d is %s, want %s", i, item.described(), want))
		}
		want = item.types()
	}
	return nil
}

// suggestion returns a hint at a function whose name is close to an unknown one.
func suggestion(name string) string {
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	for known := range functions {
		if plain(known) == plain(name) {
			return fmt.Sprintf(" (write %s)", known)
		}
	}
	return ""
}
