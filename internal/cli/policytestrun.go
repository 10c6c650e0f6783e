package cli

import (
	"cmp"
	"encoding/json"
	"path/filepath"
	"slices"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy"
)

// testedProgram is a policy under test, and how often each of its rules fired.
type testedProgram struct {
	file    *policyFile
	program *policy.Program
	rules   []coveredRule
}

// testRun runs tests. Several files may test one policy, whose coverage they
// share.
type testRun struct {
	streams  Streams
	programs map[string]*testedProgram
}

func (r *testRun) programOf(f *testFile) (*testedProgram, error) {
	path := filepath.Clean(f.path(f.Policy))
	if p, ok := r.programs[path]; ok {
		return p, nil
	}
	file, err := readPolicyFile(r.streams, path)
	if err != nil {
		return nil, err
	}
	p := &testedProgram{file: file}
	if p.program, err = file.compile(r.streams); err != nil {
		return nil, err
	}
	for _, rule := range p.program.Explain(new(claims.Set)).Rules {
		p.rules = append(p.rules, coveredRule{RuleName: rule.RuleName})
	}
	r.programs[path] = p
	return p, nil
}

func (r *testRun) run(f *testFile) (*testedFile, error) {
	p, err := r.programOf(f)
	if err != nil {
		return nil, err
	}
	result := &testedFile{File: f.name, Policy: p.file.name, OK: true, Cases: []testedCase{}}
	for i := range f.Cases {
		c := &f.Cases[i]
		x := p.program.ExplainWith(c.given.incoming, c.given.custom)
		for j := range x.Rules {
			if x.Rules[j].State == policy.RuleFired {
				p.rules[j].Fired++
			}
		}
		one := c.judge(p.file, x)
		result.OK = result.OK && one.OK
		result.Cases = append(result.Cases, one)
	}
	return result, nil
}

// judge holds what the policy makes of the claims against what the test wants.
func (c *testCase) judge(f *policyFile, x *policy.Explanation) testedCase {
	got := newEvaluatedPolicy(f, x)
	result := testedCase{
		Name: c.Name.Value, Line: c.Name.Line, Want: c.Want, Verdict: x.Verdict, Problem: x.Problem, Deciding: x.Deciding,
		Differences: []testDifference{},
	}
	if c.Want != inShort(x.Verdict) {
		result.Differences = append(result.Differences, testDifference{Part: "verdict", Want: quoted(c.Want), Got: quoted(x.Verdict)})
	} else {
		result.differ("issued", c.issued, got.Issued)
		result.differ("properties", c.properties, got.Properties)
	}
	result.OK = len(result.Differences) == 0
	return result
}

// inShort is what tests call a verdict.
func inShort(verdict string) string {
	switch verdict {
	case "permit":
		return wantPermit
	case verdictError:
		return wantError
	default:
		return wantDeny
	}
}

// differ notes the claims that are not exactly those that are wanted; nil wants
// nothing in particular.
func (c *testedCase) differ(part string, want, got *claims.Set) {
	if want == nil {
		return
	}
	names := want.Clone()
	names.AddAll(got)
	for _, name := range names.Names() {
		d := testDifference{Part: part, Type: name, Want: claimInJSON(want, name), Got: claimInJSON(got, name)}
		if string(d.Want) != string(d.Got) {
			c.Differences = append(c.Differences, d)
		}
	}
}

// claimInJSON is a claim as a token shows it, nil if there is none.
func claimInJSON(set *claims.Set, name string) json.RawMessage {
	if !set.Has(name) {
		return nil
	}
	one := new(claims.Set)
	one.Put("", set.Values(name)...)
	text := one.AppendJSON(nil)
	return text[len(`{"":`) : len(text)-1]
}

func quoted(word string) json.RawMessage { return claims.String(word).AppendJSON(nil) }

// coverage is what of each policy was tested.
func (r *testRun) coverage() []coveredPolicy {
	covered := []coveredPolicy{}
	for _, p := range r.programs {
		c := coveredPolicy{Policy: p.file.name, Total: len(p.rules), Rules: p.rules, file: p.file}
		for i := range p.rules {
			if p.rules[i].Fired > 0 {
				c.Fired++
			}
		}
		c.Percent = 100
		if c.Total > 0 {
			c.Percent = 100 * float64(c.Fired) / float64(c.Total)
		}
		covered = append(covered, c)
	}
	slices.SortFunc(covered, func(a, b coveredPolicy) int { return cmp.Compare(a.Policy, b.Policy) })
	return covered
}
