package keyrelease

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// reader turns the JSON of a policy into conditions, and collects its faults.
type reader struct {
	places places
	faults []Fault
}

func (r *reader) fault(offset int, format string, arguments ...any) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, Fault{r.places.at(offset), fmt.Sprintf(format, arguments...)})
	}
}

func (r *reader) policy(root *node) *Policy {
	if root.kind != kindObject {
		r.fault(root.offset, "%s, want an object with version and anyOf", root.kind)
		return nil
	}
	policy := &Policy{}
	hasVersion, hasList := false, false
	for i := range root.members {
		m := &root.members[i]
		switch {
		case m.name == "version":
			hasVersion = true
			if m.value.kind != kindString || !slices.Contains(policyVersions, m.value.text) {
				r.fault(m.value.offset, `version %s, want "1.0.0"`, m.value.shown())
			}
		case selectorOf(m.name) == "anyOf":
			if hasList {
				r.fault(m.offset, "a second anyOf, want one list of authorities")
			}
			hasList = true
			policy.authorities = r.list(m, r.authority)
		default:
			r.fault(m.offset, "member %s, want version and anyOf", shown(m.name))
		}
	}
	if !hasVersion {
		r.fault(root.offset, `no version, want "version": "1.0.0"`)
	}
	if !hasList {
		r.fault(root.offset, "no anyOf, want a list of authorities")
	}
	return policy
}

// selectorOf returns anyOf or allOf, which the grammar spells anyof and allof and
// all policies in use with a capital, or "".
func selectorOf(name string) string {
	switch name {
	case "anyOf", "anyof":
		return "anyOf"
	case "allOf", "allof":
		return "allOf"
	}
	return ""
}

// list reads the list that m holds, which must not be empty: allOf of nothing would
// hold for everybody.
func (r *reader) list(m *member, read func(*node) condition) []condition {
	if m.value.kind != kindArray {
		r.fault(m.value.offset, "%s is %s, want an array", m.name, m.value.kind)
		return nil
	}
	if len(m.value.items) == 0 {
		r.fault(m.value.offset, "%s is empty, want at least one item", m.name)
		return nil
	}
	var conditions []condition
	for i := range m.value.items {
		if len(r.faults) == maxFaults {
			break
		}
		conditions = append(conditions, read(&m.value.items[i]))
	}
	return conditions
}

func (r *reader) authority(n *node) condition {
	c := condition{position: r.places.at(n.offset)}
	if n.kind != kindObject {
		r.fault(n.offset, "%s, want an object with authority and allOf or anyOf", n.kind)
		return c
	}
	if n.member("authority") == nil {
		r.fault(n.offset, "no authority, want the URL of the attestation service whose tokens are taken")
	}
	selectors := 0
	for i := range n.members {
		m := &n.members[i]
		switch {
		case m.name == "authority":
			r.authorityName(&c, &m.value)
		case selectorOf(m.name) != "":
			if selectors++; selectors > 1 {
				r.fault(m.offset, "both allOf and anyOf, want one; nest the other in it")
			}
			c.any, c.parts = selectorOf(m.name) == "anyOf", r.list(m, r.condition)
		default:
			r.fault(m.offset, "member %s of an authority, want authority and allOf or anyOf", shown(m.name))
		}
	}
	if selectors == 0 {
		r.fault(n.offset, "an authority without conditions, want allOf or anyOf")
	}
	return c
}

func (r *reader) authorityName(c *condition, value *node) {
	if value.kind != kindString {
		r.fault(value.offset, "authority is %s, want a string with a URL", value.kind)
		return
	}
	url, err := authorityURL(value.text)
	if err != nil {
		r.fault(value.offset, "%s", err)
	}
	c.authority = url
}

// condition reads a selector or the condition of one claim.
func (r *reader) condition(n *node) condition {
	c := condition{position: r.places.at(n.offset)}
	if n.kind != kindObject {
		r.fault(n.offset, "%s, want an object with a claim, allOf or anyOf", n.kind)
		return c
	}
	if len(n.members) == 1 && selectorOf(n.members[0].name) != "" {
		m := &n.members[0]
		c.any, c.parts = selectorOf(m.name) == "anyOf", r.list(m, r.condition)
		return c
	}
	if n.member("claim") == nil {
		r.fault(n.offset, "want either a claim with an operator, or allOf or anyOf alone")
		return c
	}
	for i := range n.members {
		m := &n.members[i]
		switch operator := Operator(m.name); {
		case m.name == "claim":
			r.claim(&c, &m.value)
		case !slices.Contains(operators, operator):
			r.fault(m.offset, "member %s, want one of the operators %s", shown(m.name), operatorList())
		case c.operator != "":
			r.fault(m.offset, "a second operator %s, want one; put the other into a condition of its own", m.name)
		default:
			r.operand(&c, operator, &m.value)
		}
	}
	if c.operator == "" && len(n.members) == 1 {
		r.fault(n.offset, "a claim without operator, want one of %s", operatorList())
	}
	return c
}

func (r *reader) claim(c *condition, value *node) {
	switch {
	case value.kind != kindString:
		r.fault(value.offset, "claim is %s, want a string with the name of a claim", value.kind)
	case value.text == "":
		r.fault(value.offset, "claim is empty, want the name of a claim")
	case strings.ContainsFunc(value.text, isUnfitForName):
		r.fault(value.offset, "claim %s has characters that names do not have, such as spaces", shown(value.text))
	case strings.HasPrefix(value.text, ".") || strings.HasSuffix(value.text, ".") || strings.Contains(value.text, ".."):
		r.fault(value.offset, "claim %s: want a name on both sides of each dot", shown(value.text))
	case len(value.text) > maxPathBytes || strings.Count(value.text, ".") > maxPathDots:
		r.fault(value.offset, "claim has %d bytes and %d dots, want at most %d and %d",
			len(value.text), strings.Count(value.text, "."), maxPathBytes, maxPathDots)
	}
	c.path = value.text
}

// isUnfitForName reports whether a character in the name of a claim is rather a
// mistake, or one that nobody sees: exists, if it must not, would hold for everybody.
func isUnfitForName(r rune) bool {
	return unicode.IsSpace(r) || !unicode.IsPrint(r)
}

func (r *reader) operand(c *condition, operator Operator, value *node) {
	c.operator, c.want = operator, *value
	switch operator {
	case OperatorExists:
		if value.text != "true" && value.text != "false" {
			r.fault(value.offset, "exists: %s, want true or false", value.shown())
		}
	case OperatorEquals, OperatorNotEquals:
		if !value.isScalar() {
			r.fault(value.offset, "%s: %s, want a string, a number, true or false", operator, value.kind)
		}
	default:
		if _, ok := value.number(); !ok {
			r.fault(value.offset, "%s: %s, want a number", operator, value.shown())
		}
	}
}

func operatorList() string {
	names := make([]string, len(operators))
	for i, o := range operators {
		names[i] = string(o)
	}
	return strings.Join(names, ", ")
}
