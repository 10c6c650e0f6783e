package syntax

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// printWidth is how many code points a rule may take on one line. Two
	// conditions with their action fit; one that names a hash has its action
	// below it.
	printWidth = 100
	indentRule = "    "
	// indentAction is deeper than a rule: what begins with => at the margin of
	// the rules is a rule without conditions, and must not be mistaken for one.
	indentAction = indentRule + "    "
)

// Format parses a text and prints it. A text with faults is not printed: they
// are returned instead. The result means what the text means, but it is another
// text, and so has another hash.
func Format(text string) (string, []Diagnostic) {
	tree, faults := Parse(text)
	if len(faults) > 0 {
		return "", faults
	}
	out := Print(tree)
	if len(out) > maxText {
		return "", []Diagnostic{tooLarge(len(out))}
	}
	return out, nil
}

// Print writes a tree that was parsed without faults in the one layout that
// policies have:
//
//	version=1.0;
//
//	authorizationrules
//	{
//	    // Comments stay where they are.
//	    [type=="secureboot", value==true] => permit();
//	};
//
// A rule that is longer than 100 characters is broken behind its && and before
// its =>; one with comments inside also at its commas. Rules and comments that an
// empty line sets apart stay apart. What is printed parses into the same tree, up
// to ranges, and is printed the same again.
func Print(tree *Policy) string {
	p := new(printer)
	p.leading("", tree.Comments.Leading, tree.VersionRange.Start.Line)
	p.line("version=" + tree.Version.String() + ";" + trailing(tree.Comments))
	for _, s := range tree.Sections() {
		p.line("")
		p.section(s)
	}
	if len(tree.End) > 0 {
		p.line("")
		p.leading("", tree.End, 0)
	}
	return p.out.String()
}

type printer struct{ out strings.Builder }

func (p *printer) line(text string) {
	p.out.WriteString(text)
	p.out.WriteByte('\n')
}

// leading prints comments before a piece that begins on a line of the source, 0
// for none. Empty lines between them are kept, as one.
func (p *printer) leading(indent string, comments []*Comment, next int) {
	for i, c := range comments {
		p.line(indent + c.Text)
		following := next
		if i+1 < len(comments) {
			following = comments[i+1].Range.Start.Line
		}
		p.gap(c.Range.End.Line, following)
	}
}

// gap prints an empty line where the source has some between two lines.
func (p *printer) gap(line, next int) {
	if line > 0 && next > line+1 {
		p.line("")
	}
}

// inner prints comments within a rule, where no empty lines are kept.
func (p *printer) inner(indent string, comments []*Comment) {
	for _, c := range comments {
		p.line(indent + c.Text)
	}
}

// trailing is what a piece with these comments ends its line with.
func trailing(c Comments) string { return beside(c.Trailing) }

func beside(c *Comment) string {
	if c == nil {
		return ""
	}
	return " " + c.Text
}

func (p *printer) section(s *Section) {
	p.leading("", s.Comments.Leading, s.Range.Start.Line)
	p.line(s.Kind.String() + beside(s.Opening))
	p.line("{")
	last := 0 // the line on which the rule before ends
	for _, r := range s.Rules {
		first := r.Range.Start.Line
		if len(r.Comments.Leading) > 0 {
			first = r.Comments.Leading[0].Range.Start.Line
		}
		p.gap(last, first)
		p.rule(r)
		last = r.Range.End.Line
	}
	if len(s.End) > 0 {
		p.gap(last, s.End[0].Range.Start.Line)
		p.leading(indentRule, s.End, 0)
	}
	p.line("};" + trailing(s.Comments))
}

func (p *printer) rule(r *Rule) {
	p.leading(indentRule, r.Comments.Leading, r.Range.Start.Line)
	if !commentsInside(r) {
		if text := indentRule + flat(r); utf8.RuneCountInString(text) <= printWidth || len(r.Conditions) == 0 {
			p.line(text + trailing(r.Comments))
			return
		}
	}
	for i, c := range r.Conditions {
		if i > 0 {
			p.inner(indentRule, c.Comments.Leading)
		}
		p.out.WriteString(indentRule)
		p.condition(c)
		if i+1 < len(r.Conditions) {
			p.out.WriteString(" &&")
		}
		p.line(trailing(c.Comments))
	}
	indent := indentAction
	if len(r.Conditions) == 0 {
		indent = indentRule
	}
	p.inner(indent, r.Action.Leading)
	p.out.WriteString(indent + "=> ")
	p.action(indent, r.Action)
	p.line(";" + trailing(r.Comments))
}

