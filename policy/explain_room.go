package policy

import (
	"strings"

	"github.com/azattest/azattest/claims"
)

// room is what there is left in an explanation. A policy of a thousand rules may
// look at each of a thousand claims in each of its conditions.
type room struct {
	mentions, bytes int
	// cut are the beginnings of long values, by fact: they are made once.
	cut map[int]claims.Value
}

// take makes a mention of some text, and reports whether there is room for it.
func (r *room) take(bytes int) bool {
	if r.mentions < 1 || r.bytes < bytes {
		return false
	}
	r.mentions--
	r.bytes -= bytes
	return true
}

// claim returns a claim as explanations show it, nil if there is no room. It is
// that of a fact unless that is 0.
func (r *room) claim(c Claim, fact int) *Claim {
	whole := size(c.Value)
	if !r.take(len(c.Type) + min(whole, maxExplainedValue)) {
		return nil
	}
	if whole <= maxExplainedValue {
		return &c
	}
	short, known := r.cut[fact]
	if !known {
		short = beginning(c.Value)
	}
	if fact != 0 {
		r.cut[fact] = short
	}
	c.Value, c.Length = short, whole
	return &c
}

// beginning cuts off a long value.
func beginning(v claims.Value) claims.Value {
	if size(v) <= maxExplainedValue {
		return v
	}
	text, isString := v.Str()
	if !isString {
		text, _ = v.RawJSON()
	}
	return claims.String(strings.ToValidUTF8(text[:maxExplainedValue], "") + "…")
}
