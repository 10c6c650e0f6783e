package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/azattest/azattest/policy"
)

// testedPolicies is what policy test --json prints.
type testedPolicies struct {
	OK       bool            `json:"ok"`
	Passed   int             `json:"passed"`
	Failed   int             `json:"failed"`
	Files    []testedFile    `json:"files"`
	Coverage []coveredPolicy `json:"coverage"`
}

// testedFile is what became of one file of tests.
type testedFile struct {
	File   string       `json:"file"`
	Policy string       `json:"policy"`
	OK     bool         `json:"ok"`
	Cases  []testedCase `json:"cases"`
}

// testedCase is what became of one test.
type testedCase struct {
	Name        string           `json:"name"`
	Line        int              `json:"line"`
	OK          bool             `json:"ok"`
	Want        string           `json:"want"`
	Verdict     string           `json:"verdict"`
	Problem     string           `json:"problem,omitempty"`
	Deciding    *policy.RuleName `json:"deciding"`
	Differences []testDifference `json:"differences"`
}

// testDifference is a thing that is not as the test wants it. Want and Got are
// absent where there is no such claim, or shall be none.
type testDifference struct {
	Part string          `json:"part"`
	Type string          `json:"type,omitempty"`
	Want json.RawMessage `json:"want,omitempty"`
	Got  json.RawMessage `json:"got,omitempty"`
}

// coveredPolicy says which rules of a policy fired in any test.
type coveredPolicy struct {
	Policy  string        `json:"policy"`
	OK      bool          `json:"ok"`
	Fired   int           `json:"fired"`
	Total   int           `json:"total"`
	Percent float64       `json:"percent"`
	Rules   []coveredRule `json:"rules"`

	file *policyFile
}

// coveredRule is a rule, and in how many tests it fired.
type coveredRule struct {
	policy.RuleName

	Fired int `json:"fired"`
}

// print writes the tests as go test does.
func (o *policyTestOptions) print(w io.Writer, r *testedPolicies) error {
	var b strings.Builder
	for i := range r.Files {
		r.Files[i].write(&b, o.verbose)
	}
	for i := range r.Coverage {
		if c := &r.Coverage[i]; o.coverage || !c.OK {
			c.write(&b, o.failUnder)
		}
	}
	if _, err := io.WriteString(w, onlyText(b.String())); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

func (f *testedFile) write(b *strings.Builder, verbose bool) {
	failed := 0
	for i := range f.Cases {
		c := &f.Cases[i]
		switch {
		case !c.OK:
			failed++
			c.write(b, f)
		case verbose:
			fmt.Fprintf(b, "--- PASS: %s (%s:%d)\n", c.Name, f.File, c.Line)
		}
	}
	if failed > 0 {
		fmt.Fprintf(b, "FAIL  %s  %s, %d failed\n", f.File, counted(len(f.Cases), "case"), failed)
		return
	}
	fmt.Fprintf(b, "ok    %s  %s\n", f.File, counted(len(f.Cases), "case"))
}

func (c *testedCase) write(b *strings.Builder, f *testedFile) {
	fmt.Fprintf(b, "--- FAIL: %s (%s:%d)\n", c.Name, f.File, c.Line)
	for _, d := range c.Differences {
		if d.Type == "" {
			fmt.Fprintf(b, "    %s %s, want %s\n", d.Part, c.Verdict, c.Want)
			continue
		}
		fmt.Fprintf(b, "    %s %s: %s, want %s\n", d.Part, d.Type, orNothing(d.Got), orNothing(d.Want))
	}
	if c.Problem != "" {
		fmt.Fprintf(b, "      %s\n", c.Problem)
	}
	if r := c.Deciding; r != nil {
		fmt.Fprintf(b, "      %s:%d:%d: rule %d of %s: %s\n", f.Policy, r.Line, r.Column+1, r.Number, r.Section, oneLine(r.Text))
	}
}

func orNothing(value json.RawMessage) string {
	if value == nil {
		return "nothing"
	}
	return string(value)
}

func (c *coveredPolicy) write(b *strings.Builder, failUnder float64) {
	fmt.Fprintf(b, "coverage of %s: %d of %s fired (%.1f%%)", c.Policy, c.Fired, counted(c.Total, "rule"), c.Percent)
	if !c.OK {
		fmt.Fprintf(b, ", want %g%%", failUnder)
	}
	b.WriteByte('\n')
	for i := range c.Rules {
		if r := &c.Rules[i]; r.Fired == 0 {
			fmt.Fprintf(b, "  never fired: %s: rule %d of %s: %s\n", c.file.at(&r.RuleName), r.Number, r.Section, oneLine(r.Text))
		}
	}
}
