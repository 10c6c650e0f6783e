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
	if err := e.spend(x, 1); err != nil {
		return Value{}, err
	}
	switch x.op {
	case opCurrent:
		return *current, nil
	case opLiteral:
		return x.value, nil
	case opField:
		return current.field(x.name), nil
	case opIndex:
		return current.at(x.slice.start.value), nil
	case opChain:
		return e.chained(x, current)
	case opAnd, opOr:
		return e.logical(x, current)
	case opNot:
		v, err := e.evaluate(x.args[0], current)
		return booleanValue(!v.isTrue()), err
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

// at returns an array's element; negative indexes count from the end.
func (v *Value) at(i int64) Value {
	if v.kind != KindArray {
		return Value{}
	}
	n := int64(len(v.node.items))
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return Value{}
	}
	return v.node.items[i]
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
	left, err := e.operand(x.args[0], current)
	if err != nil {
		return Value{}, err
	}
	right, err := e.operand(x.args[1], current)
	if err != nil {
		return Value{}, err
	}
	if x.compare == tokenEqual || x.compare == tokenNotEqual {
		same, err := e.same(x, left, right)
		return booleanValue(same == (x.compare == tokenEqual)), err
	}
	if !left.isNumber() || !right.isNumber() {
		return Value{}, nil
	}
	c, err := e.compareNumbers(x, left, right)
	if err != nil {
		return Value{}, err
	}
	switch x.compare {
	case tokenLess:
		return booleanValue(c < 0), nil
	case tokenLessEqual:
		return booleanValue(c <= 0), nil
	case tokenGreater:
		return booleanValue(c > 0), nil
	default:
		return booleanValue(c >= 0), nil
	}
}

// operand is evaluate with a short cut for what is mostly compared. Its steps
// are paid for with those of the comparison.
func (e *evaluator) operand(x *expr, current *Value) (Value, error) {
	switch x.op {
	case opField:
		return current.field(x.name), nil
	case opLiteral:
		return x.value, nil
	default:
		return e.evaluate(x, current)
	}
}

// compareNumbers is [compareNumbers], paid for.
func (e *evaluator) compareNumbers(x *expr, a, b Value) (int, error) {
	if a.text != "" || b.text != "" {
		if err := e.spend(x, stepNumber); err != nil {
			return 0, err
		}
	}
	return compareNumbers(a, b), nil
}

// same is [Value.Equal], paid for.
func (e *evaluator) same(x *expr, a, b Value) (bool, error) {
	if a.kind == KindString && b.kind == KindString {
		if len(a.text) != len(b.text) {
			return false, nil
		}
		return a.text == b.text, e.spend(x, len(a.text)/stepBytes)
	}
	if a.isNumber() && b.isNumber() {
		c, err := e.compareNumbers(x, a, b)
		return c == 0, err
	}
	if a.kind != b.kind || a.node == nil || a.node == b.node {
		return a.Equal(b), nil
	}
	n := len(a.node.items)
	if n != len(b.node.items) || len(a.node.names) != len(b.node.names) {
		return false, nil
	}
	if err := e.spend(x, n); err != nil {
		return false, err
	}
	for i := range n {
		if a.kind == KindObject {
			if a.node.names[i] != b.node.names[i] {
				return false, nil
			}
			if err := e.spend(x, len(a.node.names[i])/stepBytes); err != nil {
				return false, err
			}
		}
		if same, err := e.same(x, a.node.items[i], b.node.items[i]); err != nil || !same {
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
	return e.spend(x, stepNode+2*len(n.items))
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
