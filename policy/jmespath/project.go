package jmespath

// firstStack is how many elements the stack has place for at first.
const firstStack = 64

// projected applies an expression to every element of an array that meets the
// condition, if there is one, and leaves out what comes out null. Of anything
// but an array it makes null.
func (e *evaluator) projected(x *expr, current *Value) (Value, error) {
	from, err := e.evaluate(x.args[0], current)
	if err != nil || from.kind != KindArray {
		return Value{}, err
	}
	var condition *expr
	if x.op == opFilter {
		condition = x.args[2]
	}
	return e.each(x, from.node.items, x.args[1], condition)
}

// projectedValues applies an expression to the value of every member of an
// object.
func (e *evaluator) projectedValues(x *expr, current *Value) (Value, error) {
	from, err := e.evaluate(x.args[0], current)
	if err != nil || from.kind != KindObject {
		return Value{}, err
	}
	return e.each(x, from.node.items, x.args[1], nil)
}

func (e *evaluator) each(x *expr, items []Value, apply, condition *expr) (Value, error) {
	if e.stack == nil {
		e.stack = make([]Value, 0, min(len(items), firstStack))
	}
	base := len(e.stack)
	for i := range items {
		if condition != nil {
			holds, err := e.holds(condition, &items[i])
			if err != nil {
				return Value{}, err
			}
			if !holds {
				continue
			}
		}
		v, err := e.evaluate(apply, &items[i])
		if err != nil {
			return Value{}, err
		}
		if !v.IsNull() {
			e.stack = append(e.stack, v)
		}
	}
	return e.collect(x, base)
}

// flattened puts the elements of an array's arrays in their place.
func (e *evaluator) flattened(x *expr, current *Value) (Value, error) {
	from, err := e.evaluate(x.args[0], current)
	if err != nil || from.kind != KindArray {
		return Value{}, err
	}
	base := len(e.stack)
	for _, item := range from.node.items {
		if item.kind != KindArray {
			e.stack = append(e.stack, item)
			continue
		}
		if err := e.spend(x, stepItem*len(item.node.items)); err != nil {
			return Value{}, err
		}
		e.stack = append(e.stack, item.node.items...)
	}
	return e.collect(x, base)
}

// sliced takes the elements from start up to stop in steps.
func (e *evaluator) sliced(x *expr, current *Value) (Value, error) {
	if current.kind != KindArray {
		return Value{}, nil
	}
	items := current.node.items
	from, to, step := x.slice.over(int64(len(items)))
	taken := make([]Value, 0, max((to-from)/step+1, 0))
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		taken = append(taken, items[i])
	}
	return e.array(x, taken)
}

// over returns the first index, the index to stop before, and the step of a
// slice of n elements. A step beyond the array is as good as one of its length,
// and cannot overflow.
func (s slice) over(n int64) (int64, int64, int64) {
	step := int64(1)
	if s.step.set {
		step = min(max(s.step.value, -n-1), n+1)
	}
	if step > 0 {
		return s.start.within(n, 0, 0, n), s.stop.within(n, n, 0, n), step
	}
	return s.start.within(n, n-1, -1, n-1), s.stop.within(n, -1, -1, n-1), step
}

// within returns the index that b stands for in an array of n elements: absent
// if b is left out, and never below least or above most.
func (b bound) within(n, absent, least, most int64) int64 {
	if !b.set {
		return absent
	}
	i := b.value
	if i < 0 {
		i += n
	}
	return min(max(i, least), most)
}
