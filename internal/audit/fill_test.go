package audit

import (
	"reflect"
	"testing"
)

// fillTexts puts text into every string of a record, so that a new one is not
// forgotten by what bounds them.
func fillTexts(t *testing.T, r *Record, text string) {
	t.Helper()
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		switch {
		case v.Kind() == reflect.String:
			v.SetString(text)
		case v.Kind() == reflect.Struct && v.Type().PkgPath() == reflect.TypeFor[Record]().PkgPath():
			for _, field := range v.Fields() {
				fill(field)
			}
		}
	}
	fill(reflect.ValueOf(r).Elem())
}
