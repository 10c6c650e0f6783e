package jmespath

import (
	"cmp"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// beyondInt64 is 2^63, the first float64 above all integers of 64 bits.
const beyondInt64 = 1 << 63

// parseNumber reads a JSON number that follows the grammar and has at most
// maxNumber digits. It reports false for one beyond float64.
func parseNumber(text string) (Value, bool) {
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		return floatValue(f), err == nil
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return integerValue(i), true
	}
	return Value{kind: KindInteger, text: text}, true
}

// bigValue returns an integer of any size.
func bigValue(i *big.Int) Value {
	if i.IsInt64() {
		return integerValue(i.Int64())
	}
	return Value{kind: KindInteger, text: i.String()}
}

// wholeValue returns a float without fraction as the integer that it is.
func wholeValue(f float64) Value {
	if f >= -beyondInt64 && f < beyondInt64 {
		return integerValue(int64(f))
	}
	whole, _ := big.NewFloat(f).Int(nil)
	return bigValue(whole)
}

func (v Value) asFloat() float64 {
	switch {
	case v.kind == KindFloat:
		return math.Float64frombits(uint64(v.bits)) //nolint:gosec // G115: the bits are kept, not a number
	case v.text != "":
		f, _ := strconv.ParseFloat(v.text, 64) // infinite if beyond float64
		return f
	}
	return float64(v.bits)
}

// asBig returns an integer of any size.
func (v Value) asBig() *big.Int {
	if v.text == "" {
		return big.NewInt(v.bits)
	}
	i, _ := new(big.Int).SetString(v.text, 10)
	return i
}

// compareNumbers compares what two numbers are worth, exactly.
func compareNumbers(a, b Value) int {
	switch {
	case a.text != "" || b.text != "":
		return compareBig(a, b)
	case a.kind == KindInteger && b.kind == KindInteger:
		return cmp.Compare(a.bits, b.bits)
	case a.kind == KindInteger:
		return compareIntFloat(a.bits, b.asFloat())
	case b.kind == KindInteger:
		return -compareIntFloat(b.bits, a.asFloat())
	}
	return cmp.Compare(a.asFloat(), b.asFloat())
}

// compareIntFloat compares without rounding the integer.
func compareIntFloat(i int64, f float64) int {
	switch {
	case f >= beyondInt64:
		return -1
	case f < -beyondInt64:
		return 1
	}
	whole := math.Trunc(f)
	if c := cmp.Compare(i, int64(whole)); c != 0 {
		return c
	}
	return cmp.Compare(whole, f)
}

// compareBig compares two numbers of which one at least is an integer beyond
// 64 bits.
func compareBig(a, b Value) int {
	x, y := decimal(a), decimal(b)
	negative := strings.HasPrefix(x, "-")
	if negative != strings.HasPrefix(y, "-") {
		if negative {
			return -1
		}
		return 1
	}
	c := cmp.Compare(len(x), len(y))
	if c == 0 {
		c = strings.Compare(x, y)
	}
	if negative {
		return -c
	}
	return c
}

// decimal returns the digits of a number, which loses its fraction: beside an
// integer beyond 64 bits that makes no difference.
func decimal(v Value) string {
	if v.text != "" {
		return v.text
	}
	if v.kind == KindFloat {
		return decimal(wholeValue(v.asFloat()))
	}
	return strconv.FormatInt(v.bits, 10)
}
