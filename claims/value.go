package claims

import (
	"fmt"
	"strconv"
)

// Kind says what a [Value] holds.
type Kind uint8

// The kinds of value. Policies compare the first three; JSON values pass from
// the request to the token untouched.
const (
	KindString Kind = iota + 1
	KindInteger
	KindBoolean
	KindJSON
)

// String returns the name that the policy language uses for k ("String",
// "Integer", "Boolean"), or "JSON".
func (k Kind) String() string {
	switch k {
	case KindString:
		return "String"
	case KindInteger:
		return "Integer"
	case KindBoolean:
		return "Boolean"
	case KindJSON:
		return "JSON"
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// Value is one claim value. Values are comparable with ==: two are equal if
// kind and content are. The zero Value is invalid.
type Value struct {
	kind   Kind
	number int64
	text   string
}

// String returns a string value.
func String(s string) Value { return Value{kind: KindString, text: s} }

// Integer returns an integer value. All 64 bits survive the way into JSON and
// back.
func Integer(i int64) Value { return Value{kind: KindInteger, number: i} }

// Boolean returns a boolean value.
func Boolean(b bool) Value {
	if b {
		return Value{kind: KindBoolean, number: 1}
	}
	return Value{kind: KindBoolean}
}

// JSON returns a structured value. The text is brought into canonical form
// (compact, object keys sorted bytewise, numbers as written), so that equal
// documents give equal values. It returns a *[JSONError] if raw is not exactly
// one JSON value, repeats a key within an object, or nests deeper than
// 64 levels.
func JSON(raw []byte) (Value, error) {
	canonical, err := canonicalJSON(raw)
	if err != nil {
		return Value{}, err
	}
	return Value{kind: KindJSON, text: string(canonical)}, nil
}

// Object returns s as a structured value, a snapshot: later changes to s do
// not show.
func Object(s *Set) Value {
	const typical = 1 << 10 // bytes; spares the growing for objects such as a token's collateral
	return Value{kind: KindJSON, text: string(s.AppendJSON(make([]byte, 0, typical)))}
}

// Kind returns what v holds, 0 for the zero Value.
func (v Value) Kind() Kind { return v.kind }

// Str returns the string that v holds; ok is false for another kind.
func (v Value) Str() (s string, ok bool) { return v.text, v.kind == KindString }

// Int returns the integer that v holds; ok is false for another kind.
func (v Value) Int() (i int64, ok bool) { return v.number, v.kind == KindInteger }

// Bool returns the boolean that v holds; ok is false for another kind.
func (v Value) Bool() (b, ok bool) { return v.number == 1, v.kind == KindBoolean }

// RawJSON returns the canonical text of a structured value; ok is false for
// another kind.
func (v Value) RawJSON() (text string, ok bool) { return v.text, v.kind == KindJSON }

// String returns v for people to read: strings bare, everything else as JSON.
func (v Value) String() string {
	if v.kind == KindString {
		return v.text
	}
	return string(v.AppendJSON(nil))
}

// GoString returns v as the call that makes it, for test output.
func (v Value) GoString() string { return fmt.Sprintf("claims.%s(%s)", v.kind, v.AppendJSON(nil)) }
