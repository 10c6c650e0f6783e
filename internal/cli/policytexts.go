package cli

import (
	"reflect"

	"github.com/azattest/azattest/policy/syntax"
)

// compareTexts says in what the texts of two policies differ. Those with faults
// are compared byte for byte.
func compareTexts(a, b string) string {
	if a == b {
		return textsIdentical
	}
	before, faults := syntax.Parse(a)
	after, more := syntax.Parse(b)
	if len(faults)+len(more) > 0 {
		return textsRules
	}
	strip(reflect.ValueOf(before))
	strip(reflect.ValueOf(after))
	if reflect.DeepEqual(before, after) {
		return textsLayout
	}
	return textsRules
}

// strip removes from a tree where things stand, and what comments say. Going
// through all kinds of node here keeps none from being forgotten; the parser bounds
// the depth.
func strip(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			strip(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			strip(v.Index(i))
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			switch field.Interface().(type) {
			case syntax.Range, []*syntax.Comment, *syntax.Comment:
				field.SetZero()
			default:
				strip(field)
			}
		}
	default: // words and numbers stay
	}
}
