package jmespath

import (
	"fmt"
	"math/big"
)

// evaluator is one search.
type evaluator struct {
	steps int
	// stack holds the elements and the arguments that are still being
	// collected. Whoever pushes takes his own away.
	stack []Value
}

// spend takes steps from what the search may cost.
func (e *evaluator) spend(x *expr, steps int) error {
	if e.steps -= steps; e.steps < 0 {
		return exhausted(x)
	}
	return nil
}

func exhausted(x *expr) error {
	return &EvaluationError{Code: LimitExceeded, Offset: x.offset, Message: fmt.Sprintf("the search takes too many steps (%d at most, fewer where searches share a budget)", maxSteps)}
}

// evaluate applies an expression to the current value.
func (e *evaluator) evaluate(x *expr, current *Value) (Value, error) {
	if err := e.spend(x, 1+len(x.args)); err != nil {
		return Value{}, err
	}
	if x.located {
		return *x.locate(current), nil
	}
	switch x.op {
	case opChain:
		return e.chained(x, current)
	case opAnd, opOr:
		return e.logical(x, current)
	case opNot:
		holds, err := e.holds(x.args[0], current)
		return booleanValue(!holds), err
	case opCompare:
		return e.compared(x, current)
	case opSlice:
		return e.sliced(x, current)
	case opFlatten:
		return e.flattened(x, current)
	case opProject, opFilter:
		return e.projected(x, current)
	case opValues:
		return e.projectedValues(x, current)
	case opList, opHash:
		return e.selected(x, current)
	default: // opCall: references stand in its arguments only
		return e.called(x, current)
	}
}

// place returns the place of an array's element, -1 if v is none or has none;
// negative indexes count from the end.
func (v *Value) place(i int64) int {
	if v.kind != KindArray {
		return -1
	}
	n := int64(len(v.node.items))
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return -1
	}
	return int(i)
}

// absent is what lies nowhere. Nobody changes it.
var absent Value

// locate returns where the value of an expression lies that is there already:
// in the document, or in the expression. That spares copying what is only
// compared, or the way to something else.
func (x *expr) locate(current *Value) *Value {
	if x.op != opChain {
		return x.locateOne(current)
	}
	for _, arg := range x.args {
		current = arg.locateOne(current)
	}
	return current
}

func (x *expr) locateOne(current *Value) *Value {
	switch x.op {
	case opLiteral:
		return &x.value
	case opField:
		if i := current.find(x.name); i >= 0 {
			return &current.node.items[i]
		}
		return &absent
	case opIndex:
		if i := current.place(x.slice.start.value); i >= 0 {
			return &current.node.items[i]
		}
		return &absent
	default: // opCurrent
		return current
	}
}

func (e *evaluator) chained(x *expr, current *Value) (Value, error) {
	v, err := e.evaluate(x.args[0], current)
	for _, arg := range x.args[1:] {
		if err != nil {
			return Value{}, err
		}
		v, err = e.evaluate(arg, &v)
	}
	return v, err
}

func (e *evaluator) logical(x *expr, current *Value) (Value, error) {
	var v Value
	for _, arg := range x.args {
		var err error
		if v, err = e.evaluate(arg, current); err != nil {
			return Value{}, err
		}
		if v.isTrue() == (x.op == opOr) {
			break
		}
	}
	return v, nil
}

func (e *evaluator) compared(x *expr, current *Value) (Value, error) {
	holds, ordered, err := e.compare(x, current)
	if err != nil || !ordered {
		return Value{}, err
	}
	return booleanValue(holds), nil
}

// compare reports whether a comparison holds, and whether there is anything to
// compare: only numbers have an order.
func (e *evaluator) compare(x *expr, current *Value) (bool, bool, error) {
	var sides [2]*Value
	var made [2]Value
	for i, arg := range x.args {
		if arg.located {
			sides[i] = arg.locate(current)
			continue
		}
		var err error
		if made[i], err = e.evaluate(arg, current); err != nil {
			return false, false, err
		}
		sides[i] = &made[i]
	}
	left, right := sides[0], sides[1]
	if x.compare == tokenEqual || x.compare == tokenNotEqual {
		same, err := e.same(x, left, right)
		return same == (x.compare == tokenEqual), true, err
	}
	if !left.isNumber() || !right.isNumber() {
		return false, false, nil
	}
	c, err := e.compareNumbers(x, left, right)
	switch x.compare {
	case tokenLess:
		return c < 0, true, err
	case tokenLessEqual:
		return c <= 0, true, err
	case tokenGreater:
		return c > 0, true, err
	default:
		return c >= 0, true, err
	}
}

// holds reports whether an expression gives something true, and spares the
// value where only that matters.
func (e *evaluator) holds(x *expr, current *Value) (bool, error) {
	switch x.op {
	case opCompare:
		if err := e.spend(x, 1+len(x.args[0].args)+len(x.args[1].args)); err != nil {
			return false, err
		}
		holds, ordered, err := e.compare(x, current)
		return holds && ordered, err
	case opAnd, opOr:
		if err := e.spend(x, 1); err != nil {
			return false, err
		}
		for _, arg := range x.args {
			if holds, err := e.holds(arg, current); err != nil || holds == (x.op == opOr) {
				return holds, err
			}
		}
		return x.op == opAnd, nil
	default:
		if x.located {
			return x.locate(current).isTrue(), e.spend(x, 1+len(x.args))
		}
		v, err := e.evaluate(x, current)
		return v.isTrue(), err
	}
}

