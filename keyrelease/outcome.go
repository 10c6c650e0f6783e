package keyrelease

import (
	"fmt"
	"strings"
)

// Outcome is what became of a policy, an authority, a selector or a condition, and
// of all that it consists of. Nothing is left out because the result was known
// before.
type Outcome struct {
	// Met reports whether it holds.
	Met bool
	// Position is where it stands in the policy.
	Position Position
	// Text says what was wanted: "anyOf", "allOf", "authority <URL>: allOf", or a
	// condition such as `x-ms-sgx-svn greaterOrEquals 3`.
	Text string
	// Found says what the token has instead. It is for the log of whoever keeps the
	// key: who asks for the key learns from it what to forge.
	Found string
	// Parts are those of an authority or selector.
	Parts []Outcome
}

// String draws the outcome as a tree, one line for each part, that of the whole
// first: "met" or "NOT", the place in the policy, what was wanted and what was found.
func (o *Outcome) String() string {
	var b strings.Builder
	o.write(&b, 0)
	return strings.TrimSuffix(b.String(), "\n")
}

// unmet returns the first of the parts because of which it is not met that have no
// parts themselves, one behind the other.
func (o *Outcome) unmet() string {
	const most = 3
	var found []string
	var visit func(*Outcome)
	visit = func(o *Outcome) {
		if o.Met || len(found) == most {
			return
		}
		if len(o.Parts) == 0 {
			found = append(found, fmt.Sprintf("%s %s: %s", o.Position, o.Text, o.Found))
		}
		for i := range o.Parts {
			visit(&o.Parts[i])
		}
	}
	visit(o)
	return strings.Join(found, "; ")
}

func (o *Outcome) write(b *strings.Builder, depth int) {
	word := "met"
	if !o.Met {
		word = "NOT"
	}
	fmt.Fprintf(b, "%s %7s %s%s", word, o.Position, strings.Repeat("  ", depth), o.Text)
	if o.Found != "" {
		b.WriteString(": " + o.Found)
	}
	b.WriteByte('\n')
	for i := range o.Parts {
		o.Parts[i].write(b, depth+1)
	}
}

// Evaluate holds the policy against the claims of a token: the payload, a JSON
// object, of a token whose signature, time and issuer have been verified. The claims
// satisfy the policy, and Outcome.Met is true, if one of its authorities is their
// issuer (iss, with or without a slash at its end) and that authority's conditions
// hold.
//
// A condition is false for a claim that is missing, null, an array or an object,
// whatever its operator; exists alone speaks of whether there is one. One whose path
// leads through a value that is no object neither exists nor is absent. The values of
// equals and notEquals are compared by their text, and by their value where one is a
// number and the other a number or a string that holds one; those of the other
// operators by their value.
//
// The error is a *[ClaimsError] if the claims are not a JSON object of at most 1 MiB
// and 50,000 values, nested 32 deep at most, in Unicode, with no name twice in an
// object, or if the policy's paths can be read in more than 200,000 ways among them.
// The attested party chooses what stands in x-ms-runtime, so a genuine token may have
// such claims; refuse it.
func (p *Policy) Evaluate(claims []byte) (*Outcome, error) {
	if len(claims) > maxClaimsBytes {
		return nil, &ClaimsError{0, fmt.Sprintf("%d bytes, want at most %d", len(claims), maxClaimsBytes)}
	}
	root, fault := parseJSON(claims)
	if fault != nil {
		return nil, &ClaimsError{fault.offset, fault.problem}
	}
	if root.kind != kindObject {
		return nil, &ClaimsError{root.offset, string(root.kind) + ", want an object"}
	}
	issuer := ""
	if iss := root.member("iss"); iss != nil && iss.kind == kindString {
		issuer = iss.text
	}
	whole := &Outcome{Position: Position{1, 1}, Text: "anyOf"}
	if p == nil {
		return whole, nil
	}
	s := &search{claims: &root}
	for i := range p.authorities {
		outcome := p.authorities[i].authorityOutcome(s, issuer)
		whole.Met = whole.Met || outcome.Met
		whole.Parts = append(whole.Parts, outcome)
	}
	if s.isOver() {
		return nil, &ClaimsError{0, fmt.Sprintf("the paths of the policy lead through the claims in more than %d ways", maxSteps)}
	}
	return whole, nil
}

func (c *condition) authorityOutcome(s *search, issuer string) Outcome {
	if c.authority == "" || strings.TrimSuffix(issuer, "/") != c.authority {
		found := "the token has no issuer"
		if issuer != "" {
			found = "the token is of " + shown(issuer)
		}
		return Outcome{Position: c.position, Text: "authority " + shownName(c.authority), Found: found}
	}
	outcome := c.selectorOutcome(s)
	outcome.Text = "authority " + shownName(c.authority) + ": " + outcome.Text
	return outcome
}

func (c *condition) selectorOutcome(s *search) Outcome {
	outcome := Outcome{Position: c.position, Met: !c.any && len(c.parts) > 0, Text: "allOf"}
	if c.any {
		outcome.Text = "anyOf"
	}
	for i := range c.parts {
		part := c.parts[i].outcome(s)
		if c.any {
			outcome.Met = outcome.Met || part.Met
		} else {
			outcome.Met = outcome.Met && part.Met
		}
		outcome.Parts = append(outcome.Parts, part)
	}
	return outcome
}

func (c *condition) outcome(s *search) Outcome {
	if c.operator == "" {
		return c.selectorOutcome(s)
	}
	outcome := Outcome{Position: c.position, Text: fmt.Sprintf("%s %s %s", shownName(c.path), c.operator, c.want.shown())}
	found, ambiguous := s.lookup(s.claims, c.path)
	if ambiguous {
		outcome.Found = "two claims may be meant, so none is"
		return outcome
	}
	if c.operator == OperatorExists && found == nil && s.isBlocked(s.claims, c.path) {
		outcome.Found = "the path leads through what is no object, so the claim neither exists nor is absent"
		return outcome
	}
	met, reason := c.holds(found)
	outcome.Met = met
	switch {
	case reason != "":
		outcome.Found = reason
	case met:
	case found == nil:
		outcome.Found = "absent"
	default:
		outcome.Found = found.shown()
	}
	return outcome
}

// shown shows a value as JSON writes it, bounded.
func (n *node) shown() string {
	if n.kind == kindString {
		return shown(n.text)
	}
	if n.kind == kindObject || n.kind == kindArray {
		return string(n.kind)
	}
	if len(n.text) > shownLength {
		return n.text[:shownLength] + "…"
	}
	return n.text
}

// shownName shows the name of a claim bare, if it is as such names are.
func shownName(name string) string {
	if len(name) > shownLength || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' }) {
		return shown(name)
	}
	return name
}
