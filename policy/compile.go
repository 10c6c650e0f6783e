package policy

import (
	"slices"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// rule is a rule made ready to run.
type rule struct {
	source     *syntax.Rule
	section    syntax.SectionKind
	conditions []condition
	action     action
}

// condition is a condition made ready to run. Those that nothing refers to come
// first in a rule: they are cheap and often fail.
type condition struct {
	// place is the condition's place in the text, which references use.
	place int
	// slot is the type that the claims must have, -1 if it is not fixed.
	slot  int
	tests []test
	// existential is set where nothing refers to the claims found: one is
	// enough.
	existential bool
}

type test struct {
	property syntax.Property
	operator syntax.Operator
	operand  operand
}

// operand is a literal, or a property of the claim at a condition's place.
type operand struct {
	literal  claims.Value
	place    int // -1 for a literal
	property syntax.Property
}

type action struct {
	verb      syntax.Verb
	kind      operand
	value     operand
	valueType *operand
	// constant is set where the action refers to no condition: it makes the
	// same claim however often the conditions hold.
	constant bool
}

// compiler turns a faultless tree into a program.
type compiler struct{ program *Program }

func compile(text string, tree *syntax.Policy) *Program {
	c := &compiler{program: &Program{text: text, hash: Hash(text), version: tree.Version, slots: make(map[string]int)}}
	c.program.configuration = c.section(tree.Configuration)
	c.program.authorization = c.section(tree.Authorization)
	c.program.issuance = c.section(tree.Issuance)
	return c.program
}

func (c *compiler) section(s *syntax.Section) []rule {
	if s == nil {
		return nil
	}
	rules := make([]rule, 0, len(s.Rules))
	for _, r := range s.Rules {
		rules = append(rules, c.rule(s.Kind, r))
	}
	return rules
}

func (c *compiler) rule(section syntax.SectionKind, source *syntax.Rule) rule {
	places := make(map[string]int)
	referred := make([]bool, len(source.Conditions))
	resolve := func(e syntax.Expression) operand {
		o := operandOf(e, places)
		if o.place >= 0 {
			referred[o.place] = true
		}
		return o
	}
	r := rule{source: source, section: section}
	for place, condition := range source.Conditions {
		r.conditions = append(r.conditions, c.condition(place, condition, resolve))
		if condition.Name != nil {
			places[condition.Name.Name] = place
		}
	}
	r.action = compileAction(source.Action, resolve)
	for i := range r.conditions {
		r.conditions[i].existential = !referred[i]
		c.program.scans = c.program.scans || r.conditions[i].slot < 0
	}
	c.program.places = max(c.program.places, len(r.conditions))
	if source.Action.Verb != syntax.Permit && source.Action.Verb != syntax.Deny {
		c.program.made++
	}
	slices.SortStableFunc(r.conditions, func(a, b condition) int { return a.rank() - b.rank() })
	return r
}

// rank is 0 for conditions that neither refer nor are referred to.
func (c *condition) rank() int {
	if c.existential && !slices.ContainsFunc(c.tests, func(t test) bool { return t.operand.place >= 0 }) {
		return 0
	}
	return 1
}

func (c *compiler) condition(place int, source *syntax.Condition, resolve func(syntax.Expression) operand) condition {
	made := condition{place: place, slot: -1}
	for _, t := range source.Tests {
		operand := resolve(t.Operand)
		if name, ok := operand.literal.Str(); ok && made.slot < 0 && t.Property == syntax.Type && t.Operator == syntax.Equal {
			made.slot = c.slot(name)
			continue
		}
		made.tests = append(made.tests, test{t.Property, t.Operator, operand})
	}
	return made
}

func compileAction(source *syntax.Action, resolve func(syntax.Expression) operand) action {
	made := action{verb: source.Verb, constant: source.Claim == nil}
	if source.Claim != nil {
		made.kind = resolve(&syntax.Reference{Name: source.Claim, Property: syntax.Type})
		made.value = resolve(&syntax.Reference{Name: source.Claim, Property: syntax.Value})
		return made
	}
	for _, a := range source.Arguments {
		operand := resolve(a.Value)
		made.constant = made.constant && operand.place < 0
		switch a.Property {
		case syntax.Type:
			made.kind = operand
		case syntax.Value:
			made.value = operand
		case syntax.ValueType:
			made.valueType = &operand
		case syntax.Issuer: // refused by the checker
		}
	}
	return made
}

func operandOf(e syntax.Expression, places map[string]int) operand {
	if reference, ok := e.(*syntax.Reference); ok {
		return operand{place: places[reference.Name.Name], property: reference.Property}
	}
	literal, _ := literalOf(e) // the checker leaves nothing else
	return operand{literal: literal, place: -1}
}

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
