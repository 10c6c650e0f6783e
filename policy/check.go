package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/jmespath"
	"github.com/azattest/azattest/policy/syntax"
)

// The faults of meaning that [Compile] finds, beside those of package syntax.
const (
	MisplacedAction       syntax.Code = "misplaced-action"
	UndeclaredIdentifier  syntax.Code = "undeclared-identifier"
	RepeatedIdentifier    syntax.Code = "repeated-identifier"
	MissingArgument       syntax.Code = "missing-argument"
	RepeatedArgument      syntax.Code = "repeated-argument"
	ForbiddenArgument     syntax.Code = "forbidden-argument"
	WrongKind             syntax.Code = "wrong-kind"
	UnknownName           syntax.Code = "unknown-name"
	UnknownPolicyProperty syntax.Code = "unknown-policy-property"
	PolicyPropertyValue   syntax.Code = "policy-property-value"
	PolicyPropertyTwice   syntax.Code = "policy-property-twice"
	UnknownFunction       syntax.Code = "unknown-function"
	WrongArgument         syntax.Code = "wrong-argument"
	InvalidQuery          syntax.Code = "invalid-query"
)

// checker looks for faults of meaning in a tree, which may have faults of syntax
// as well: a zero verb or property has been reported and is passed over.
type checker struct {
	text   string
	tree   *syntax.Policy
	faults []syntax.Diagnostic
	// always holds what rules without conditions set properties to.
	always map[string]claims.Value
	// queries are those that the text has, and compiled each of them once.
	queries  map[*syntax.Call]*jmespath.Query
	compiled map[string]*jmespath.Query
}

func newChecker(text string, tree *syntax.Policy) *checker {
	return &checker{
		text: text, tree: tree, always: make(map[string]claims.Value),
		queries: make(map[*syntax.Call]*jmespath.Query), compiled: make(map[string]*jmespath.Query),
	}
}

func (c *checker) check() {
	for _, section := range c.tree.Sections() {
		for _, rule := range section.Rules {
			if len(c.faults) >= maxFaults {
				return
			}
			c.rule(section.Kind, rule)
		}
	}
}

func (c *checker) report(code syntax.Code, at syntax.Range, message, hint string) {
	c.faults = append(c.faults, syntax.Diagnostic{
		Code:       code,
		Range:      at,
		Message:    message,
		Hint:       hint,
		Found:      at.Of(c.text),
		Production: "policy",
	})
}

// nearest guesses what a name was meant to be. It compares letter by letter, so
// it stops guessing once there are more faults than anybody is shown.
func (c *checker) nearest(name string, known []string) string {
	if len(c.faults) >= maxFaults {
		return ""
	}
	return syntax.Nearest(name, known)
}

// scope is what the rule being checked has declared so far.
type scope struct {
	rule *syntax.Rule
	// named are all names, declared those that bind claims: a condition with !
	// binds none.
	named, declared []string
}

func (c *checker) rule(section syntax.SectionKind, rule *syntax.Rule) {
	s := &scope{rule: rule}
	for _, condition := range rule.Conditions {
		for _, test := range condition.Tests {
			c.test(s, test)
		}
		c.declare(s, condition)
	}
	placed := c.placement(section, rule.Action)
	if rule.Action.Claim != nil {
		c.declared(s, rule.Action.Claim)
	}
	c.arguments(s, rule.Action)
	if placed && rule.Action.Verb == syntax.IssueProperty {
		c.property(section, rule)
	}
}

func (c *checker) declare(s *scope, condition *syntax.Condition) {
	name := condition.Name
	if name == nil {
		return
	}
	if slices.Contains(s.named, name.Name) {
		c.report(RepeatedIdentifier, name.Range, fmt.Sprintf("identifier %s is declared twice in one rule", name.Name), "give each condition its own")
		return
	}
	s.named = append(s.named, name.Name)
	if !condition.Negated {
		s.declared = append(s.declared, name.Name)
	}
}

// declared reports a name that no earlier condition declares.
func (c *checker) declared(s *scope, name *syntax.Identifier) {
	if slices.Contains(s.declared, name.Name) {
		return
	}
	hint := "name a condition: " + name.Name + ":[…]"
	if near := c.nearest(name.Name, s.declared); near != "" {
		hint = "did you mean " + near + "?"
	}
	for _, condition := range s.rule.Conditions {
		if condition.Name != nil && condition.Name.Name == name.Name {
			hint = "a condition can only refer to those before it"
			if condition.Negated {
				hint = "a condition with ! binds no claims"
			}
		}
	}
	c.report(UndeclaredIdentifier, name.Range, fmt.Sprintf("identifier %s is not declared", name.Name), hint)
}

// placements say which actions each section has. Documentation has one sample
// that issues within authorizationrules: such a claim is added, for later rules
// to read, and never reaches the token.
var placements = map[syntax.SectionKind][]syntax.Verb{
	syntax.Configuration: {syntax.IssueProperty},
	syntax.Authorization: {syntax.Permit, syntax.Deny, syntax.Add, syntax.Issue},
	syntax.Issuance:      {syntax.Add, syntax.Issue, syntax.IssueProperty},
}

func (c *checker) placement(section syntax.SectionKind, action *syntax.Action) bool {
	if action.Verb == 0 || slices.Contains(placements[section], action.Verb) {
		return true
	}
	var homes []string
	for kind := syntax.Configuration; kind <= syntax.Issuance; kind++ {
		if slices.Contains(placements[kind], action.Verb) {
			homes = append(homes, kind.String())
		}
	}
	c.report(MisplacedAction, action.Range, fmt.Sprintf("%s has no place in %s", action.Verb, section), "it belongs in "+strings.Join(homes, " or "))
	return false
}
