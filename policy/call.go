package policy

import (
	"strings"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/jmespath"
)

// call applies a function. Its arguments are worked out from left to right.
func (m *machine) call(c *call) (values, error) {
	if c.function == jmesPath {
		found, made, err := m.search(c)
		if err != nil || found.isNothing {
			return made, err
		}
		text, err := m.written(found.value)
		if err != nil {
			return values{}, err
		}
		made.list = m.one(claims.String(text)).list
		return made, nil
	}
	if c.function == jsonToClaimValue {
		return m.claimValues(c)
	}
	var arguments [maxParameters]values
	var made values
	for i := range c.arguments {
		v, err := m.evaluate(&c.arguments[i])
		if err != nil {
			return values{}, err
		}
		arguments[i] = v
		made.readOnly = made.readOnly || v.readOnly && c.carries
	}
	switch c.function {
	case isSubsetOf:
		ok, err := m.isSubset(arguments[0].list, arguments[1].list)
		made.list = m.one(claims.Boolean(ok)).list
		return made, err
	case containsOnlyValue:
		ok, err := m.containsOnly(c, arguments[0].list, arguments[1].list)
		made.list = m.one(claims.Boolean(ok)).list
		return made, err
	default:
		return m.scalarCall(c, arguments, made)
	}
}

// scalarCall applies a function that takes one value for each parameter. Where
// one is missing there is no result either.
func (m *machine) scalarCall(c *call, arguments [maxParameters]values, made values) (values, error) {
	var single [maxParameters]claims.Value
	for i := range c.arguments {
		v, err := m.single(c, i, arguments[i].list)
		if err != nil {
			return values{}, err
		}
		if v.Kind() == 0 {
			return values{readOnly: made.readOnly}, nil
		}
		single[i] = v
	}
	if c.function == negateBool {
		b, _ := single[0].Bool()
		made.list = m.one(claims.Boolean(!b)).list
		return made, nil
	}
	first, _ := single[0].Str()
	second, _ := single[1].Str()
	if err := m.make(len(first) + len(second)); err != nil {
		return values{}, err
	}
	made.list = m.one(claims.String(first + second)).list
	return made, nil
}

// single returns the one value of an argument, the zero Value if there is none.
// Documentation gives these functions single values only; several are a mistake
// that must not pass for one of them.
func (m *machine) single(c *call, i int, list []claims.Value) (claims.Value, error) {
	p := &c.parameters[i]
	switch {
	case len(list) == 0:
		return claims.Value{}, nil
	case len(list) > 1:
		return claims.Value{}, m.fail("%s gets %d values for %s, want one: %s and %s are two of them", c.name, len(list), p.name, shown(list[0]), shown(list[1]))
	case p.kind != 0 && list[0].Kind() != p.kind:
		return claims.Value{}, m.fail("%s gets %s (%s) for %s, want %s", c.name, shown(list[0]), list[0].Kind(), p.name, p.kind)
	}
	return list[0], nil
}

// containsOnly reports whether a set is not empty and all of it is one value.
func (m *machine) containsOnly(c *call, set, value []claims.Value) (bool, error) {
	if len(value) == 0 {
		return false, m.fail("%s gets no value for %s, want one", c.name, c.parameters[1].name)
	}
	want, err := m.single(c, 1, value)
	// What is in a set is there once.
	return len(set) == 1 && set[0] == want, err
}

// found is what a query found, or nothing at all if there was nothing to ask.
type found struct {
	value     jmespath.Value
	isNothing bool
}

