package jmespath

import (
	"math"
	"math/big"
)

func callAbs(e *evaluator, x *expr, args []Value) (Value, error) {
	switch v := args[0]; {
	case v.kind == KindFloat:
		return floatValue(math.Abs(v.asFloat())), nil
	case v.text == "" && v.bits >= 0:
		return v, nil
	default:
		i := v.asBig()
		return e.integer(x, i.Abs(i))
	}
}

func callCeil(_ *evaluator, _ *expr, args []Value) (Value, error) {
	return rounded(args[0], math.Ceil), nil
}

func callFloor(_ *evaluator, _ *expr, args []Value) (Value, error) {
	return rounded(args[0], math.Floor), nil
}

func rounded(v Value, round func(float64) float64) Value {
	if v.kind == KindInteger {
		return v
	}
	return wholeValue(round(v.asFloat()))
}

func callSum(e *evaluator, x *expr, args []Value) (Value, error) {
	items := args[0].node.items
	if err := e.uniform(x, items, typeNumber); err != nil {
		return Value{}, err
	}
	exact, float, err := e.total(x, items)
	if err != nil {
		return Value{}, err
	}
	if exact != nil {
		return e.integer(x, exact)
	}
	return finite(x, float)
}

func callAvg(e *evaluator, x *expr, args []Value) (Value, error) {
	items := args[0].node.items
	if err := e.uniform(x, items, typeNumber); err != nil {
		return Value{}, err
	}
	if len(items) == 0 {
		return Value{}, nil
	}
	exact, float, err := e.total(x, items)
	if err != nil {
		return Value{}, err
	}
	if exact == nil {
		return finite(x, float/float64(len(items)))
	}
	average := new(big.Rat).SetFrac(exact, big.NewInt(int64(len(items))))
	if average.IsInt() {
		return e.integer(x, average.Num())
	}
	nearest, _ := average.Float64()
	return finite(x, nearest)
}

// total adds numbers up: exactly if all are integers, else as floats, and then
// the first result is nil.
func (e *evaluator) total(x *expr, items []Value) (*big.Int, float64, error) {
	var float float64
	var small int64 // what is not yet in exact
	exact, allExact := new(big.Int), true
	for _, v := range items {
		float += v.asFloat()
		switch sum := small + v.bits; {
		case v.kind == KindFloat:
			allExact = false
		case v.text == "" && (sum > small) == (v.bits > 0):
			small = sum
		default: // the sum overflows, or v does already
			if err := e.spend(x, stepNumber); err != nil {
				return nil, 0, err
			}
			exact.Add(exact, v.asBig())
		}
	}
	if !allExact {
		return nil, float, nil
	}
	return exact.Add(exact, big.NewInt(small)), 0, nil
}

func finite(x *expr, f float64) (Value, error) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return Value{}, x.fault(InvalidValue, "the result is beyond float64")
	}
	return floatValue(f), nil
}

func callToNumber(_ *evaluator, _ *expr, args []Value) (Value, error) {
	v := args[0]
	if v.kind != KindString {
		if v.isNumber() {
			return v, nil
		}
		return Value{}, nil
	}
	if len(v.text) > maxNumber || v.text == "" || numberLength(v.text) != len(v.text) {
		return Value{}, nil
	}
	if n, ok := parseNumber(v.text); ok {
		return n, nil
	}
	return Value{}, nil
}
