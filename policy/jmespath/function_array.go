package jmespath

import (
	"slices"
	"strings"
)

func callMap(e *evaluator, x *expr, args []Value) (Value, error) {
	items, err := e.keysOf(x, 0, args[1].node.items)
	if err != nil {
		return Value{}, err
	}
	return e.array(x, items)
}

// keysOf applies the expression of an argument to every element.
func (e *evaluator) keysOf(x *expr, arg int, items []Value) ([]Value, error) {
	base := len(e.stack)
	for i := range items {
		v, err := e.evaluate(x.reference(arg), &items[i])
		if err != nil {
			return nil, err
		}
		e.stack = append(e.stack, v)
	}
	return e.take(base), nil
}

// order compares two values of the same type, numbers or strings. Strings have
// the order of their UTF-8 bytes, which is that of their code points.
func (e *evaluator) order(x *expr, a, b *Value) (int, error) {
	if a.kind == KindString {
		return strings.Compare(a.text, b.text), e.spend(x, 1+min(len(a.text), len(b.text))/stepBytes)
	}
	if err := e.spend(x, 1); err != nil {
		return 0, err
	}
	return e.compareNumbers(x, a, b)
}

func callMax(e *evaluator, x *expr, args []Value) (Value, error) {
	items := args[0].node.items
	return e.extreme(x, items, items, 1)
}

func callMin(e *evaluator, x *expr, args []Value) (Value, error) {
	items := args[0].node.items
	return e.extreme(x, items, items, -1)
}

func callMaxBy(e *evaluator, x *expr, args []Value) (Value, error) {
	keys, err := e.keysOf(x, 1, args[0].node.items)
	if err != nil {
		return Value{}, err
	}
	return e.extreme(x, args[0].node.items, keys, 1)
}

func callMinBy(e *evaluator, x *expr, args []Value) (Value, error) {
	keys, err := e.keysOf(x, 1, args[0].node.items)
	if err != nil {
		return Value{}, err
	}
	return e.extreme(x, args[0].node.items, keys, -1)
}

// extreme returns the item with the greatest key, or with the least if sign is
// -1; the first of several, null of none.
func (e *evaluator) extreme(x *expr, items, keys []Value, sign int) (Value, error) {
	if err := e.uniform(x, keys, typeNumber|typeString); err != nil || len(keys) == 0 {
		return Value{}, err
	}
	best := 0
	for i := 1; i < len(keys); i++ {
		c, err := e.order(x, &keys[i], &keys[best])
		if err != nil {
			return Value{}, err
		}
		if c*sign > 0 {
			best = i
		}
	}
	return items[best], nil
}

func callSort(e *evaluator, x *expr, args []Value) (Value, error) {
	items := args[0].node.items
	return e.sorted(x, items, items)
}

func callSortBy(e *evaluator, x *expr, args []Value) (Value, error) {
	keys, err := e.keysOf(x, 1, args[0].node.items)
	if err != nil {
		return Value{}, err
	}
	return e.sorted(x, args[0].node.items, keys)
}

// sorted returns the items in the order of their keys; those with the same key
// keep their order.
func (e *evaluator) sorted(x *expr, items, keys []Value) (Value, error) {
	if err := e.uniform(x, keys, typeNumber|typeString); err != nil {
		return Value{}, err
	}
	places := make([]int, len(items))
	for i := range places {
		places[i] = i
	}
	var failed error
	slices.SortStableFunc(places, func(i, j int) int {
		if failed != nil {
			return 0
		}
		c, err := e.order(x, &keys[i], &keys[j])
		failed = err
		return c
	})
	if failed != nil {
		return Value{}, failed
	}
	result := make([]Value, len(items))
	for i, place := range places {
		result[i] = items[place]
	}
	return e.array(x, result)
}

func callToArray(e *evaluator, x *expr, args []Value) (Value, error) {
	if args[0].kind == KindArray {
		return args[0], nil
	}
	return e.array(x, []Value{args[0]})
}

func callNotNull(_ *evaluator, _ *expr, args []Value) (Value, error) {
	for _, v := range args {
		if !v.IsNull() {
			return v, nil
		}
	}
	return Value{}, nil
}

func callKeys(e *evaluator, x *expr, args []Value) (Value, error) {
	n := args[0].node
	items := make([]Value, len(n.names))
	for i, name := range n.names {
		items[i] = stringValue(name)
	}
	if err := e.spend(x, n.size/stepBytes); err != nil {
		return Value{}, err
	}
	return e.array(x, items)
}

func callValues(e *evaluator, x *expr, args []Value) (Value, error) {
	return e.array(x, args[0].node.items)
}

// callMerge joins objects; of members with the same name the last one counts.
func callMerge(e *evaluator, x *expr, args []Value) (Value, error) {
	merged := args[0]
	for _, next := range args[1:] {
		a, b := merged.node, next.node
		if err := e.spend(x, (a.size+b.size)/stepBytes); err != nil {
			return Value{}, err
		}
		names := make([]string, 0, len(a.names)+len(b.names))
		items := make([]Value, 0, len(a.names)+len(b.names))
		for i, j := 0, 0; i < len(a.names) || j < len(b.names); {
			switch {
			case j == len(b.names) || i < len(a.names) && a.names[i] < b.names[j]:
				names, items = append(names, a.names[i]), append(items, a.items[i])
				i++
			default:
				if i < len(a.names) && a.names[i] == b.names[j] {
					i++
				}
				names, items = append(names, b.names[j]), append(items, b.items[j])
				j++
			}
		}
		var err error
		if merged, err = e.object(x, names, items); err != nil {
			return Value{}, err
		}
	}
	return merged, nil
}
