package policy

import (
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/jmespath"
	"github.com/azattest/azattest/policy/syntax"
)

// rule is a rule made ready to run.
type rule struct {
	source  *syntax.Rule
	section syntax.SectionKind
	// conditions stand as in the text: a condition's place is its index.
	conditions []condition
	// order is the order in which they are looked at: first those that need
	// nothing of others, which are cheap and often fail, then the rest as written.
	order []int
	// loops are the conditions whose claims are taken one by one when the rule
	// acts: the joined ones, and those that the action refers to outside of
	// functions.
	loops []int
	// slots is how many set operands there are.
	slots  int
	action action
}

// role says what has to be known of a condition's claims.
type role uint8

const (
	// guard is a condition that nothing refers to: it holds or it does not.
	guard role = iota
	// binder is one whose claims are needed, whatever those of other conditions.
	binder
	// joined is one that compares with the claims of another, claim by claim, or
	// is compared with in this way.
	joined
)

// condition is a condition made ready to run.
type condition struct {
	source  *syntax.Condition
	place   int
	role    role
	negated bool
	// slot is the type that the claims must have, -1 if it is not fixed.
	slot  int
	tests []test
	// existential is set where nothing refers to the claims found: one is
	// enough.
	existential bool
	// projected is set where a function or a negated condition needs all claims of
	// a joined condition.
	projected bool
}

type test struct {
	source   *syntax.Test
	property syntax.Property
	operator syntax.Operator
	operand  operand
}

// operand is one of
//
//   - a literal;
//   - a reference: a property of the one claim that is being tried at a place;
//   - a set operand, which is worked out once for the whole rule.
type operand struct {
	literal  claims.Value
	place    int // -1 if it is no reference
	property syntax.Property
	set      *setOperand
}

// setOperand is a function, or a reference that stands for all claims at a
// place. Within a function all references are such.
type setOperand struct {
	slot       int
	expression expression
}

// expression is an expression within a set operand.
type expression struct {
	literal  claims.Value
	place    int // -1 if it is no reference
	property syntax.Property
	call     *call
}

type call struct {
	*signature
	arguments []expression
	// query is that of JmesPath, nil if it is known at run time only.
	query *jmespath.Query
}

type action struct {
	verb      syntax.Verb
	kind      operand
	value     operand
	valueType *operand
	// refers is set where the action refers to conditions outside of functions.
	// If not it makes the same claims however often the conditions hold.
	refers bool
}

// compiler turns a faultless tree into a program.
type compiler struct {
	program *Program
	// queries are those that stand in the text, compiled by the checker.
	queries map[*syntax.Call]*jmespath.Query

	rule   *rule
	places map[string]int
}

func compile(text string, tree *syntax.Policy, queries map[*syntax.Call]*jmespath.Query) *Program {
	c := &compiler{
		program: &Program{text: text, hash: Hash(text), version: tree.Version, slots: make(map[string]int)},
		queries: queries,
		places:  make(map[string]int),
	}
	c.program.configuration = c.section(tree.Configuration)
	c.program.authorization = c.section(tree.Authorization)
	c.program.issuance = c.section(tree.Issuance)
	return c.program
}

func (c *compiler) section(s *syntax.Section) []rule {
	if s == nil {
		return nil
	}
	rules := make([]rule, len(s.Rules))
	for i, r := range s.Rules {
		rules[i] = rule{source: r, section: s.Kind, conditions: make([]condition, 0, len(r.Conditions))}
		c.compile(&rules[i])
	}
	return rules
}

func (c *compiler) compile(r *rule) {
	c.rule = r
	clear(c.places)
	for place, source := range r.source.Conditions {
		r.conditions = append(r.conditions, condition{
			source: source, place: place, negated: source.Negated, slot: -1, existential: true,
		})
		c.condition(&r.conditions[place])
		// The name of a condition with ! binds nothing, and must not take another's
		// place.
		if source.Name != nil && !source.Negated {
			c.places[source.Name.Name] = place
		}
	}
	c.action(&r.action, r.source.Action)
	r.plan()
	for i := range r.conditions {
		c.program.scans = c.program.scans || r.conditions[i].slot < 0
	}
	c.program.places = max(c.program.places, len(r.conditions))
	c.program.sets = max(c.program.sets, r.slots)
	if r.source.Action.Verb != syntax.Permit && r.source.Action.Verb != syntax.Deny {
		c.program.made++
	}
}

