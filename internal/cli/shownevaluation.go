package cli

import (
	"fmt"
	"io"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy"
)

// verdictError is the verdict of [policy.Explanation] that is none.
const verdictError = "error"

// evaluatedPolicy is what policy eval --json prints.
type evaluatedPolicy struct {
	Permitted  bool        `json:"permitted"`
	Issued     *claims.Set `json:"issued"`
	Properties *claims.Set `json:"properties"`
	// Deciding is the rule that decided, null if none did.
	Deciding *policy.RuleName `json:"deciding"`
	Verdict  string           `json:"verdict"`
	Problem  string           `json:"problem,omitempty"`
	// PolicyHash is x-ms-policy-hash of tokens under this policy.
	PolicyHash string `json:"policyHash"`
}

func newEvaluatedPolicy(f *policyFile, x *policy.Explanation) *evaluatedPolicy {
	e := &evaluatedPolicy{
		Permitted: x.Permitted, Issued: x.Issued, Properties: x.Properties, Deciding: x.Deciding, Verdict: x.Verdict, Problem: x.Problem,
	}
	if e.Issued == nil {
		e.Issued, e.Properties = new(claims.Set), new(claims.Set)
	}
	e.PolicyHash, _ = policyHash(f.text)
	return e
}

// print writes the verdict and two tables. Values stand as in JSON, so that "1"
// is not taken for 1.
func (e *evaluatedPolicy) print(w io.Writer, f *policyFile) error {
	if err := printVerdict(w, f, e.Verdict, e.Problem, e.Deciding); err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		set  *claims.Set
	}{{"issued", e.Issued}, {"properties", e.Properties}} {
		if part.set.Len() == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "\n%s\n", part.name); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		t := newTable(w)
		for name, v := range part.set.All() {
			t.row("  "+clean(name), inJSON(v))
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	return nil
}

// inJSON is a value for people who want to know its type.
func inJSON(v claims.Value) string { return onlyText(string(v.AppendJSON(nil))) }

// printVerdict writes what became of it, and the rule that decided.
func printVerdict(w io.Writer, f *policyFile, verdict, problem string, deciding *policy.RuleName) error {
	text := map[string]string{"permit": "permitted", "denied": "denied", "no-permit": "not permitted: no rule permits"}[verdict]
	if verdict == verdictError {
		text = "cannot be decided: " + oneLine(problem)
	}
	if deciding != nil {
		text += fmt.Sprintf("\n  rule %d of %s, %s: %s", deciding.Number, deciding.Section, f.at(deciding), oneLine(deciding.Text))
	}
	if _, err := fmt.Fprintln(w, text); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
