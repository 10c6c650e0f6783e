package policy

import (
	"fmt"
	"strings"
)

// String is the explanation for people to read, a few lines for each rule.
func (x *Explanation) String() string {
	var b strings.Builder
	b.WriteString(x.summary())
	section := ""
	for i := range x.Rules {
		r := &x.Rules[i]
		if r.Section != section {
			section = r.Section
			fmt.Fprintf(&b, "\n%s\n", section)
		}
		r.write(&b)
	}
	return b.String()
}

func (x *Explanation) summary() string {
	where := ""
	if x.Deciding != nil {
		where = fmt.Sprintf(" by rule %d of %s at %d:%d", x.Deciding.Number, x.Deciding.Section, x.Deciding.Line, x.Deciding.Column)
	}
	switch x.Verdict {
	case "permit":
		return "permitted" + where + "\n"
	case Denied.String():
		return "denied" + where + "\n"
	case NoPermit.String():
		return "not permitted: no rule permits\n"
	}
	return strings.Replace("cannot be decided"+where, " by ", ": ", 1) + ": " + x.Problem + "\n"
}

func (r *ExplainedRule) write(b *strings.Builder) {
	states := map[RuleState]string{
		RuleFired: "fires", RuleSkipped: "does not fire", RuleFailed: "fails", RuleNotRun: "is not run",
	}
	fmt.Fprintf(b, "  rule %d at %d:%d %s\n", r.Number, r.Line, r.Column, states[r.State])
	if r.State == RuleNotRun {
		return
	}
	if len(r.Conditions) == 0 {
		b.WriteString("    yes  no conditions\n")
	}
	for i := range r.Conditions {
		r.Conditions[i].write(b)
	}
	if r.Problem != "" {
		fmt.Fprintf(b, "    !!   %s\n", r.Problem)
	}
	for _, e := range r.Effects {
		fmt.Fprintf(b, "    =>   %s", e.Action)
		if e.Claim != nil {
			fmt.Fprintf(b, " %s = %s", e.Claim.Type, shown(e.Claim.Value))
		}
		b.WriteByte('\n')
	}
	if r.EffectsOmitted > 0 {
		fmt.Fprintf(b, "         and %d more\n", r.EffectsOmitted)
	}
	if r.State == RuleFired && len(r.Effects)+r.EffectsOmitted == 0 {
		b.WriteString("    =>   nothing: the value is empty\n")
	}
}

func (c *ExplainedCondition) write(b *strings.Builder) {
	mark := "no "
	if c.Holds {
		mark = "yes"
	}
	fmt.Fprintf(b, "    %s  %s\n", mark, strings.Join(strings.Fields(c.Text), " "))
	if c.Mismatch != nil {
		fmt.Fprintf(b, "           %s\n", c.Mismatch.Reason)
	}
	for _, claim := range c.Claims {
		fmt.Fprintf(b, "           %s = %s, of %s\n", claim.Type, shown(claim.Value), claim.Issuer)
	}
	if c.Omitted > 0 {
		fmt.Fprintf(b, "           and %d more\n", c.Omitted)
	}
}