// commentsInside reports whether comments keep a rule from one line.
func commentsInside(r *Rule) bool {
	for _, c := range r.Conditions {
		if len(c.Comments.Leading) > 0 || c.Comments.Trailing != nil || inCondition(c) {
			return true
		}
	}
	return len(r.Action.Leading) > 0 || inAction(r.Action)
}

func inCondition(c *Condition) bool {
	for _, t := range c.Tests {
		if len(t.Comments.Leading) > 0 || t.Comments.Trailing != nil {
			return true
		}
	}
	return len(c.End) > 0
}

func inAction(a *Action) bool {
	for _, x := range a.Arguments {
		if len(x.Comments.Leading) > 0 || x.Comments.Trailing != nil {
			return true
		}
	}
	return len(a.End) > 0
}

// condition prints a condition, over several lines if it has comments inside.
func (p *printer) condition(c *Condition) {
	if !inCondition(c) {
		p.out.WriteString(flatCondition(c))
		return
	}
	p.line(head(c))
	for i, t := range c.Tests {
		p.piece(indentRule+"    ", t.Comments, flatTest(t), i+1 < len(c.Tests))
	}
	p.inner(indentRule+"    ", c.End)
	p.out.WriteString(indentRule + "]")
}

func (p *printer) action(indent string, a *Action) {
	if !inAction(a) {
		p.out.WriteString(flatAction(a))
		return
	}
	p.line(a.Verb.String() + "(")
	if a.Claim != nil {
		p.line(indent + "    claim=" + a.Claim.Name)
	}
	for i, x := range a.Arguments {
		p.piece(indent+"    ", x.Comments, flatArgument(x), i+1 < len(a.Arguments))
	}
	p.inner(indent+"    ", a.End)
	p.out.WriteString(indent + ")")
}

// piece prints a test or an argument on its own line.
func (p *printer) piece(indent string, c Comments, text string, more bool) {
	p.inner(indent, c.Leading)
	if more {
		text += ","
	}
	p.line(indent + text + trailing(c))
}

// flat is a rule on one line, without its comments.
func flat(r *Rule) string {
	conditions := make([]string, len(r.Conditions))
	for i, c := range r.Conditions {
		conditions[i] = flatCondition(c)
	}
	text := "=> " + flatAction(r.Action) + ";"
	if len(conditions) > 0 {
		text = strings.Join(conditions, " && ") + " " + text
	}
	return text
}

// head is a condition up to its bracket.
func head(c *Condition) string {
	text := "["
	if c.Name != nil {
		text = c.Name.Name + ":["
	}
	if c.Negated {
		text = "!" + text
	}
	return text
}

func flatCondition(c *Condition) string {
	tests := make([]string, len(c.Tests))
	for i, t := range c.Tests {
		tests[i] = flatTest(t)
	}
	return head(c) + strings.Join(tests, ", ") + "]"
}

func flatTest(t *Test) string {
	return t.Property.String() + t.Operator.String() + flatExpression(t.Operand)
}

func flatAction(a *Action) string {
	var arguments []string
	if a.Claim != nil {
		arguments = append(arguments, "claim="+a.Claim.Name)
	}
	for _, x := range a.Arguments {
		arguments = append(arguments, flatArgument(x))
	}
	return a.Verb.String() + "(" + strings.Join(arguments, ", ") + ")"
}

func flatArgument(x *Argument) string {
	return x.Property.String() + "=" + flatExpression(x.Value)
}

// escaper escapes what would end a string or begin an escape, nothing else.
var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func flatExpression(e Expression) string {
	switch e := e.(type) {
	case *StringLiteral:
		if e.Literal != "" {
			return e.Literal
		}
		return `"` + escaper.Replace(e.Value) + `"`
	case *IntegerLiteral:
		return strconv.FormatInt(e.Value, 10)
	case *BooleanLiteral:
		return strconv.FormatBool(e.Value)
	case *Reference:
		return e.Name.Name + "." + e.Property.String()
	case *Call:
		arguments := make([]string, len(e.Arguments))
		for i, a := range e.Arguments {
			arguments[i] = flatExpression(a)
		}
		return e.Function.Name + "(" + strings.Join(arguments, ", ") + ")"
	}
	return ""
}
