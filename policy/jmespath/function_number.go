package jmespath

import (
	"math"
	"math/big"
	"slices"
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
	exact, float, err := e.total(x, args[0].node.items)
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
	exact, float, err := e.total(x, items)
	if err != nil || len(items) == 0 {
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

// total adds numbers up: as integers, and exactly, if all are, else as floats,
// and then the first result is nil.
func (e *evaluator) total(x *expr, items []Value) (*big.Int, float64, error) {
	if err := e.uniform(x, items, typeNumber); err != nil {
		return nil, 0, err
	}
	if slices.ContainsFunc(items, func(v Value) bool { return v.kind == KindFloat }) {
		float, err := e.totalFloat(x, items)
		return nil, float, err
	}
	var small int64 // what is not yet in exact
	exact := new(big.Int)
	for _, v := range items {
		if sum := small + v.bits; v.text == "" && (sum > small) == (v.bits > 0) {
			small = sum
			continue
		}
		// The sum overflows, or v does already.
		if err := e.spend(x, stepNumber); err != nil {
			return nil, 0, err
		}
		exact.Add(exact, v.asBig())
	}
	return exact.Add(exact, big.NewInt(small)), 0, nil
}

func (e *evaluator) totalFloat(x *expr, items []Value) (float64, error) {
	var float float64
	for _, v := range items {
		if v.text != "" {
			if err := e.spend(x, stepNumber); err != nil {
				return 0, err
			}
		}
		float += v.asFloat()
	}
	return float, nil
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
