package policy

import (
	"fmt"
	"slices"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// makes notes what a rule makes, for the rules behind it.
func (w *watcher) makes(rule *syntax.Rule) {
	action := rule.Action
	if action.Verb == syntax.Permit || action.Verb == syntax.Deny {
		return
	}
	var kind, value syntax.Expression
	if action.Claim != nil {
		kind = &syntax.Reference{Name: action.Claim, Property: syntax.Type}
	}
	for _, a := range action.Arguments {
		switch a.Property {
		case syntax.Type:
			kind = a.Value
		case syntax.Value:
			value = a.Value
		default:
		}
	}
	name, ok := w.typeMade(rule, kind)
	if !ok {
		w.madeAny = true
		return
	}
	w.query(name, action, value)
	made := claims.Kind(0)
	if value != nil {
		made = kindOf(value)
	}
	if !slices.Contains(w.made[name], made) {
		w.made[name] = append(w.made[name], made)
	}
}

// typeMade returns the type of the claims that an action makes, if the text says
// it.
func (w *watcher) typeMade(rule *syntax.Rule, kind syntax.Expression) (string, bool) {
	switch e := kind.(type) {
	case *syntax.StringLiteral:
		return e.Value, true
	case *syntax.Reference:
		for _, condition := range rule.Conditions {
			if e.Property == syntax.Type && condition.Name != nil && condition.Name.Name == e.Name.Name {
				name, _ := typeAsked(condition)
				return name, name != ""
			}
		}
	}
	return "", false
}

// property warns of a property that means nothing for this kind of attestation.
func (w *watcher) property(rule *syntax.Rule) {
	if rule.Action.Verb != syntax.IssueProperty || w.attestationType == "" {
		return
	}
	for _, a := range rule.Action.Arguments {
		e, ok := a.Value.(*syntax.StringLiteral)
		if !ok || a.Property != syntax.Type {
			continue
		}
		if p, known := propertyNamed(e.Value); known && !p.isFor(w.attestationType) {
			w.warn(UselessProperty, e.Range, fmt.Sprintf("property %s means nothing for %s", p.name, w.attestationType), "remove the rule: the attestation may fail because of it")
		}
	}
}

// notes warns of queries that compile and are probably not meant.
func (w *watcher) notes(rule *syntax.Rule) {
	for _, condition := range rule.Conditions {
		for _, t := range condition.Tests {
			w.notesOf(t.Operand)
		}
	}
	for _, a := range rule.Action.Arguments {
		w.notesOf(a.Value)
	}
}

func (w *watcher) notesOf(e syntax.Expression) {
	call, ok := e.(*syntax.Call)
	if !ok {
		return
	}
	for _, a := range call.Arguments {
		w.notesOf(a)
	}
	query := w.queries[call]
	if query == nil {
		return
	}
	for _, n := range query.Notes() {
		w.warn(DoubtfulQuery, call.Arguments[1].Span(), fmt.Sprintf("the query at character %d: %s", 1+n.Offset, n.Message), "")
	}
}