// compareNumbers is [compareNumbers], paid for.
func (e *evaluator) compareNumbers(x *expr, a, b *Value) (int, error) {
	if a.text != "" || b.text != "" {
		if err := e.spend(x, stepNumber); err != nil {
			return 0, err
		}
	}
	return compareNumbers(*a, *b), nil
}

// same is [Value.Equal], paid for.
func (e *evaluator) same(x *expr, a, b *Value) (bool, error) {
	switch {
	case a.kind == KindString && b.kind == KindString:
		if len(a.text) != len(b.text) {
			return false, nil
		}
		return a.text == b.text, e.spend(x, len(a.text)/stepBytes)
	case a.isNumber() && b.isNumber():
		c, err := e.compareNumbers(x, a, b)
		return c == 0, err
	case a.kind != b.kind || a.node == nil || a.node == b.node:
		return a.Equal(*b), nil
	}
	return e.sameNodes(x, a.node, b.node)
}

// sameNodes compares what two arrays or two objects hold.
func (e *evaluator) sameNodes(x *expr, a, b *node) (bool, error) {
	if len(a.items) != len(b.items) || len(a.names) != len(b.names) {
		return false, nil
	}
	if err := e.spend(x, len(a.items)); err != nil {
		return false, err
	}
	for i, name := range a.names {
		if name != b.names[i] {
			return false, nil
		}
		if err := e.spend(x, len(name)/stepBytes); err != nil {
			return false, err
		}
	}
	for i := range a.items {
		if same, err := e.same(x, &a.items[i], &b.items[i]); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// selected builds an array or an object of what the arguments give.
func (e *evaluator) selected(x *expr, current *Value) (Value, error) {
	if current.IsNull() {
		return Value{}, nil
	}
	base := len(e.stack)
	for _, arg := range x.args {
		v, err := e.evaluate(arg, current)
		if err != nil {
			return Value{}, err
		}
		e.stack = append(e.stack, v)
	}
	if x.op == opHash {
		return e.object(x, x.names, e.take(base))
	}
	return e.collect(x, base)
}

// called evaluates a function's arguments and applies it.
func (e *evaluator) called(x *expr, current *Value) (Value, error) {
	base := len(e.stack)
	for i, arg := range x.args {
		var v Value
		if arg.op != opReference {
			var err error
			if v, err = e.evaluate(arg, current); err != nil {
				return Value{}, err
			}
			if err := e.check(x, i, v); err != nil {
				return Value{}, err
			}
		}
		e.stack = append(e.stack, v)
	}
	// The slice stays as it is while the function evaluates further: what that
	// pushes lies beyond.
	v, err := x.function.call(e, x, e.stack[base:len(e.stack):len(e.stack)])
	e.stack = e.stack[:base]
	return v, err
}

// take takes what lies above base from the stack.
func (e *evaluator) take(base int) []Value {
	items := append([]Value(nil), e.stack[base:]...)
	e.stack = e.stack[:base]
	return items
}

// collect makes an array of what lies above base on the stack.
func (e *evaluator) collect(x *expr, base int) (Value, error) {
	return e.array(x, e.take(base))
}

func (e *evaluator) array(x *expr, items []Value) (Value, error) {
	n := newNode(nil, items)
	return arrayValue(n), e.built(x, n)
}

// object makes an object; names must be sorted, each once.
func (e *evaluator) object(x *expr, names []string, items []Value) (Value, error) {
	n := newNode(names, items)
	return objectValue(n), e.built(x, n)
}

// built pays for a node and holds it against the bounds.
func (e *evaluator) built(x *expr, n *node) error {
	switch {
	case n.size > maxDocument:
		return &EvaluationError{Code: LimitExceeded, Offset: x.offset, Message: fmt.Sprintf("the search builds a value of more than %d bytes", maxDocument)}
	case n.depth > maxDepth:
		return &EvaluationError{Code: LimitExceeded, Offset: x.offset, Message: fmt.Sprintf("the search builds a value of more than %d levels", maxDepth)}
	}
	return e.spend(x, stepNode+stepItem*len(n.items))
}

// integer makes a number of the result of integer arithmetic.
func (e *evaluator) integer(x *expr, i *big.Int) (Value, error) {
	v := bigValue(i)
	if len(v.text) > maxNumber {
		return Value{}, x.fault(LimitExceeded, fmt.Sprintf("the result has more than %d digits", maxNumber))
	}
	return v, nil
}

// string makes a string of the result of a function, and pays for it.
func (e *evaluator) string(x *expr, s string) (Value, error) {
	if len(s) > maxDocument {
		return Value{}, x.fault(LimitExceeded, fmt.Sprintf("the result has more than %d bytes", maxDocument))
	}
	return stringValue(s), e.spend(x, len(s)/stepBytes)
}

// fault reports what is wrong with a call.
func (x *expr) fault(code Code, message string) *EvaluationError {
	return &EvaluationError{Code: code, Offset: x.offset, Function: x.function.name, Message: message}
}
