package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// What [Check] warns of. None of it keeps a policy from being used.
const (
	// UnknownClaimType is a type of claim that evidence of this kind never has and
	// no earlier rule makes.
	UnknownClaimType syntax.Code = "unknown-claim-type"
	// NeverMatches is a condition that no claim can pass.
	NeverMatches syntax.Code = "never-matches"
	// NeverPermits is a policy that refuses all evidence.
	NeverPermits syntax.Code = "never-permits"
	// UselessProperty is a property that means nothing for this kind of
	// attestation.
	UselessProperty syntax.Code = "useless-property"
	// DoubtfulQuery is a query that compiles and probably means something else.
	DoubtfulQuery syntax.Code = "doubtful-query"
	// DoubtfulComparison is a comparison with a text that the value of such a claim
	// never is.
	DoubtfulComparison syntax.Code = "doubtful-comparison"
	// UnknownAttestationType is a [CheckOptions].Type that does not exist.
	UnknownAttestationType syntax.Code = "unknown-attestation-type"
)

// CheckOptions say what a policy is for.
type CheckOptions struct {
	// Type is the kind of attestation, one of [AttestationTypes]; without it
	// nothing is said about claims that evidence has or has not.
	Type string
}

// Check returns what [Compile] would refuse a policy's text for, and then what is
// doubtful about it, as warnings. A text with faults of grammar gets no
// warnings. There are at most 20 of both.
func Check(text string, options CheckOptions) []syntax.Diagnostic {
	tree, faults := syntax.Parse(text)
	c := newChecker(text, tree)
	c.check()
	isWhole := len(faults) == 0
	found := syntax.Ordered(append(faults, c.faults...))
	if !isWhole {
		return found
	}
	w := &watcher{checker: c, evidence: evidenceOf(options.Type), attestationType: options.Type, made: make(map[string][]claims.Kind), queried: make(map[string]bool)}
	c.faults = nil
	w.watch()
	warnings := syntax.Ordered(c.faults)
	if w.dead != nil {
		c.faults = warnings[:min(len(warnings), maxFaults-1)]
		w.neverPermits(w.dead) // comes last: those before it say why
		warnings = c.faults
	}
	return append(found, warnings...)
}

// watcher looks for what is doubtful in a tree without faults of grammar.
type watcher struct {
	*checker

	attestationType string
	// evidence holds the kinds of the claims that evidence has, by type.
	evidence map[string]claims.Kind
	// dead is the first of the rules that permit, if none of them can fire.
	dead *syntax.Rule
	// made holds the kinds of the claims that earlier rules make, 0 for any.
	made map[string][]claims.Kind
	// queried says of which types all claims that earlier rules make are made by
	// JmesPath.
	queried map[string]bool
	// madeAny is set once a rule makes claims whose type only the claims say.
	madeAny bool
}

func (w *watcher) warn(code syntax.Code, at syntax.Range, message, hint string) {
	w.report(code, at, message, hint)
	w.faults[len(w.faults)-1].Severity = syntax.SeverityWarning
}

func (w *watcher) watch() {
	if t := w.attestationType; t != "" && !slices.Contains(attestationTypes[:], t) {
		hint := "there are " + strings.Join(attestationTypes[:], ", ")
		if near := syntax.Nearest(t, attestationTypes[:]); near != "" {
			hint = "did you mean " + near + "?"
		}
		w.warn(UnknownAttestationType, syntax.Range{Start: syntax.Position{Line: 1}, End: syntax.Position{Line: 1}}, fmt.Sprintf("there is no attestation type %s, so its claims are not known", clip(t)), hint)
		w.attestationType = ""
	}
	var permitting *syntax.Rule
	permits, denies := false, false
	for _, section := range w.tree.Sections() {
		for _, rule := range section.Rules {
			if len(w.faults) >= maxFaults {
				return
			}
			w.notes(rule)
			canFire := w.rule(rule)
			if rule.Action.Verb == syntax.Permit && permitting == nil {
				permitting = rule
			}
			permits = permits || canFire && rule.Action.Verb == syntax.Permit
			denies = denies || len(rule.Conditions) == 0 && rule.Action.Verb == syntax.Deny
		}
	}
	switch authorization := w.tree.Authorization; {
	case authorization == nil:
	case denies:
		w.warn(NeverPermits, authorization.Name, "the policy never permits: one of its rules always denies", "")
	case permits:
	case permitting != nil:
		w.dead = permitting
	default:
		w.warn(NeverPermits, authorization.Name, "the policy never permits: it has no rule that can permit", "add a rule that ends with => permit();")
	}
}

// neverPermits warns of a policy none of whose rules that permit can fire, of
// which dead is the first. To add one that does is no advice: it would permit
// what the author has kept out.
func (w *watcher) neverPermits(dead *syntax.Rule) {
	w.warn(NeverPermits, w.tree.Authorization.Name, fmt.Sprintf("the policy never permits: none of its rules that permit can fire, see line %d", dead.Range.Start.Line), "")
}

