package keyrelease

import (
	"math/big"
	"strconv"
	"strings"
)

// isScalar reports whether the value can be compared at all.
func (n *node) isScalar() bool {
	return n.kind == kindString || n.kind == kindNumber || n.kind == kindBoolean
}

// number returns the exact value of a number, or of a string that holds one as JSON
// writes it.
func (n *node) number() (*big.Rat, bool) {
	if len(n.text) > maxNumberBytes || !n.isNumeric() {
		return nil, false
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(n.text), "e"); ok {
		power, err := strconv.Atoi(exponent)
		if err != nil || power > maxExponent || power < -maxExponent {
			return nil, false
		}
	}
	return new(big.Rat).SetString(n.text)
}

// isNumeric reports whether the value is a number, or a string that holds one.
func (n *node) isNumeric() bool {
	return n.kind == kindNumber || n.kind == kindString && isJSONNumber(n.text)
}

// isJSONNumber reports whether the text is a number of JSON (RFC 8259, section 6).
func isJSONNumber(text string) bool {
	if text == "" || text[0] != '-' && (text[0] < '0' || text[0] > '9') {
		return false
	}
	value, fault := parseJSON([]byte(text))
	return fault == nil && value.kind == kindNumber && value.text == text
}

// equal compares two scalars. Clients write numbers and booleans as strings into
// policies, so they are compared by their text: "false" equals false and "3" equals
// 3. Where one is a number and the other a number or a string that holds one, their
// values count. It cannot tell (known is false) of numbers that are too long or too
// large.
func equal(a, b *node) (same, known bool) {
	if a.kind != kindNumber && b.kind != kindNumber || !a.isNumeric() || !b.isNumeric() {
		return a.text == b.text, true
	}
	x, ok := a.number()
	y, okay := b.number()
	if !ok || !okay {
		return false, false
	}
	return x.Cmp(y) == 0, true
}

// holds applies the operator of a condition to the value of a claim, nil if the
// claim is missing. The reason says why it does not hold, where the values alone do
// not.
func (c *condition) holds(found *node) (met bool, reason string) {
	if c.operator == OperatorExists {
		if found != nil && found.kind == kindNull {
			return false, "the claim is null, which neither exists nor is absent"
		}
		return (found != nil) == (c.want.text == "true"), ""
	}
	if found == nil {
		return false, ""
	}
	if !found.isScalar() {
		return false, "the claim is " + string(found.kind) + ", which nothing compares to"
	}
	if c.operator == OperatorEquals || c.operator == OperatorNotEquals {
		same, known := equal(found, &c.want)
		if !known {
			return false, "the claim is a number too long or too large to compare"
		}
		return same == (c.operator == OperatorEquals), ""
	}
	value, ok := found.number()
	want, okay := c.want.number()
	if !ok || !okay {
		return false, "the claim is no number that can be ordered"
	}
	switch order := value.Cmp(want); {
	case order < 0:
		return c.operator == OperatorLess || c.operator == OperatorLessOrEquals, ""
	case order > 0:
		return c.operator == OperatorGreater || c.operator == OperatorGreaterOrEquals, ""
	}
	return c.operator == OperatorLessOrEquals || c.operator == OperatorGreaterOrEquals, ""
}

// search looks for claims, and counts how often.
type search struct {
	claims *node
	steps  int
}

// isOver reports that there was more to look at than anybody may ask for: what was
// found then counts for nothing.
func (s *search) isOver() bool { return s.steps > maxSteps }

func (s *search) member(of *node, name string) *node {
	if s.steps++; s.isOver() {
		return nil
	}
	return of.member(name)
}

// isBlocked reports whether the path leads into a value that is no object: what it
// names is neither there nor could it be.
func (s *search) isBlocked(claims *node, path string) bool {
	for end := range len(path) {
		if path[end] != '.' {
			continue
		}
		if here := s.member(claims, path[:end]); here != nil && (here.kind != kindObject || s.isBlocked(here, path[end+1:])) {
			return true
		}
	}
	return false
}

// lookup returns the claim to which the dots of the path lead. The name of a claim
// may itself have dots, as those that are URLs do: every way to read the path is
// tried, and where two lead to a claim the path names none.
func (s *search) lookup(claims *node, path string) (found *node, ambiguous bool) {
	for end := 0; end <= len(path); end++ {
		if end < len(path) && path[end] != '.' {
			continue
		}
		here := s.member(claims, path[:end])
		if here != nil && end < len(path) {
			here, ambiguous = s.lookup(here, path[end+1:])
		}
		if ambiguous || here != nil && found != nil {
			return nil, true
		}
		if here != nil {
			found = here
		}
	}
	return found, false
}
