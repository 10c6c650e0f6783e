package policy

import (
	"fmt"
	"math"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// contradiction returns why no claim can pass a condition, whatever the claims
// are, or "".
func contradiction(condition *syntax.Condition) string {
	for p := syntax.Type; p <= syntax.Issuer; p++ {
		var tests []literalTest
		for _, t := range condition.Tests {
			if v, ok := literalOf(t.Operand); ok && t.Property == p {
				tests = append(tests, literalTest{t.Operator, v})
			}
		}
		if why := contradict(p, tests); why != "" {
			return why
		}
	}
	value, isFixed := fixed(condition, syntax.Value)
	kind, isTyped := fixed(condition, syntax.ValueType)
	if name, _ := kind.Str(); isFixed && isTyped && name != value.Kind().String() {
		return fmt.Sprintf("%s is no %s", shown(value), name)
	}
	return ""
}

// literalTest is a comparison with a literal.
type literalTest struct {
	operator syntax.Operator
	value    claims.Value
}

// fixed returns the value that a condition asks a property to have.
func fixed(condition *syntax.Condition, p syntax.Property) (claims.Value, bool) {
	for _, t := range condition.Tests {
		if v, ok := literalOf(t.Operand); ok && t.Property == p && t.Operator == syntax.Equal {
			return v, true
		}
	}
	return claims.Value{}, false
}

// contradict returns why no value passes all tests of one property.
func contradict(p syntax.Property, tests []literalTest) string {
	for i, t := range tests {
		for _, other := range tests[:i] {
			if t.value.Kind() != other.value.Kind() {
				return fmt.Sprintf("no %s is comparable with both %s and %s", p, shown(other.value), shown(t.value))
			}
		}
	}
	for _, t := range tests {
		if t.operator != syntax.Equal {
			continue
		}
		for _, other := range tests {
			if !compare(t.value, other.operator, other.value) {
				return fmt.Sprintf("%s cannot be %s and %s %s", p, shown(t.value), other.operator, shown(other.value))
			}
		}
		return ""
	}
	if len(tests) > 0 && tests[0].value.Kind() == claims.KindInteger {
		return emptyRange(p, tests)
	}
	both := map[claims.Value]bool{}
	for _, t := range tests {
		if both[t.value] = true; both[claims.Boolean(true)] && both[claims.Boolean(false)] {
			return fmt.Sprintf("%s cannot be other than true and other than false", p)
		}
	}
	return ""
}

// emptyRange returns why no integer passes all tests, none of which is ==.
func emptyRange(p syntax.Property, tests []literalTest) string {
	least, most := int64(math.MinInt64), int64(math.MaxInt64)
	for _, t := range tests {
		i, _ := t.value.Int()
		switch t.operator {
		case syntax.Less:
			if i == math.MinInt64 {
				return fmt.Sprintf("no integer is less than %d", i)
			}
			most = min(most, i-1)
		case syntax.LessOrEqual:
			most = min(most, i)
		case syntax.Greater:
			if i == math.MaxInt64 {
				return fmt.Sprintf("no integer is greater than %d", i)
			}
			least = max(least, i+1)
		case syntax.GreaterOrEqual:
			least = max(least, i)
		case syntax.Equal, syntax.NotEqual:
		}
	}
	if least > most {
		return fmt.Sprintf("%s cannot be both %d or more and %d or less", p, least, most)
	}
	for _, t := range tests {
		if i, _ := t.value.Int(); t.operator == syntax.NotEqual && least == most && i == least {
			return fmt.Sprintf("%s can only be %d, and must not be", p, i)
		}
	}
	return ""
}
