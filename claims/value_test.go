package claims

import (
	"errors"
	"fmt"
	"math"
	"testing"
)

func mustJSON(tb testing.TB, text string) Value {
	tb.Helper()
	v, err := JSON([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestValueKinds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		value      Value
		kind       Kind
		name, text string
		json       string
		goString   string
	}{
		{String("a\"b"), KindString, "String", `a"b`, `"a\"b"`, `claims.String("a\"b")`},
		{String(""), KindString, "String", ``, `""`, `claims.String("")`},
		{Integer(math.MaxInt64), KindInteger, "Integer", `9223372036854775807`, `9223372036854775807`, `claims.Integer(9223372036854775807)`},
		{Integer(math.MinInt64), KindInteger, "Integer", `-9223372036854775808`, `-9223372036854775808`, `claims.Integer(-9223372036854775808)`},
		{Boolean(true), KindBoolean, "Boolean", `true`, `true`, `claims.Boolean(true)`},
		{Boolean(false), KindBoolean, "Boolean", `false`, `false`, `claims.Boolean(false)`},
		{mustJSON(t, ` { "b" : 1 , "a" : [ ] } `), KindJSON, "JSON", `{"a":[],"b":1}`, `{"a":[],"b":1}`, `claims.JSON({"a":[],"b":1})`},
		{Value{}, 0, "Kind(0)", `null`, `null`, `claims.Kind(0)(null)`},
	}
	for _, test := range tests {
		v := test.value
		if v.Kind() != test.kind || v.Kind().String() != test.name {
			t.Errorf("%#v is of kind %s, want %s", v, v.Kind(), test.name)
		}
		if v.String() != test.text || string(v.AppendJSON(nil)) != test.json || fmt.Sprintf("%#v", v) != test.goString {
			t.Errorf("%#v: text %q, JSON %s", v, v.String(), v.AppendJSON(nil))
		}
		if marshaled, err := v.MarshalJSON(); err != nil || string(marshaled) != test.json {
			t.Errorf("%#v: marshaled %s, %v", v, marshaled, err)
		}
		_, isString := v.Str()
		_, isInteger := v.Int()
		_, isBoolean := v.Bool()
		_, isJSON := v.RawJSON()
		if isString != (test.kind == KindString) || isInteger != (test.kind == KindInteger) || isBoolean != (test.kind == KindBoolean) || isJSON != (test.kind == KindJSON) {
			t.Errorf("%#v reads as string %t, integer %t, boolean %t, JSON %t", v, isString, isInteger, isBoolean, isJSON)
		}
	}
	if s, _ := String("x").Str(); s != "x" {
		t.Errorf("string %q", s)
	}
	if i, _ := Integer(-7).Int(); i != -7 {
		t.Errorf("integer %d", i)
	}
	if b, _ := Boolean(true).Bool(); !b {
		t.Error("true is false")
	}
	if raw, _ := mustJSON(t, "[1, 2]").RawJSON(); raw != "[1,2]" {
		t.Errorf("JSON %s", raw)
	}
}

// TestValueEquality checks that no two values that differ in kind or content
// are ever taken for each other.
func TestValueEquality(t *testing.T) {
	t.Parallel()
	values := []Value{
		{},
		String(""), String("1"), String("true"), String("{}"), Integer(0), Integer(1), Boolean(false), Boolean(true),
		mustJSON(t, "1"), mustJSON(t, "true"), mustJSON(t, "{}"), mustJSON(t, `"1"`), mustJSON(t, "null"),
	}
	for i, a := range values {
		for j, b := range values {
			if (a == b) != (i == j) {
				t.Errorf("%#v == %#v is %t", a, b, a == b)
			}
		}
	}
	if mustJSON(t, `{"a":1,"b":[true,null]}`) != mustJSON(t, "{ \"b\" : [true,\n null], \"a\":1 }") {
		t.Error("equal documents differ")
	}
}

func TestObjectIsASnapshot(t *testing.T) {
	t.Parallel()
	s := example()
	v := Object(s)
	s.Add("c", Integer(1))
	if v != mustJSON(t, `{"a":"x","b":[2,true]}`) {
		t.Errorf("object %s", v)
	}
}

func TestJSONErrors(t *testing.T) {
	t.Parallel()
	_, err := JSON([]byte(`{"a": x}`))
	var bad *JSONError
	if !errors.As(err, &bad) || bad.Offset < 5 || errors.Unwrap(err) == nil {
		t.Fatalf("error %v (%+v), want a JSONError at byte 6 that wraps the decoder's", err, bad)
	}
}
