package syntax

import "strconv"

// Policy is a whole policy. A section that the text does not have is nil. In a
// faulty text, rules that could not be read are left out, as are all comments,
// and a word that is not known stands as zero.
type Policy struct {
	// Version is 0 if the text states none or one that does not exist.
	Version Version
	// VersionRange is where the version number stands, "1.1".
	VersionRange Range
	// Comments are those of the version statement.
	Comments      Comments
	Configuration *Section
	Authorization *Section
	Issuance      *Section
	// End holds the comments behind the last section.
	End []*Comment
}

// Sections returns the sections that the policy has, in their order.
func (p *Policy) Sections() []*Section {
	var sections []*Section
	for _, s := range []*Section{p.Configuration, p.Authorization, p.Issuance} {
		if s != nil {
			sections = append(sections, s)
		}
	}
	return sections
}

// SectionKind says which of the three sections a rule stands in.
type SectionKind uint8

// The sections, in the order in which a policy has them.
const (
	Configuration SectionKind = iota + 1
	Authorization
	Issuance
)

// String returns the section's name as a policy writes it.
func (k SectionKind) String() string {
	switch k {
	case Configuration:
		return "configurationrules"
	case Authorization:
		return "authorizationrules"
	case Issuance:
		return "issuancerules"
	}
	return "SectionKind(" + strconv.Itoa(int(k)) + ")"
}

// Section is a named list of rules.
type Section struct {
	Kind SectionKind
	// Range spans the section from its name to its semicolon, Name the name
	// alone, Body what stands between its braces, with them.
	Range    Range
	Name     Range
	Body     Range
	Comments Comments
	// Opening is the comment beside the name or the opening brace.
	Opening *Comment
	Rules   []*Rule
	// End holds the comments behind the last rule.
	End []*Comment
}

// Rule is "conditions => action;". A rule without conditions always fires.
type Rule struct {
	// Number counts the rules of a section as the text has them, from 1.
	Number int
	// Range spans the rule with its semicolon.
	Range      Range
	Comments   Comments
	Conditions []*Condition
	Action     *Action
}

// Condition is "name:[tests]". It binds Name to the claims that pass all tests;
// without tests every claim does.
type Condition struct {
	Range    Range
	Comments Comments
	// Negated is "!" (version 1.2): no claim may pass.
	Negated bool
	// Name is nil for a condition without one.
	Name  *Identifier
	Tests []*Test
	// End holds the comments behind the last test.
	End []*Comment
}

// Test compares a property of a claim.
type Test struct {
	Range    Range
	Comments Comments
	Property Property
	Operator Operator
	Operand  Expression
}

// Identifier is a name that a rule gives to what a condition binds.
type Identifier struct {
	Range Range
	Name  string
}

// Verb is what an action does.
type Verb uint8

// The verbs.
const (
	Permit Verb = iota + 1
	Deny
	Add
	Issue
	IssueProperty
)

// String returns the verb as a policy writes it.
func (v Verb) String() string {
	switch v {
	case Permit:
		return "permit"
	case Deny:
		return "deny"
	case Add:
		return "add"
	case Issue:
		return "issue"
	case IssueProperty:
		return "issueproperty"
	}
	return "Verb(" + strconv.Itoa(int(v)) + ")"
}

// Action is what a rule does when it fires. [Permit] and [Deny] have no
// arguments; the others have either Claim or Arguments.
type Action struct {
	Range Range
	// Leading holds the comments before the action, if a condition stands
	// before these: what follows an action belongs to its rule.
	Leading []*Comment
	Verb    Verb
	// Claim is c of "claim=c".
	Claim     *Identifier
	Arguments []*Argument
	// End holds the comments behind the last argument.
	End []*Comment
}

// Argument is "property=expression" of an action.
type Argument struct {
	Range    Range
	Comments Comments
	Property Property
	Value    Expression
}

// Property is one of the four things a claim has.
type Property uint8

// The properties of a claim.
const (
	Type Property = iota + 1
	Value
	ValueType
	Issuer
)

// String returns the property as a policy writes it.
func (p Property) String() string {
	switch p {
	case Type:
		return "type"
	case Value:
		return "value"
	case ValueType:
		return "valueType"
	case Issuer:
		return "issuer"
	}
	return "Property(" + strconv.Itoa(int(p)) + ")"
}

// Operator compares two values.
type Operator uint8

// The operators.
const (
	Equal Operator = iota + 1
	NotEqual
	Less
	LessOrEqual
	Greater
	GreaterOrEqual
)

// String returns the operator as a policy writes it.
func (o Operator) String() string {
	switch o {
	case Equal:
		return "=="
	case NotEqual:
		return "!="
	case Less:
		return "<"
	case LessOrEqual:
		return "<="
	case Greater:
		return ">"
	case GreaterOrEqual:
		return ">="
	}
	return "Operator(" + strconv.Itoa(int(o)) + ")"
}
