package policy

import (
	"slices"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// issuer says who stated a claim.
type issuer uint8

const (
	// issuerService is of claims that come from verified evidence.
	issuerService issuer = iota
	// issuerPolicy is of claims that a rule made.
	issuerPolicy
	// issuerCustom is of claims that the client stated about itself. Only TPM
	// attestation has such.
	issuerCustom
)

// issuers are the names that policies use.
var issuers = [...]string{
	issuerService: "AttestationService",
	issuerPolicy:  "AttestationPolicy",
	issuerCustom:  "CustomClaim",
}

func (i issuer) String() string { return issuers[i] }

// valueTypes are the kinds of value that policies know.
var valueTypes = [...]string{
	claims.KindString.String(),
	claims.KindInteger.String(),
	claims.KindBoolean.String(),
}

// fact is one claim as conditions see it.
type fact struct {
	name   string
	value  claims.Value
	issuer issuer
	// readOnly is of claims whose value may be read but not issued, nor what is
	// made of it; readOnlyType is of those whose type was made of such a value.
	readOnly, readOnlyType bool
	// next is the next fact of the same type, 0 if there is none: facts are
	// chained by type in the order in which they came, and none points back.
	next int
}

// project returns a property of a fact. A structured value has no valueType
// that a policy could know: it gives the zero Value, as does a property that
// there is not, and that equals nothing and differs from nothing.
func (f *fact) project(p syntax.Property) claims.Value {
	switch p {
	case syntax.Type:
		return claims.String(f.name)
	case syntax.Value:
		return f.value
	case syntax.ValueType:
		if k := f.value.Kind(); slices.Contains(valueTypes[:], k.String()) {
			return claims.String(k.String())
		}
	case syntax.Issuer:
		return claims.String(f.issuer.String())
	}
	return claims.Value{}
}

// taints reports whether what is made of the property p of the fact is
// read-only.
func (f *fact) taints(p syntax.Property) bool {
	return f.readOnly && p == syntax.Value || f.readOnlyType && p == syntax.Type
}

// chain is where the facts of one type begin and end; both are 0 if there are
// none. Fact 0 is a sentinel, so that 0 can mean none.
type chain struct {
	first, last int
	length      int
	// index finds facts of a long chain.
	index map[statement]int
}

// statement is what makes a fact of some type that one and no other.
type statement struct {
	value  claims.Value
	issuer issuer
}

// shortChain is how many facts are searched faster one by one.
const shortChain = 16

// extend puts the last of facts at the end of the chain.
func (c *chain) extend(facts []fact) {
	last := len(facts) - 1
	if c.first == 0 {
		c.first = last
	} else {
		facts[c.last].next = last
	}
	c.last = last
	if c.length++; c.length <= shortChain {
		return
	}
	if c.index == nil {
		c.index = make(map[statement]int)
		for i := c.first; i != last; i = facts[i].next {
			c.index[facts[i].statement()] = i
		}
	}
	c.index[facts[last].statement()] = last
}

func (f *fact) statement() statement { return statement{f.value, f.issuer} }

// compare reports whether a and b stand in the relation o. Values of different
// kinds stand in none, not even !=; strings and booleans are not ordered;
// structured values are not comparable.
func compare(a claims.Value, o syntax.Operator, b claims.Value) bool {
	if a.Kind() != b.Kind() {
		return kindsDiffer && o == syntax.NotEqual
	}
	switch a.Kind() {
	case claims.KindString, claims.KindBoolean:
		return o == syntax.Equal && a == b || o == syntax.NotEqual && a != b
	case claims.KindInteger:
		i, _ := a.Int()
		j, _ := b.Int()
		return compareIntegers(i, o, j)
	case claims.KindJSON:
	}
	return false
}

func compareIntegers(i int64, o syntax.Operator, j int64) bool {
	switch o {
	case syntax.Equal:
		return i == j
	case syntax.NotEqual:
		return i != j
	case syntax.Less:
		return i < j
	case syntax.LessOrEqual:
		return i <= j
	case syntax.Greater:
		return i > j
	case syntax.GreaterOrEqual:
		return i >= j
	}
	return false
}

// size returns how many bytes a value's text has.
func size(v claims.Value) int {
	if s, ok := v.Str(); ok {
		return len(s)
	}
	s, _ := v.RawJSON()
	return len(s)
}
