package syntax

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestComments checks what every comment of a policy belongs to.
func TestComments(t *testing.T) {
	t.Parallel()
	const source = `// a
version /* no comment of ours */ = 1.2;`
	if tree, faults := Parse(source); len(faults) == 0 || tree.Comments.Leading != nil {
		t.Errorf("a text with faults has comments %v", tree.Comments)
	}
	text := `// head
version = // inner
  1.2; // version   ` + `
// above the section
authorizationrules // name
{ // first
  // above the rule
  !c:[ // after the bracket
    type == // in the test
      "// no comment", // beside the test
    value>1
    // end of the condition
  ] // beside the condition
  // above the second
  && []
  // above the action
  => add( type="a" // beside the argument
    // end of the action
  ) // before the semicolon
  ;
  => // behind the arrow
  permit(); // beside the rule
  // end of the section
};
issuancerules { }; // beside the section
// end`
	tree := mustParse(t, text)
	section := tree.Authorization
	first, second := section.Rules[0], section.Rules[1]
	tests := map[string]struct {
		got  []*Comment
		want []string
	}{
		"version, before":       {tree.Comments.Leading, []string{"// head", "// inner"}},
		"version, beside":       {[]*Comment{tree.Comments.Trailing}, []string{"// version"}},
		"section, before":       {section.Comments.Leading, []string{"// above the section"}},
		"section, opening":      {[]*Comment{section.Opening}, []string{"// name"}},
		"section, end":          {section.End, []string{"// end of the section"}},
		"rule, before":          {first.Comments.Leading, []string{"// first", "// above the rule"}},
		"rule, beside":          {[]*Comment{first.Comments.Trailing}, []string{"// before the semicolon"}},
		"test, before":          {first.Conditions[0].Tests[0].Comments.Leading, []string{"// after the bracket", "// in the test"}},
		"test, beside":          {[]*Comment{first.Conditions[0].Tests[0].Comments.Trailing}, []string{"// beside the test"}},
		"test, nothing":         {first.Conditions[0].Tests[1].Comments.Leading, nil},
		"condition, end":        {first.Conditions[0].End, []string{"// end of the condition"}},
		"condition, beside":     {[]*Comment{first.Conditions[0].Comments.Trailing}, []string{"// beside the condition"}},
		"condition, before":     {first.Conditions[1].Comments.Leading, []string{"// above the second"}},
		"action, before":        {first.Action.Leading, []string{"// above the action"}},
		"argument, beside":      {[]*Comment{first.Action.Arguments[0].Comments.Trailing}, []string{"// beside the argument"}},
		"action, end":           {first.Action.End, []string{"// end of the action"}},
		"bare rule, before":     {second.Comments.Leading, []string{"// behind the arrow"}},
		"bare rule, beside":     {[]*Comment{second.Comments.Trailing}, []string{"// beside the rule"}},
		"last section, beside":  {[]*Comment{tree.Issuance.Comments.Trailing}, []string{"// beside the section"}},
		"last section, nothing": {tree.Issuance.Comments.Leading, nil},
		"end":                   {tree.End, []string{"// end"}},
	}
	count := 0
	for name, test := range tests {
		var got []string
		for _, c := range test.got {
			if c == nil {
				continue
			}
			got = append(got, c.Text)
			if spanned := c.Range.Of(text); spanned != c.Text {
				t.Errorf("%s: the comment spans %q, its text is %q", name, spanned, c.Text)
			}
		}
		count += len(got)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if all := strings.Count(text, "//") - 1; count != all {
		t.Errorf("%d comments are in their places, want %d", count, all)
	}
	for name, test := range map[string]struct {
		at   Range
		want string
	}{
		"section": {section.Range, text[strings.Index(text, "authorizationrules"):strings.Index(text, "\nissuance")]},
		"body":    {tree.Issuance.Body, "{ }"},
		"rule":    {second.Range, "=> // behind the arrow\n  permit();"},
	} {
		if got := test.at.Of(text); got != test.want {
			t.Errorf("%s spans %q, want %q", name, got, test.want)
		}
	}
}

func TestTooManyComments(t *testing.T) {
	t.Parallel()
	if _, faults := Parse(rules(strings.Repeat("//\n", maxComments))); len(faults) > 0 {
		t.Errorf("%d comments: %s", maxComments, faults[0])
	}
	_, faults := Parse(rules(strings.Repeat("//\n", maxComments+2)))
	if len(faults) != 1 || faults[0].Code != TooLarge || faults[0].Range.Start.Line != maxComments+2 {
		t.Errorf("%d comments: faults %v, want one that says %s, at the first too many", maxComments+2, faults, TooLarge)
	}
}