// search carries out JmesPath and leaves the result unwritten. Its set has no
// values, but says whether what is made of the result is read-only.
func (m *machine) search(c *call) (found, values, error) {
	nothing := found{isNothing: true}
	document, err := m.evaluate(&c.arguments[0])
	if err != nil {
		return nothing, values{}, err
	}
	made := values{readOnly: document.readOnly}
	json, err := m.text(c, 0, document.list)
	if err != nil || json == "" {
		return nothing, made, err
	}
	query := c.query
	if query == nil {
		texts, err := m.evaluate(&c.arguments[1])
		if err != nil {
			return nothing, values{}, err
		}
		made.readOnly = made.readOnly || texts.readOnly
		text, err := m.text(c, 1, texts.list)
		if err != nil || text == "" {
			return nothing, made, err
		}
		if query, err = m.query(text); err != nil {
			return nothing, values{}, err
		}
	}
	read, err := m.document(c, json)
	if err != nil {
		return nothing, values{}, err
	}
	v, err := m.ask(query, read, json)
	if err != nil {
		return nothing, values{}, err
	}
	return found{value: v}, made, nil
}

// text returns the text of an argument, "" if there is none. A structured value,
// which the language has not, is the JSON that it stands for.
func (m *machine) text(c *call, i int, list []claims.Value) (string, error) {
	if len(list) == 1 && c.parameters[i].name == parameterJSON {
		if raw, ok := list[0].RawJSON(); ok {
			return raw, nil
		}
	}
	v, err := m.single(c, i, list)
	if err != nil || v.Kind() == 0 {
		return "", err
	}
	text, _ := v.Str()
	if err := m.spend(len(text) / bytesPerStep); err != nil {
		return "", err
	}
	if strings.TrimSpace(text) == "" {
		return "", m.fail("%s gets an empty %s", c.name, c.parameters[i].name)
	}
	return text, nil
}

// claimValues carries out JsonToClaimValue. The result of a query right within it
// needs not be written and read again.
func (m *machine) claimValues(c *call) (values, error) {
	if inner := c.arguments[0].call; inner != nil && inner.function == jmesPath {
		found, made, err := m.search(inner)
		if err != nil || found.isNothing {
			return made, err
		}
		return m.valuesOf(c, found.value, made)
	}
	v, err := m.evaluate(&c.arguments[0])
	if err != nil {
		return values{}, err
	}
	made := values{readOnly: v.readOnly}
	json, err := m.text(c, 0, v.list)
	if err != nil || json == "" {
		return made, err
	}
	read, err := m.document(c, json)
	if err != nil {
		return values{}, err
	}
	return m.valuesOf(c, read, made)
}

// valuesOf turns JSON into claim values: an array into several, null into none.
func (m *machine) valuesOf(c *call, v jmespath.Value, made values) (values, error) {
	switch v.Kind() {
	case jmespath.KindNull:
		return made, nil
	case jmespath.KindArray:
	default:
		one, err := m.claimValue(c, v)
		if err != nil {
			return values{}, err
		}
		made.list = m.one(one).list
		return made, nil
	}
	if err := m.spend(v.Len()); err != nil {
		return values{}, err
	}
	from := len(m.pad)
	for i := range v.Len() {
		e := v.Elem(i)
		if e.IsNull() {
			continue
		}
		one, err := m.claimValue(c, e)
		if err != nil {
			return values{}, err
		}
		m.pad = append(m.pad, one)
	}
	list, err := m.distinct(m.pad[from:len(m.pad):len(m.pad)])
	made.list = list
	return made, err
}

// claimValue turns a JSON scalar into a claim value.
func (m *machine) claimValue(c *call, v jmespath.Value) (claims.Value, error) {
	switch v.Kind() {
	case jmespath.KindBoolean:
		b, _ := v.Bool()
		return claims.Boolean(b), nil
	case jmespath.KindInteger:
		if i, ok := v.Int(); ok {
			return claims.Integer(i), nil
		}
		return claims.Value{}, m.fail("%s gets %s, want an integer of 64 bits", c.name, excerpt(v))
	case jmespath.KindString:
		s, _ := v.Str()
		return claims.String(s), nil
	case jmespath.KindFloat:
		return claims.Value{}, m.fail("%s gets the number %s, want an integer", c.name, excerpt(v))
	default:
		return claims.Value{}, m.fail("%s gets %s, want a string, an integer, a boolean, null, or an array of these", c.name, excerpt(v))
	}
}