func (c *compiler) condition(made *condition) {
	for _, t := range made.source.Tests {
		if e, ok := t.Operand.(*syntax.StringLiteral); ok && made.slot < 0 && t.Property == syntax.Type && t.Operator == syntax.Equal {
			made.slot = c.slot(e.Value)
			continue
		}
		var o operand
		if made.negated {
			// No claim may pass, for any of the claims that are bound.
			o = c.setOperand(t.Operand)
		} else {
			o = c.operand(t.Operand)
		}
		if o.place >= 0 {
			made.role = joined
			c.rule.conditions[o.place].role = joined
		}
		made.tests = append(made.tests, test{t, t.Property, t.Operator, o})
	}
}

func (c *compiler) action(made *action, source *syntax.Action) {
	made.verb = source.Verb
	resolve := func(e syntax.Expression) operand {
		o := c.operand(e)
		made.refers = made.refers || o.place >= 0
		return o
	}
	if source.Claim != nil {
		made.kind = resolve(&syntax.Reference{Name: source.Claim, Property: syntax.Type})
		made.value = resolve(&syntax.Reference{Name: source.Claim, Property: syntax.Value})
		return
	}
	for _, a := range source.Arguments {
		o := resolve(a.Value)
		switch a.Property {
		case syntax.Type:
			made.kind = o
		case syntax.Value:
			made.value = o
		case syntax.ValueType:
			made.valueType = &o
		case syntax.Issuer: // refused by the checker
		}
	}
}

// operand compiles an expression outside of functions: a reference stands for
// one claim after the other.
func (c *compiler) operand(e syntax.Expression) operand {
	switch e := e.(type) {
	case *syntax.Reference:
		place := c.places[e.Name.Name]
		c.rule.conditions[place].existential = false
		return operand{place: place, property: e.Property}
	case *syntax.Call:
		return c.setOperand(e)
	}
	literal, _ := literalOf(e)
	return operand{literal: literal, place: -1}
}

// setOperand compiles an expression whose references stand for all claims.
func (c *compiler) setOperand(e syntax.Expression) operand {
	if literal, ok := literalOf(e); ok {
		return operand{literal: literal, place: -1}
	}
	made := &setOperand{slot: c.rule.slots, expression: c.expression(e)}
	c.rule.slots++
	return operand{place: -1, set: made}
}

func (c *compiler) expression(e syntax.Expression) expression {
	switch e := e.(type) {
	case *syntax.Reference:
		place := c.places[e.Name.Name]
		c.rule.conditions[place].existential = false
		c.rule.conditions[place].projected = true
		return expression{place: place, property: e.Property}
	case *syntax.Call:
		s, _ := functionNamed(e.Function.Name) // the checker leaves no others
		made := &call{signature: s, query: c.queries[e]}
		for _, a := range e.Arguments {
			made.arguments = append(made.arguments, c.expression(a))
		}
		return expression{place: -1, call: made}
	}
	literal, _ := literalOf(e)
	return expression{literal: literal, place: -1}
}

// plan says in which order the conditions are looked at.
func (r *rule) plan() {
	r.order = make([]int, 0, len(r.conditions))
	for i := range r.conditions {
		c := &r.conditions[i]
		if c.role == guard && !c.existential {
			c.role = binder
		}
	}
	// What needs nothing of other conditions can fail on its own and comes first.
	for _, first := range []bool{true, false} {
		for i := range r.conditions {
			if c := &r.conditions[i]; (c.role != joined && !c.needsSets()) == first {
				r.order = append(r.order, i)
			}
		}
	}
	for i := range r.conditions {
		if c := &r.conditions[i]; c.role == joined || r.action.refersTo(i) {
			r.loops = append(r.loops, i)
		}
	}
}

func (c *condition) needsSets() bool {
	for i := range c.tests {
		if c.tests[i].operand.set != nil {
			return true
		}
	}
	return false
}

func (a *action) refersTo(place int) bool {
	return a.refers && (a.kind.isAt(place) || a.value.isAt(place) || a.valueType != nil && a.valueType.isAt(place))
}

// isAt reports whether the operand refers to a place. The zero operand of an
// action without a claim has no property and refers to nothing.
func (o *operand) isAt(place int) bool { return o.place == place && o.property != 0 }

// slot returns the number of a claim type.
func (c *compiler) slot(name string) int {
	slot, known := c.program.slots[name]
	if !known {
		slot = len(c.program.slots)
		c.program.slots[name] = slot
	}
	return slot
}

// ruleOf names a rule for an error.
func (p *Program) ruleOf(r *rule) *Rule {
	return &Rule{
		Section: r.section,
		Number:  r.source.Number,
		Range:   r.source.Range,
		Text:    r.source.Range.Of(p.text),
	}
}