// rule reports whether a rule can fire, and notes what it makes.
func (w *watcher) rule(rule *syntax.Rule) bool {
	canFire := true
	for _, condition := range rule.Conditions {
		if !w.condition(rule, condition) {
			canFire = false
		}
	}
	if !canFire {
		return false
	}
	w.property(rule)
	w.makes(rule)
	return true
}

// condition reports whether a condition can hold.
func (w *watcher) condition(rule *syntax.Rule, condition *syntax.Condition) bool {
	so := "the rule never fires"
	if rule.Action.Verb == syntax.Permit || rule.Action.Verb == syntax.Deny {
		so = "the rule never " + map[syntax.Verb]string{syntax.Permit: "permits", syntax.Deny: "denies"}[rule.Action.Verb]
	}
	if condition.Negated {
		so = "the condition always holds"
	}
	if why := contradiction(condition); why != "" {
		w.warn(NeverMatches, condition.Range, "no claim can pass: "+why, so)
		return condition.Negated
	}
	name, at := typeAsked(condition)
	if name == "" {
		return true
	}
	sources := w.sources(condition, name)
	if len(sources) == 0 {
		w.unknownType(name, at, so)
		return condition.Negated
	}
	if why := kindAsked(condition, sources); why != "" {
		w.warn(NeverMatches, condition.Range, fmt.Sprintf("no claim can pass: the value of %s %s", clip(name), why), so)
		return condition.Negated
	}
	w.values(condition, name)
	return true
}

// typeAsked returns the type that a condition asks for, and where it stands.
func typeAsked(condition *syntax.Condition) (string, syntax.Range) {
	for _, t := range condition.Tests {
		if e, ok := t.Operand.(*syntax.StringLiteral); ok && t.Property == syntax.Type && t.Operator == syntax.Equal {
			return e.Value, e.Range
		}
	}
	return "", syntax.Range{}
}

// sources returns the kinds of the claims of a type that a condition can meet, 0
// for any; none if there cannot be such claims.
func (w *watcher) sources(condition *syntax.Condition, name string) []claims.Kind {
	by := func(i issuer) bool { return canBeOf(condition, i) }
	var kinds []claims.Kind
	if by(issuerService) {
		if kind, known := w.evidence[name]; known {
			kinds = append(kinds, kind)
		} else if w.attestationType == "" {
			kinds = append(kinds, 0)
		}
	}
	if by(issuerPolicy) {
		kinds = append(kinds, w.made[name]...)
		if w.madeAny {
			kinds = append(kinds, 0)
		}
	}
	// What clients call their claims is theirs to choose; Azure puts an address
	// before it. A rule that means them says so.
	if by(issuerCustom) && clientClaims(w.attestationType) && (!by(issuerService) || strings.Contains(name, "://")) {
		kinds = append(kinds, 0)
	}
	return kinds
}

// canBeOf reports whether claims of an issuer can pass what a condition says of
// issuers.
func canBeOf(condition *syntax.Condition, i issuer) bool {
	for _, t := range condition.Tests {
		if v, ok := literalOf(t.Operand); ok && t.Property == syntax.Issuer && !compare(claims.String(i.String()), t.Operator, v) {
			return false
		}
	}
	return true
}

// kindAsked returns why a condition asks for another kind of value than claims of
// these kinds have, or "".
func kindAsked(condition *syntax.Condition, sources []claims.Kind) string {
	for _, t := range condition.Tests {
		kind := kindOf(t.Operand)
		if t.Property != syntax.Value || kind == 0 || slices.Contains(sources, 0) || slices.Contains(sources, kind) {
			continue
		}
		return fmt.Sprintf("is %s, never %s", sources[0], kind)
	}
	return ""
}

// unknownType warns of a type of claim that there is not.
func (w *watcher) unknownType(name string, at syntax.Range, so string) {
	message := fmt.Sprintf("no earlier rule makes a claim %s", shown(claims.String(name)))
	if w.attestationType != "" {
		message = fmt.Sprintf("evidence of %s has no claim %s, and no earlier rule makes one", w.attestationType, shown(claims.String(name)))
	}
	known := make([]string, 0, len(w.evidence)+len(w.made))
	for k := range w.evidence {
		known = append(known, k)
	}
	for k := range w.made {
		known = append(known, k)
	}
	slices.Sort(known)
	hint := so
	switch near := w.nearest(name, known); {
	case slices.Contains(tokenTypes[:], name):
		hint = "the service states it in the token, where policies do not see it; " + so
	case slices.Contains(known, name):
		hint = "there is one of another issuer; " + so
	case near != "":
		hint = "did you mean " + near + "? " + strings.ToUpper(so[:1]) + so[1:]
	}
	w.warn(UnknownClaimType, at, message, hint)
}
