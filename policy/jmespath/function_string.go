package jmespath

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

func callContains(e *evaluator, x *expr, args []Value) (Value, error) {
	subject, wanted := args[0], args[1]
	if subject.kind == KindString {
		if wanted.kind != KindString {
			return booleanValue(false), nil
		}
		return booleanValue(strings.Contains(subject.text, wanted.text)), e.spend(x, len(subject.text)/stepRunes)
	}
	items := subject.node.items
	for i := range items {
		if err := e.spend(x, 1); err != nil {
			return Value{}, err
		}
		if same, err := e.same(x, &items[i], &wanted); err != nil || same {
			return booleanValue(same), err
		}
	}
	return booleanValue(false), nil
}

func callStartsWith(e *evaluator, x *expr, args []Value) (Value, error) {
	return booleanValue(strings.HasPrefix(args[0].text, args[1].text)), e.spend(x, len(args[1].text)/stepBytes)
}

func callEndsWith(e *evaluator, x *expr, args []Value) (Value, error) {
	return booleanValue(strings.HasSuffix(args[0].text, args[1].text)), e.spend(x, len(args[1].text)/stepBytes)
}

func callEqualsIgnoreCase(e *evaluator, x *expr, args []Value) (Value, error) {
	return booleanValue(equalFold(args[0].text, args[1].text)), e.spend(x, 2*len(args[0].text)/stepRunes)
}

// equalFold folds case as Unicode does, but never between ASCII and what is not: a
// long s is no s, and a Kelvin sign no k. To a file system they are others, and
// drivers are known by their paths.
func equalFold(a, b string) bool {
	if !strings.EqualFold(a, b) {
		return false
	}
	for a != "" {
		r, n := utf8.DecodeRuneInString(a)
		s, m := utf8.DecodeRuneInString(b)
		if (r < utf8.RuneSelf) != (s < utf8.RuneSelf) {
			return false
		}
		a, b = a[n:], b[m:]
	}
	return true
}

func callJoin(e *evaluator, x *expr, args []Value) (Value, error) {
	items := args[1].node.items
	if err := e.uniform(x, items, typeString); err != nil {
		return Value{}, err
	}
	texts, size := make([]string, len(items)), 0
	for i, item := range items {
		texts[i] = item.text
		size += len(item.text) + len(args[0].text)
	}
	if size-len(args[0].text) > maxDocument {
		return Value{}, x.fault(LimitExceeded, fmt.Sprintf("the result has more than %d bytes", maxDocument))
	}
	return e.string(x, strings.Join(texts, args[0].text))
}

func callLength(e *evaluator, x *expr, args []Value) (Value, error) {
	v := args[0]
	if v.kind != KindString {
		return integerValue(int64(v.Len())), nil
	}
	return integerValue(int64(utf8.RuneCountInString(v.text))), e.spend(x, len(v.text)/stepRunes)
}

func callReverse(e *evaluator, x *expr, args []Value) (Value, error) {
	if v := args[0]; v.kind == KindString {
		if err := e.spend(x, len(v.text)/4); err != nil {
			return Value{}, err
		}
		out := make([]byte, len(v.text))
		for i, end := 0, len(out); i < len(out); {
			_, size := utf8.DecodeRuneInString(v.text[i:])
			end -= size
			copy(out[end:], v.text[i:i+size])
			i += size
		}
		return e.string(x, string(out))
	}
	items := slices.Clone(args[0].node.items)
	slices.Reverse(items)
	return e.array(x, items)
}

func callToString(e *evaluator, x *expr, args []Value) (Value, error) {
	v := args[0]
	if v.kind == KindString {
		return v, nil
	}
	if err := e.spend(x, v.size()/2); err != nil {
		return Value{}, err
	}
	return e.string(x, v.JSON())
}

func callType(_ *evaluator, _ *expr, args []Value) (Value, error) {
	return stringValue(args[0].typeName()), nil
}
